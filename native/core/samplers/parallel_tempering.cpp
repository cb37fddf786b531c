// parallelTempering: replicas of every chain at rising temperatures T_0 < T_1 < ... (Swendsen and Wang 1986; Geyer
// 1991). A step is `sampler.steps` steps of the inner kernel in every replica, then a try to swap neighbours, even and
// odd pairs in turn (Okabe et al. 2001), which makes the way of a state through the temperatures non-reversible: it goes
// on in one direction until a swap is refused (Syed et al. 2022).
//   accept with probability min(1, exp((1 / T_k - 1 / T_k+1) (E_k - E_k+1) / T)), T the temperature of the inner kernel
// The chain that is kept is the replica at T_0. Replicas of a chain lie side by side in Chains::replicas, so no tile
// cuts a group; where the inner kernel keeps companions of its own there (blockwise), the chain's are with the first
// replica, and the chain shows what that one holds. With `adapt` a pilot run of so many steps first moves the inner
// temperatures until the pairs' shares of refused swaps are equal (Syed et al. 2022, section 5.2); the ends of the
// ladder stay.
//
// Round trips: Chains::ends [n, levels] says of the state at each temperature which end it was at last. One that comes
// to T_0 from the hottest, and was at T_0 before that, has made a round trip. With refused shares r_k, and states that
// the inner kernel leaves independent of what they were, there are 1 / (2 + 2 sum r_k / (1 - r_k)) of them a step and
// chain (Syed et al. 2022, section 3.4); sum r_k estimates the communication barrier, the integral of
// E|E(x) - E(x')| / 2 over the inverse temperatures, x and x' independent at each.
#include <algorithm>
#include <cmath>
#include <utility>

#include "samplers/ladder.hpp"
#include "samplers/moves.hpp"
#include "samplers/plan.hpp"

namespace langevin {
namespace {

using Kernels = std::vector<std::shared_ptr<const Sampler>>;

/// What a run tells of each replica.
struct ReplicaSums {
  double acceptance = 0, proposals = 0;  // of its kernel
  double swapped = 0, tried = 0;         // swaps with the next one
};

/// Of the first replica alone, behind those of all: what became of the chains.
struct TripSums {
  double trips = 0, steps = 0, unused[2] = {};
};
static_assert(sizeof(TripSums) == sizeof(ReplicaSums));  // one index for both

// Values of Chains::ends.
constexpr double kNoEnd = 0, kColdEnd = 1, kHotEnd = 2;  // kHotEnd: and at the cold one before

Random randomOf(const Random& random, std::size_t k) { return k == 0 ? random : random.fork(Salt::Replica, k); }

class ParallelTempering final : public Sampler {
 public:
  ParallelTempering(CommonOptions common, std::shared_ptr<const Sampler> inner, std::vector<double> temperatures,
                    std::int64_t adapt)
      : Sampler(std::move(common)),
        inner_(std::move(inner)),
        first_(inner_->traits().companions ? 0 : 1),
        temperatures_(std::move(temperatures)),
        adapt_(adapt) {
    for (const double t : temperatures_) kernels_.push_back(inner_->atTemperature(t));
  }

  Traits traits() const override {
    Traits traits = inner_->traits();
    traits.warmup = (traits.warmup + innerSteps() - 1) / innerSteps();
    traits.setsCondition = traits.steady = false;
    traits.companions = true;
    return traits;
  }

  void requireDomain(const Domain& domain) const override { inner_->requireDomain(domain); }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    counter *= static_cast<std::uint64_t>(innerSteps());
    if (chains.replicas.empty())
      for (std::size_t k = first_; k < kernels_.size(); ++k) {
        Chains& replica = chains.replicas.emplace_back();
        replica.x = chains.x;
        replica.y = chains.y;
        replica.firstChain = chains.firstChain;
      }
    if (chains.replicas.size() + first_ != kernels_.size())
      fail(Code::Shape, "the chains have ", chains.replicas.size() + first_ - 1,
           " replicas besides their own, the ladder has ", kernels_.size(),
           " temperatures; resume with the sampler that made the state");
    if (!chains.ends.defined() && levels() > 1)
      chains.ends = atEnds(at::full({chains.size(), levels()}, kNoEnd, at::kDouble), nullptr);
    if (first_ == 0) chains.replicas[0].x = chains.x;
    for (std::size_t k = first_; k < kernels_.size(); ++k)
      startTile(*kernels_[k], target, replica(chains, k), randomOf(random, k), counter);
    if (first_ == 1)
      kernels_[0]->init(chains, target, random, counter);
    else
      show(chains);
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    move(chains, clock, random, tally, [&](std::size_t k, StepClock now, const Random& own, Tally& tallyOfK) {
      for (std::int64_t i = 0; i < innerSteps(); ++i, ++now.t, ++now.counter)
        kernels_[k]->step(replica(chains, k), target, now, own, tallyOfK);
    });
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override;
  std::shared_ptr<const Sampler> tuned(const Target& target, const Chains& start, const Random& random, int threads,
                                       Job& job) const override;
  double effectiveTemperature() const override { return kernels_[0]->effectiveTemperature(); }
  at::Tensor stepSizes(const Chains& chains) const override { return kernels_[0]->stepSizes(chains); }
  void report(const Tally& tally, Map& diagnostics) const override;

  /// The inner steps of every replica by `advance`, then swaps.
  template <class Advance>
  void move(Chains& chains, const StepClock& clock, const Random& random, Tally& tally, Advance advance) const {
    StepClock now = clock;
    now.t *= innerSteps();
    now.total *= innerSteps();
    now.counter *= static_cast<std::uint64_t>(innerSteps());
    now.monitorEvery *= innerSteps();
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      Tally hotter;
      Tally& used = k == 0 ? tally : hotter;
      // What the kernel tells of itself has no place beside what is told of the replicas.
      std::vector<double> own = std::exchange(tally.own, {});
      const double acceptance = used.acceptance;
      const std::int64_t proposals = used.proposals;
      advance(k, now, randomOf(random, k), used);
      tally.own = std::move(own);
      tally.addOwn(ReplicaSums{.acceptance = used.acceptance - acceptance,
                               .proposals = static_cast<double>(used.proposals - proposals)},
                   k);
    }
    swap(chains, clock, random, tally);
    if (first_ == 0) show(chains);
  }
  Chains& replica(Chains& chains, std::size_t k) const { return k < first_ ? chains : chains.replicas[k - first_]; }

  std::int64_t innerSteps() const { return inner_->common().steps; }
  const Kernels& kernels() const { return kernels_; }

 private:
  std::int64_t levels() const { return static_cast<std::int64_t>(kernels_.size()); }
  /// The chain as its first replica is.
  static void show(Chains& chains) {
    const Chains& cold = chains.replicas[0];
    chains.x = cold.x;
    chains.energy = cold.energy;
    chains.gradient = cold.gradient;
  }
  static at::Tensor atEnds(const at::Tensor& ends, double* trips);
  void swap(Chains& chains, const StepClock& clock, const Random& random, Tally& tally) const;
  std::vector<double> refusals(const Tally& tally) const;

  std::shared_ptr<const Sampler> inner_;
  std::size_t first_;  // replica in Chains::replicas: 1, or 0 where the kernel keeps companions of its own
  std::vector<double> temperatures_;
  std::int64_t adapt_;  // pilot steps
  Kernels kernels_;     // one per temperature
};

void ParallelTempering::swap(Chains& chains, const StepClock& clock, const Random& random, Tally& tally) const {
  const auto pairs = static_cast<std::int64_t>(kernels_.size()) - 1;
  if (pairs < 1) return;
  double trips = 0;
  at::Tensor from = at::arange(levels(), at::kLong).repeat({chains.size(), 1});  // where each state was
  const double common = inner_->effectiveTemperature();
  const at::Tensor u = random.fork(Salt::Swaps)
                           .uniform(chains.size(), pairs, clock.counter, Stream::Accept, at::TensorOptions(at::kDouble),
                                    chains.firstChain)
                           .to(chains.x.device())
                           .log();
  for (std::size_t k = 1; k < kernels_.size(); ++k)
    if (const std::int64_t row = firstNonFiniteRow(replica(chains, k).energy); row >= 0)
      chainNotFinite(chains.firstChain + static_cast<std::uint64_t>(row), "the energy of a heated replica", false,
                     clock.counter);
  for (auto k = static_cast<std::int64_t>(clock.counter % 2); k < pairs; k += 2) {
    const auto i = static_cast<std::size_t>(k);
    Chains &cold = replica(chains, i), &hot = replica(chains, i + 1);
    const double gap = (1 / temperatures_[i] - 1 / temperatures_[i + 1]) / common;
    const at::Tensor logRatio = (cold.energy.to(at::kDouble) - hot.energy.to(at::kDouble)) * gap;
    const at::Tensor accept = u.select(1, k).lt(logRatio), row = accept.unsqueeze(1);  // NaN: no
    tally.addOwn(ReplicaSums{.swapped = at::nan_to_num(logRatio.clamp_max(0).exp(), 0.0).sum().item<double>(),
                             .tried = static_cast<double>(chains.size())},
                 i);
    const auto exchange = [](at::Tensor& a, at::Tensor& b, const at::Tensor& mask) {
      const at::Tensor old = a;
      a = at::where(mask, b, old);
      b = at::where(mask, old, b);
    };
    // Positions change places. Momenta and adapted steps belong to the temperature and stay.
    exchange(cold.x, hot.x, row);
    if (cold.gradient.defined()) exchange(cold.gradient, hot.gradient, row);
    exchange(cold.energy, hot.energy, accept);
    const at::Tensor places = accept.to(at::kCPU, at::kLong);
    from.select(1, k).add_(places);
    from.select(1, k + 1).sub_(places);
  }
  chains.ends = atEnds(chains.ends.gather(1, from), &trips);
  tally.addOwn(TripSums{.trips = trips, .steps = static_cast<double>(chains.size())}, kernels_.size());
}

// What the states at both ends of the ladder are from now on; `trips` grows by the round trips that end with it.
at::Tensor ParallelTempering::atEnds(const at::Tensor& ends, double* trips) {
  const at::Tensor cold = ends.slice(1, 0, 1), hot = ends.slice(1, -1);
  if (trips) *trips += cold.eq(kHotEnd).sum().item<double>();
  return at::cat({at::full_like(cold, kColdEnd), ends.slice(1, 1, -1), at::where(hot.eq(kColdEnd), kHotEnd, hot)}, 1);
}

/// Inner kernels by their own executors, whatever those are.
class TemperedExecutor final : public TileExecutor {
 public:
  TemperedExecutor(const ParallelTempering& sampler, const Energy& energy) : sampler_(sampler), energy_(energy) {
    for (const auto& kernel : sampler.kernels()) executors_.push_back(planTile(*kernel, energy));
  }
  const char* name() const override { return executors_[0]->name(); }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    startTile(sampler_, energy_, tile, random, clock.counter);
    Pulse silent = pulse.silent();
    for (std::int64_t i = 0; i < count; ++i, ++clock.t, ++clock.counter) {
      pulse.beat(tile.size());
      sampler_.move(tile, clock, random, tally, [&](std::size_t k, const StepClock& now, const Random& own, Tally& t) {
        executors_[k]->run(sampler_.replica(tile, k), now, sampler_.innerSteps(), own, t, silent);
      });
    }
  }

 private:
  const ParallelTempering& sampler_;
  const Energy& energy_;
  std::vector<std::unique_ptr<TileExecutor>> executors_;
};

std::unique_ptr<TileExecutor> ParallelTempering::fuse(const FuseTarget& target) const {
  return !target.part && hasFusedTiles(target.energy) ? std::make_unique<TemperedExecutor>(*this, target.energy)
                                                      : nullptr;
}

std::vector<double> ParallelTempering::refusals(const Tally& tally) const {
  std::vector<double> shares;
  for (std::size_t k = 0; k + 1 < kernels_.size(); ++k) {
    const auto sums = tally.ownSums<ReplicaSums>(k);
    shares.push_back(sums.tried > 0 ? 1 - sums.swapped / sums.tried : 0);
  }
  return shares;
}

// The refused shares add up to a rising function of the inverse temperature; equal parts of its range are the new
// ladder, by linear interpolation in the logarithm of the temperature.
std::vector<double> equalised(const std::vector<double>& temperatures, const std::vector<double>& refused) {
  std::vector<double> height{0};
  for (const double r : refused) height.push_back(height.back() + std::max(r, 1e-3));
  std::vector<double> result{temperatures.front()};
  for (std::size_t k = 1; k + 1 < temperatures.size(); ++k) {
    const double wanted = height.back() * static_cast<double>(k) / static_cast<double>(refused.size());
    const auto above =
        static_cast<std::size_t>(std::upper_bound(height.begin(), height.end(), wanted) - height.begin());
    const double share = (wanted - height[above - 1]) / (height[above] - height[above - 1]);
    result.push_back(temperatures[above - 1] * std::pow(temperatures[above] / temperatures[above - 1], share));
  }
  result.push_back(temperatures.back());
  return result;
}

std::shared_ptr<const Sampler> ParallelTempering::tuned(const Target& target, const Chains& start, const Random& random,
                                                        int threads, Job& job) const {
  if (adapt_ == 0 || temperatures_.size() < 3) return nullptr;
  if (!start.replicas.empty())
    throw Error(Code::InvalidOption,
                "a resumed run keeps its ladder: leave adapt out and give temperatures as diagnostics.temperatures of "
                "the first run has them",
                {{"path", "sampler.adapt"}});
  Chains chains = start.slice(0, std::min<std::int64_t>(start.size(), 256));
  std::vector<double> temperatures = temperatures_;
  std::uint64_t counter = 0;
  // Each round twice as long as the one before, from where that one stopped.
  for (std::int64_t left = adapt_, round = std::max<std::int64_t>(1, adapt_ / 15); left > 0; round *= 2) {
    const std::int64_t steps = std::min(left, 2 * round > left - round ? left : round);
    const ParallelTempering pilot(common_, inner_, temperatures, 0);
    const Tally tally = advance(pilot, target, chains, steps, counter, random.fork(Salt::PilotLadder), threads, job);
    temperatures = equalised(temperatures, pilot.refusals(tally));
    counter += static_cast<std::uint64_t>(steps);
    left -= steps;
  }
  return std::make_shared<ParallelTempering>(common_, inner_, std::move(temperatures), 0);
}

void ParallelTempering::report(const Tally& tally, Map& diagnostics) const {
  List temperatures, swaps, acceptance;
  for (const double t : temperatures_) temperatures.emplace_back(t);
  diagnostics["temperatures"] = temperatures;
  if (tally.own.empty()) return;  // no step was taken
  const auto share = [](double of, double in) { return in > 0 ? Value(of / in) : Value(); };
  for (std::size_t k = 0; k < kernels_.size(); ++k) {
    const auto sums = tally.ownSums<ReplicaSums>(k);
    if (k + 1 < kernels_.size()) swaps.push_back(share(sums.swapped, sums.tried));
    acceptance.push_back(share(sums.acceptance, sums.proposals));
  }
  diagnostics["swapAcceptance"] = swaps;
  diagnostics["replicaAcceptance"] = acceptance;
  const auto trips = tally.ownSums<TripSums>(kernels_.size());
  if (trips.steps == 0) return;  // one temperature: nothing is swapped
  double barrier = 0, odds = 0;
  for (const double r : refusals(tally)) {
    barrier += r;
    odds += r / (1 - r);
  }
  const bool allTried = std::none_of(swaps.begin(), swaps.end(), [](const Value& v) { return v.isNull(); });
  diagnostics["communicationBarrier"] = allTried ? Value(barrier) : Value();
  diagnostics["roundTrips"] = trips.trips;
  diagnostics["roundTripRate"] = trips.trips / trips.steps;
  diagnostics["idealRoundTripRate"] = allTried ? Value(1 / (2 + 2 * odds)) : Value();
}

}  // namespace

std::shared_ptr<const Sampler> makeParallelTempering(const Spec& spec) {
  const std::shared_ptr<const Sampler> inner = makeSampler(spec.at("sampler"));
  if (!inner->common().temperature.constant())
    spec.at("sampler").at("temperature").invalid("replicas differ in temperature; it cannot follow a schedule too");
  if (!inner->atTemperature(1))
    spec.at("sampler").invalid("kind '" + spec.at("sampler").kind() +
                               "' cannot be the inner kernel; use langevin, mala, hmc, underdampedLangevin, gibbs, "
                               "gibbsWithGradients, discreteLangevin, or blockwise with kernels of these at one "
                               "temperature that follows no schedule");
  CommonOptions common = inner->common();
  common.steps = spec.count("steps", 1);
  return std::make_shared<ParallelTempering>(std::move(common), inner, risingLadder(spec.at("temperatures")),
                                             spec.count("adapt", 0, 0));
}

}  // namespace langevin
