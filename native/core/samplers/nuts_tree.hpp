// One transition of the no-U-turn sampler, leapfrog step by leapfrog step, so that the trees of many chains can share
// each evaluation of the energy. See nuts.cpp for the algorithm and its sources.
#pragma once

#include <cstdint>
#include <vector>

#include "samplers/nuts_numbers.hpp"
#include "samplers/sampler.hpp"
#include "samplers/warmup.hpp"
#include "tensors/random.hpp"

namespace langevin {

/// Uniform numbers of one chain in one step, as many as its tree asks for: 64 at a time, each lot of a fork of its own.
class ChainUniforms {
 public:
  ChainUniforms() = default;
  ChainUniforms(std::uint64_t seed, std::uint64_t chain, std::uint64_t counter)
      : seed_(seed), chain_(chain), counter_(counter) {}
  double next();

 private:
  static constexpr int kLot = 64;
  std::uint64_t seed_ = 0, chain_ = 0, counter_ = 0, lots_ = 0;
  int used_ = kLot;
  float lot_[kLot] = {};
};

/// A place on a trajectory, with the momentum of warmup.hpp. `kick` shortens the gradient to the clip where it is
/// longer.
struct NutsPoint {
  Numbers x, p, gradient;
  double energy = 0, kick = 1;
};

/// A run of consecutive states: where it starts and ends in the order of integration, and the state drawn from it.
struct NutsRun {
  Numbers begin, end, rho;  // momenta at the ends, their sum over all states
  double logWeight = 0;     // log sum exp((H0 - H) / T)
  int level = 0;            // 2^level states
  NutsPoint proposal;
};

/// What stays the same for all chains of a step.
struct NutsSetting {
  std::int64_t columns = 0, maxDepth = 10;
  double temperature = 1, clip = 0;
  const Box* box = nullptr;
  bool float32 = true;  // positions carry the digits of the chains' dtype
};

class NutsTree {
 public:
  /// What `factor` views and the pool of rows as long as a chain's must outlive the transition. Momentum p ~ N(0, T).
  void start(NumbersPool& pool, const NutsSetting& setting, const double* x, double energy, const double* gradient,
             const double* p, const MetricFactor& factor, double stepSize, const ChainUniforms& uniforms);
  bool running() const { return running_; }
  /// Moves to the next state of the trajectory and says where the energy is wanted.
  const double* advance();
  /// The energy and gradient there.
  void receive(double energy, const double* gradient);

  const NutsPoint& proposal() const { return main_.proposal; }
  double acceptance() const { return leaves_ > 0 ? acceptance_ / static_cast<double>(leaves_) : 0; }
  std::int64_t leaves() const { return leaves_; }
  bool divergent() const { return divergent_; }
  bool moved() const { return moved_; }
  bool deepest() const { return depth_ >= setting_.maxDepth; }
  bool touched() const { return touched_; }

 private:
  void grow();
  void addLeaf();
  void mergeTop();
  void joinMain();
  Numbers copied(const double* numbers) const;
  Numbers added(const Numbers& a, const Numbers& b) const;
  double along(const Numbers& a, const Numbers& b) const;
  bool straight(const NutsRun& first, const NutsRun& second, const Numbers& rho) const;
  bool ahead(const Numbers& p, const Numbers& q, const Numbers& rho) const;

  NumbersPool* pool_ = nullptr;
  NutsSetting setting_;
  MetricFactor factor_{nullptr, 0, Metric::Diagonal};
  double stepSize_ = 0, start_ = 0, acceptance_ = 0;
  ChainUniforms uniforms_;
  NutsPoint edges_[2];  // backward, forward
  NutsRun main_;        // of all states so far; begin: backward edge, end: forward edge
  std::vector<NutsRun> stack_;
  std::size_t used_ = 0;  // runs on the stack
  int side_ = 1;
  std::int64_t depth_ = 0, leaves_ = 0;
  bool running_ = false, divergent_ = false, moved_ = false, touched_ = false;
};

}  // namespace langevin
