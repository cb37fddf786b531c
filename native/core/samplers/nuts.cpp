// nuts: Hamiltonian Monte Carlo whose trajectories double until they turn back (Hoffman and Gelman 2014), with a state
// drawn from the whole trajectory by its weight exp((H0 - H) / T), later halves preferred (Betancourt 2017, appendix
// A.3), and the generalised no-U-turn criterion p' M^-1 rho > 0, rho the sum of the momenta (A.4.2), also across the
// seam of two halves, as Stan has it.
// During the first `warmup` steps of its life each chain adapts its own step size and metric (samplers/warmup.hpp).
// Momenta are those of warmup.hpp too, q = L' p: the criterion is q' sum q > 0 whatever the metric is.
#include <algorithm>
#include <cmath>

#include "samplers/moves.hpp"
#include "samplers/nuts_tree.hpp"
#include "samplers/sampler.hpp"
#include "samplers/warmup.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

/// What a run tells besides acceptance.
struct NutsSums {
  double leapfrogs = 0, transitions = 0;
  double deepest = 0;  // transitions that maxDepth ended
};

class Nuts final : public Sampler {
 public:
  Nuts(CommonOptions common, const WarmupOptions& warmup, std::int64_t maxDepth)
      : Sampler(std::move(common)), maxDepth_(maxDepth), warmup_(warmup, common_) {}

  Traits traits() const override { return {.adjusted = true, .warmup = warmup_.options().steps}; }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    Sampler::init(chains, target, random, counter);
    warmup_.start(chains);
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    State s;
    s.counter = clock.counter;
    s.setting = {chains.x.size(1),
                 maxDepth_,
                 common_.temperature.at(clock.t, clock.total),
                 common_.clip,
                 common_.box ? &*common_.box : nullptr,
                 chains.x.scalar_type() == at::kFloat};
    chains.adaptation = chains.adaptation.clone(at::MemoryFormat::Contiguous);
    s.rows = searchedRows(chains, target, clock.counter, s.setting.temperature);
    warmup_.search(s.rows, random);
    s.x = s.rows.x.clone();
    s.gradient = s.rows.gradient.clone();
    s.potential = s.rows.energy.clone();
    // Few enough rows that their trees stay in cache, and enough for the products of a network.
    constexpr std::int64_t kNumbers = 16 * 1024;
    const std::int64_t rows = std::clamp<std::int64_t>(kNumbers / s.setting.columns, 32, 128);
    for (std::int64_t first = 0; first < chains.size(); first += rows)
      stepRows(s, first, std::min(chains.size(), first + rows), random, tally);
    chains.x = s.x.to(chains.x.options());
    chains.gradient = s.gradient.to(chains.gradient.options());
    chains.energy = s.potential.to(chains.energy.options());
  }

  at::Tensor stepSizes(const Chains& chains) const override { return DualAveraging::stepSizes(chains.adaptation); }

  void report(const Tally& tally, Map& diagnostics) const override {
    const auto sums = tally.ownSums<NutsSums>();
    if (sums.transitions == 0) return;
    diagnostics["leapfrogSteps"] = sums.leapfrogs / sums.transitions;
    diagnostics["deepestShare"] = sums.deepest / sums.transitions;
  }

 private:
  // A tile in float64 while its step runs.
  struct State {
    std::uint64_t counter;
    NutsSetting setting;
    Warmup::Rows rows;  // how they are evaluated, and their adaptation
    at::Tensor x, gradient, potential;
    double* positionOf(std::int64_t i) const { return x.data_ptr<double>() + i * setting.columns; }
    double* gradientOf(std::int64_t i) const { return gradient.data_ptr<double>() + i * setting.columns; }
    double& energyOf(std::int64_t i) const { return potential.data_ptr<double>()[i]; }
  };

  // The trees of a thread and their numbers, kept from step to step.
  struct Trees {
    std::unique_ptr<NumbersPool> pool;
    std::vector<NutsTree> trees;  // destroyed before the pool
    std::vector<NutsTree>& of(std::int64_t columns, std::int64_t count) {
      const auto length = static_cast<std::size_t>(columns);
      if (!pool || pool->length() != length) {
        trees.clear();
        pool = std::make_unique<NumbersPool>(length);
      }
      trees.resize(static_cast<std::size_t>(count));
      return trees;
    }
  };

  ChainAdaptation adaptationOf(const State& s, std::int64_t i) const {
    return warmup_.of(s.rows.adaptation, i, s.setting.columns);
  }

  void stepRows(State& s, std::int64_t first, std::int64_t last, const Random& random, Tally& tally) const {
    const at::Tensor p = random
                             .normal(last - first, s.setting.columns, s.counter, Stream::Noise, at::kDouble,
                                     s.rows.firstChain + static_cast<std::uint64_t>(first))
                             .mul_(std::sqrt(s.setting.temperature));
    thread_local Trees kept;
    std::vector<NutsTree>& trees = kept.of(s.setting.columns, last - first);
    for (std::int64_t i = first; i < last; ++i) {
      if (clipFactor(common_.clip, s.gradientOf(i), s.setting.columns) < 1) ++tally.clipped;
      const ChainUniforms uniforms(random.seed(), s.rows.firstChain + static_cast<std::uint64_t>(i), s.counter);
      const ChainAdaptation chain = adaptationOf(s, i);
      trees[static_cast<std::size_t>(i - first)].start(*kept.pool, s.setting, s.positionOf(i), s.energyOf(i),
                                                       s.gradientOf(i),
                                                       p.const_data_ptr<double>() + (i - first) * s.setting.columns,
                                                       chain.factor(), chain.averaging().stepSize(), uniforms);
    }
    growTogether(s, first, trees);
    for (std::int64_t i = first; i < last; ++i) finish(s, i, trees[static_cast<std::size_t>(i - first)], tally);
  }

  // One leapfrog step of every tree that still grows, until none does.
  static void growTogether(const State& s, std::int64_t first, std::vector<NutsTree>& trees) {
    const auto d = static_cast<std::size_t>(s.setting.columns);
    std::vector<std::int64_t> which;
    for (;;) {
      which.clear();
      for (std::size_t i = 0; i < trees.size(); ++i)
        if (trees[i].running()) which.push_back(first + static_cast<std::int64_t>(i));
      if (which.empty()) return;
      const at::Tensor x = at::empty({static_cast<std::int64_t>(which.size()), s.setting.columns}, at::kDouble);
      for (std::size_t k = 0; k < which.size(); ++k) {
        const double* place = trees[static_cast<std::size_t>(which[k] - first)].advance();
        std::copy_n(place, d, x.data_ptr<double>() + k * d);
      }
      const EnergyAndGradient value = s.rows.evaluate(which, x);
      for (std::size_t k = 0; k < which.size(); ++k)
        trees[static_cast<std::size_t>(which[k] - first)].receive(value.energy.const_data_ptr<double>()[k],
                                                                  value.gradient.const_data_ptr<double>() + k * d);
    }
  }

  void finish(State& s, std::int64_t i, const NutsTree& tree, Tally& tally) const {
    tally.acceptance += tree.acceptance();
    ++tally.proposals;
    tally.accepted += tree.moved();
    tally.divergences += tree.divergent();
    tally.clamped += tree.touched();
    tally.addOwn(NutsSums{static_cast<double>(tree.leaves()), 1, static_cast<double>(tree.deepest())});
    const NutsPoint& at = tree.proposal();
    std::copy_n(at.x.data(), s.setting.columns, s.positionOf(i));
    std::copy_n(at.gradient.data(), s.setting.columns, s.gradientOf(i));
    s.energyOf(i) = at.energy;
    warmup_.learn(adaptationOf(s, i), s.setting.columns, at.x.data(), at.gradient.data(), tree.acceptance(),
                  s.setting.temperature);
  }

  std::int64_t maxDepth_;
  Warmup warmup_;
};

}  // namespace

std::shared_ptr<const Sampler> makeNuts(const Spec& spec) {
  CommonOptions common = CommonOptions::read(spec);
  requireReflectingBox(spec, common);
  const std::int64_t maxDepth = spec.count("maxDepth", 1, 10);
  if (maxDepth > 20) spec.at("maxDepth").invalid("2^maxDepth leapfrog steps: at most 20");
  if (!common.stepSize.constant()) spec.at("stepSize").invalid("nuts keeps or adapts one step size: give a number");
  const WarmupOptions warmup = WarmupOptions::read(spec, common.steps / 2);
  return std::make_shared<Nuts>(std::move(common), warmup, maxDepth);
}

}  // namespace langevin
