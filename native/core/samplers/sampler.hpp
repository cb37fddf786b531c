// A sampler is a Markov kernel: init and step on a tile of chains. Chains are independent; the driver cuts them into
// tiles, runs all steps of a tile in one thread, and keeps what the caller asked for.
//
// Every samplers/<kind>.cpp has its parts in one order, which a test holds:
//   the opening comment with the formula and the paper; options; columns of the state and sums of its own; the class
//   with those it has of traits, requireDomain, init, step, fuse, atTemperature, tuned, effectiveTemperature, gradientFactor,
//   stepSizes, report, and then its own pieces; last make<Kind>.
//
// Random numbers (tensors/random.hpp) are keyed by (seed, chain, step), so a run can be replayed number by number:
//
//   stream             shape        counter          numbers
//   Stream::Init       [chains, d]  the first step   initial positions
//   Stream::Noise      [chains, d]  the step         xi of langevin, mala and underdampedLangevin; momenta of hmc, nuts
//   Stream::Accept     [chains, 1]  the step         uniforms of Metropolis tests
//   Stream::Auxiliary  [chains, d]  the first step   initial velocities of underdampedLangevin
//                      [chains, 1]  the step         jitter of the step size of hmc
//
// Discrete kernels use uniforms: Stream::Noise for the chosen states, Stream::Auxiliary for the order of sites and for
// hidden units, Stream::Accept as above.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/job.hpp"
#include "base/schedule.hpp"
#include "base/spec.hpp"
#include "base/threads.hpp"
#include "energies/energy.hpp"
#include "energies/restricted_target.hpp"
#include "tensors/random.hpp"

namespace langevin {

/// State of a tile of chains (n rows). Nothing is computed twice: energy and gradient belong to the current x.
/// Kernels replace these tensors and never write into them, so x may be a view of the caller's buffer.
struct Chains {
  at::Tensor x;                  // [n, d]
  at::Tensor y;                  // condition, or undefined
  std::uint64_t firstChain = 0;  // number of row 0; random numbers are keyed by chain
  bool started = false;          // what follows belongs to x; false: a run inits the chains first
  at::Tensor energy;             // [n]
  at::Tensor gradient;           // [n, d], samplers that use one (Traits::gradient)
  at::Tensor velocity;           // [n, d], samplers with momentum
  at::Tensor adaptation;         // float64 [n, k], per-chain adaptation state (columns declared beside the sampler)
  std::vector<Chains> replicas;  // companions of every chain, [n] each (parallelTempering, blockwise)
  at::Tensor ends;               // float64 [n, levels], of parallelTempering (declared there)
  const Batch* held = nullptr;   // the whole rows of which x is some columns, while a fused loop moves these

  std::int64_t size() const { return x.size(0); }
  Chains slice(std::int64_t first, std::int64_t last) const;
  /// The tiles of slice() in one, moved out of them.
  static Chains joined(std::vector<Chains>& tiles);
  /// How they are cut for threads (samplers/plan.cpp).
  Tiling tiling(const Target& target) const;
  /// After x, y or the parameters of the target changed: the next run starts from x. Velocities and adaptation stay.
  void restart();
};

/// Where a step stands. `counter` keys the random numbers and never repeats within a run (persistent chains
/// go on counting).
struct StepClock {
  std::int64_t t = 0;         // step within this call, 0 .. total - 1
  std::int64_t total = 1;     // steps in this call (schedules run over it)
  std::uint64_t counter = 0;  // step number in the life of the chains
  // Unadjusted kernels tally the acceptance a Metropolis test would have given on every monitorEvery-th step, counted
  // back from the last one; 0 = never.
  std::int64_t monitorEvery = 0;
  // Only positions are wanted in the end: a kernel may leave the last step without energy and gradient. It is then the
  // step before that is monitored.
  bool positionsOnly = false;
  bool skipsEvaluation() const { return positionsOnly && total > 1 && t == total - 1; }
  bool monitored() const {
    const std::int64_t last = total - (positionsOnly && total > 1 ? 2 : 1);
    return monitorEvery > 0 && t <= last && (last - t) % monitorEvery == 0;
  }
};

/// Sums a tile adds up while it runs; the driver merges tiles in order.
struct Tally {
  // Sum of Metropolis acceptance probabilities (for unadjusted kernels: what a test would have given).
  double acceptance = 0;
  double accepted = 0;           // proposals taken
  std::int64_t proposals = 0;    // terms in the sums above
  std::int64_t divergences = 0;  // proposals with a non-finite energy, or an energy error above 1000 (hmc)
  std::int64_t clipped = 0;      // gradient rows clipped
  std::int64_t clamped = 0;      // rows that touched the box
  std::int64_t steps = 0;        // rows times steps: what clipped and clamped are shares of
  void merge(const Tally& other);

  /// Sums of the sampler's own, which its report() reads: a struct of doubles declared beside the sampler, or several
  /// of them (one for each replica), added field by field.
  template <class Sums>
  void addOwn(const Sums& sums, std::size_t index = 0);
  /// What was added; zeros where nothing was.
  template <class Sums>
  Sums ownSums(std::size_t index = 0) const;
  std::vector<double> own;

  /// Adds a number that may lie on a device, which is waited for.
  enum class Field { Acceptance, Accepted, Proposals, Divergences, Clipped, Clamped };
  void add(Field field, const at::Tensor& number);
  /// Where numbers go while steps are recorded and the host may not wait: float64 [kFields], in the order of Field.
  static constexpr std::int64_t kFields = 6;
  at::Tensor recorded;
  void addRecorded(const at::Tensor& sums);
  /// An empty one, recorded like this one, for numbers that are not to be counted.
  Tally notCounted() const;
  double acceptanceRate() const { return proposals > 0 ? acceptance / static_cast<double>(proposals) : 0; }
  double clippedShare() const { return steps > 0 ? static_cast<double>(clipped) / static_cast<double>(steps) : 0; }
  double clampedShare() const { return steps > 0 ? static_cast<double>(clamped) / static_cast<double>(steps) : 0; }
};

template <class Sums>
void Tally::addOwn(const Sums& sums, std::size_t index) {
  constexpr std::size_t kDoubles = sizeof(Sums) / sizeof(double);
  static_assert(std::is_trivially_copyable_v<Sums> && kDoubles * sizeof(double) == sizeof(Sums), "a struct of doubles");
  const auto values = std::bit_cast<std::array<double, kDoubles>>(sums);
  if (own.size() < (index + 1) * kDoubles) own.resize((index + 1) * kDoubles, 0);
  for (std::size_t i = 0; i < kDoubles; ++i) own[index * kDoubles + i] += values[i];
}

template <class Sums>
Sums Tally::ownSums(std::size_t index) const {
  constexpr std::size_t kDoubles = sizeof(Sums) / sizeof(double);
  std::array<double, kDoubles> values{};
  for (std::size_t i = 0; i < kDoubles && index * kDoubles + i < own.size(); ++i) values[i] = own[index * kDoubles + i];
  return std::bit_cast<Sums>(values);
}

struct Box {
  double low = 0, high = 1;
  bool reflect = true;  // reflect keeps the stationary law inside the box; clamp piles mass on the border
};

/// Options samplers share.
struct CommonOptions {
  std::string kind;  // of the spec, for messages
  std::int64_t steps = 1;
  Schedule stepSize;
  Schedule temperature;  // 1; the target is exp(-E / temperature)
  double clip = 0;       // per-chain gradient norm limit, 0 = off
  std::optional<Box> box;
  Precision precision = Precision::Float32;  // of the products behind a gradient, where the fused kernels run
  /// Of a continuous sampler: all of them.
  static CommonOptions read(const Spec& spec);
  /// For samplers whose steps and temperature come from elsewhere.
  static CommonOptions read(const Spec& spec, std::int64_t steps);
  /// Of a discrete one: steps and temperature.
  static CommonOptions readDiscrete(const Spec& spec);
  CommonOptions atTemperature(double factor) const;
};

class TileExecutor;

/// What a fused loop runs on: an energy, or some of its columns while the others are held (samplers/blockwise.cpp).
/// Both must outlive the loop.
struct FuseTarget {
  const Energy& energy;
  const ColumnPart* part = nullptr;  // null: all columns
  const Domain& domain() const { return part ? part->domain() : energy.domain(); }
};

/// What is true of a sampler, whatever its chains are. A sampler writes down what differs from these.
struct Traits {
  bool adjusted = false;        // leaves its target invariant, by a Metropolis test or by exact draws
  Kinds moves = Kinds::real();  // the kinds of columns it moves
  bool gradient = true;         // uses and keeps Chains::gradient; false: init() leaves it undefined
  bool stepSize = true;         // has one
  bool setsCondition = false;   // gives the condition y itself, as a continuous y of one column
  bool companions = false;      // keeps states of its own in Chains::replicas
  bool steady = false;          // every step does the same to its chains but for the random numbers, and asks
                                // nothing of them on the way: it can be recorded once and replayed
  std::int64_t warmup = 0;      // first steps, which adapt and are no draws
};

class Sampler {
 public:
  explicit Sampler(CommonOptions common) : common_(std::move(common)) {}
  virtual ~Sampler() = default;

  const CommonOptions& common() const { return common_; }
  virtual Traits traits() const = 0;
  /// Throws Code::Unsupported, naming the columns, when it does not move all of these.
  virtual void requireDomain(const Domain& domain) const;
  /// Fills energy and, by its traits, gradient (and velocity, adaptation) for chains that just got their x. Velocity
  /// and adaptation that are there already are kept: chains go on where they stopped.
  virtual void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const;
  virtual void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
                    Tally& tally) const = 0;
  /// All steps of a tile in one native loop, or null when this sampler or this energy has none.
  virtual std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const;
  /// The same kernel at `factor` times the temperature, at the same step size (what bounds a step is the curvature of
  /// E, which has no temperature); null where a kernel has no such form.
  virtual std::shared_ptr<const Sampler> atTemperature(double factor) const;
  /// The sampler with options that a pilot run on some of the chains found (`sample` asks once, before the first
  /// step); null: there are none to find.
  virtual std::shared_ptr<const Sampler> tuned(const Target& target, const Chains& start, const Random& random,
                                               int threads, Job& job) const;
  /// noise^2 / (2 stepSize) for heuristic Langevin, the temperature otherwise; of the last step.
  virtual double effectiveTemperature() const;
  /// c of a step x' = x - c grad E(x) + noise whose noise does not depend on E; nothing for kernels of another form.
  virtual std::optional<double> gradientFactor(const StepClock& clock) const;
  /// Step size of each chain, float64 [n], where chains have their own; undefined otherwise.
  virtual at::Tensor stepSizes(const Chains& chains) const;
  /// Adds to the diagnostics what only this sampler can tell of a run, from its own sums.
  virtual void report(const Tally& tally, Map& diagnostics) const;

 protected:
  CommonOptions common_;
};

std::shared_ptr<const Sampler> makeSampler(const Spec& spec);
std::vector<std::string> samplerKinds();

/// What a tile sees of its run: abort and pause, and a progress report at most every 100 ms.
class Pulse {
 public:
  /// Of a run of so many chains and steps; `report`: with progress reports.
  Pulse(Job& job, std::int64_t chains, std::int64_t steps, bool report);
  /// The same without reports.
  Pulse silent() const { return Pulse(job_, chains_, steps_, false); }
  /// Once for each step of `rows` chains. Throws Code::Aborted.
  void beat(std::int64_t rows) {
    job_.check();
    if (report_) count(rows);
  }

 private:
  void count(std::int64_t rows);
  Job& job_;
  std::int64_t chains_, steps_;
  bool report_;
  std::atomic<std::int64_t> done_{0}, quiet_{0};  // quiet_: beats until the clock is looked at
  std::int64_t stride_ = 0;                       // under the mutex, as what follows
  std::mutex mutex_;
  std::chrono::steady_clock::time_point start_, last_, looked_;
};

/// Rows [first, first + rows) of a tile as a step leaves them: contiguous float32 or float64 numbers, on the CPU.
struct StateView {
  std::int64_t first = 0, rows = 0, columns = 0;
  const float *x32 = nullptr, *energy32 = nullptr;
  const double *x64 = nullptr, *energy64 = nullptr;
};

/// Who wants to see states of a tile on the way. Its calls come in the order of the steps for every row.
class StepSink {
 public:
  virtual ~StepSink() = default;
  /// The first step from `t` on whose state is wanted, as it is after that step; negative: none.
  virtual std::int64_t next(std::int64_t t) const = 0;
  virtual void take(std::int64_t t, const StateView& state) = 0;
};

/// Runs steps [clock.t, clock.t + count) of one tile in the calling thread. The one seam a fused kernel takes over;
/// planTile() picks who does it.
class TileExecutor {
 public:
  virtual ~TileExecutor() = default;
  virtual const char* name() const = 0;
  /// Inits the tile first when it has not started. Throws Code::NonFinite (at the start) or Code::Diverged (later)
  /// naming chain and step.
  virtual void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
                   Pulse& pulse) const = 0;
  /// The same, bit for bit, showing states to `sink` on the way. Here it runs piece by piece; a fused loop need not stop.
  virtual void runWatched(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
                          Pulse& pulse, StepSink& sink) const;
};

/// Energy, gradient and whatever else the sampler needs, for a tile that has not started. Throws Code::NonFinite.
void startTile(const Sampler& sampler, const Target& target, Chains& tile, const Random& random, std::uint64_t counter);

/// Who runs the steps: a fused loop where the target is an energy that has one, the sampler's step() else. Sampler and
/// target must outlive it. Throws Code::Unsupported when one is discrete and the other is not.
std::unique_ptr<TileExecutor> planTile(const Sampler& sampler, const Target& target);

/// Runs `steps` steps of every chain, in tiles over `threads`. Used by training (negatives).
/// `counter` is the life-time step number of the first step. Energy and gradient of started chains are taken as those
/// of x: restart() them when x or the parameters changed. Throws Code::NonFinite / Code::Diverged naming chain and
/// step. The acceptance an unadjusted kernel would have had is tallied on the last step only (it is a monitor there).
Tally advance(const Sampler& sampler, const Target& target, Chains& chains, std::int64_t steps, std::uint64_t counter,
              const Random& random, int threads, Job& job);
/// The same for steps clock.t ... clock.t + steps - 1 of a longer call, monitored as the clock says. With
/// clock.positionsOnly the chains may be left unstarted; unadjusted kernels save one evaluation by it.
Tally advance(const Sampler& sampler, const Target& target, Chains& chains, StepClock clock, std::int64_t steps,
              const Random& random, int threads, Job& job);

}  // namespace langevin
