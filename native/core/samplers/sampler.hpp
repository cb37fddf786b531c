// A sampler is a Markov kernel: init and step on a tile of chains. Chains are independent; the driver cuts them into
// tiles, runs all steps of a tile in one thread, and keeps what the caller asked for.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/job.hpp"
#include "base/random.hpp"
#include "base/schedule.hpp"
#include "base/spec.hpp"
#include "energies/energy.hpp"

namespace langevin {

/// State of a tile of chains (n rows). Nothing is computed twice: energy and gradient belong to the current x.
struct Chains {
  at::Tensor x;                  // [n, d]
  at::Tensor y;                  // condition, or undefined
  std::uint64_t firstChain = 0;  // number of row 0; random numbers are keyed by chain
  at::Tensor energy;             // [n], undefined before init
  at::Tensor gradient;           // [n, d], undefined before init
  at::Tensor velocity;           // [n, d], samplers with momentum
  at::Tensor adaptation;         // [n, k], per-chain adaptation state (columns declared by the sampler)
};

/// Where a step stands. `counter` keys the random numbers and never repeats within a run (persistent chains go on
/// counting).
struct StepClock {
  std::int64_t t = 0;         // step within this call, 0 .. total - 1
  std::int64_t total = 1;     // steps in this call (schedules run over it)
  std::int64_t warmup = 0;    // the first `warmup` steps may adapt
  std::uint64_t counter = 0;  // step number in the life of the chains
};

/// Sums a tile adds up while it runs; the driver merges tiles in order.
struct Tally {
  double acceptance =
      0;  // sum of Metropolis acceptance probabilities (for unadjusted kernels: what a test would have given)
  double accepted = 0;         // proposals taken
  std::int64_t proposals = 0;  // terms in the sums above
  std::int64_t divergences = 0;
  std::int64_t clipped = 0;  // gradient rows clipped
  std::int64_t clamped = 0;  // rows that touched the box
  void merge(const Tally& other);
};

/// Options every continuous sampler shares.
struct CommonOptions {
  std::int64_t steps = 1;
  Schedule stepSize;
  Schedule temperature;  // 1
  double clip = 0;       // per-chain gradient norm limit, 0 = off
  struct Box {
    double low, high;
    bool reflect;  // reflect keeps the stationary law inside the box; clamp piles mass on the border
  };
  std::optional<Box> box;
  static CommonOptions read(const Spec& spec);
};

class Sampler {
 public:
  explicit Sampler(CommonOptions common) : common_(std::move(common)) {}
  virtual ~Sampler() = default;

  const CommonOptions& common() const { return common_; }
  /// Fills energy and gradient (and momentum, adaptation) for chains that just got their x.
  virtual void init(Chains& chains, const Energy& energy, const Random& random, std::uint64_t counter) const;
  virtual void step(Chains& chains, const Energy& energy, const StepClock& clock, const Random& random,
                    Tally& tally) const = 0;
  /// noise^2 / (2 lr) for heuristic Langevin, the temperature otherwise.
  virtual double effectiveTemperature() const;

 protected:
  CommonOptions common_;
};

std::shared_ptr<const Sampler> makeSampler(const Spec& spec);

/// Runs `steps` steps of every chain, in tiles over `threads`. Used by training (negatives) and by `sample`.
/// `counter` is the life-time step number of the first step. Throws Code::NonFinite / Code::Diverged naming chain and
/// step.
Tally advance(const Sampler& sampler, const Energy& energy, Chains& chains, std::int64_t steps, std::uint64_t counter,
              const Random& random, int threads, Job& job);

}  // namespace langevin
