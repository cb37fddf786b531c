// hmc: Hamiltonian Monte Carlo with the leapfrog integrator and an identity mass matrix (Duane et al. 1987; Neal 2011).
// Momenta are p ~ N(0, T), H = E + |p|^2 / 2, accepted with min(1, exp(-(H' - H) / T)).
// During the first `warmup` steps of a chain's life each chain adapts its own step size by dual averaging towards
// `targetAcceptance` (Hoffman and Gelman 2014, section 3.2: gamma 0.05, t0 10, kappa 0.75), then freezes the average.
// With a box the trajectory bounces off the walls (Afshar and Domke 2015, without refraction): exact on the box.
#include <cmath>
#include <limits>

#include "samplers/hmc.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

HmcOptions hmcOptions(const Spec& spec) {
  HmcOptions o;
  o.leapfrogSteps = spec.count("leapfrogSteps", 1);
  o.warmup = spec.count("warmup", 0, 0);
  o.targetAcceptance = spec.probability("targetAcceptance", o.targetAcceptance);
  o.jitter = spec.probability("jitter", 0);
  if (!(o.targetAcceptance > 0 && o.targetAcceptance < 1))
    spec.at("targetAcceptance").invalid("must lie strictly between 0 and 1");
  if (o.jitter >= 1) spec.at("jitter").invalid("must be less than 1");
  return o;
}

// Chains::adaptation has one such row for each chain, where steps are adapted.
DualAveraging adaptationOf(const Chains& chains, std::int64_t chain) {
  return DualAveraging(chains.adaptation.data_ptr<double>() + chain * DualAveraging::kColumns);
}

class Hmc final : public Sampler {
 public:
  Hmc(CommonOptions common, const HmcOptions& options) : Sampler(std::move(common)), options_(options) {}

  Hmc(CommonOptions common, const Spec& spec) : Hmc(std::move(common), hmcOptions(spec)) {
    if (options_.warmup > 0 && !common_.stepSize.constant())
      spec.at("stepSize").invalid("a step size is either adapted (warmup > 0) or follows a schedule, not both");
    if (common_.box && !common_.box->reflect)
      spec.at("box").invalid(
          "a Metropolis test and clamping exclude each other (clamping piles mass on the border); "
          "use mode: 'reflect'");
  }

  Traits traits() const override { return {.adjusted = true, .warmup = options_.warmup}; }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    Sampler::init(chains, target, random, counter);
    if (chains.adaptation.defined() && chains.adaptation.size(1) != DualAveraging::kColumns)
      fail(Code::Shape, "the chains' adaptation has ", chains.adaptation.size(1), " columns, hmc has ",
           DualAveraging::kColumns, "; resume with the sampler that made the state");
    if (options_.warmup == 0 || chains.adaptation.defined()) return;
    chains.adaptation = at::empty({chains.size(), DualAveraging::kColumns}, at::kDouble);
    for (std::int64_t i = 0; i < chains.size(); ++i) adaptationOf(chains, i).start(common_.stepSize.first());
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const at::Tensor size = stepSize(chains, clock, random);
    const at::Tensor momentum = random.normal(chains.x.size(0), chains.x.size(1), clock.counter, Stream::Noise,
                                              chains.x.options(), chains.firstChain) *
                                std::sqrt(temperature);
    at::Tensor x = chains.x, p = momentum;
    EnergyAndGradient next = leapfrog(x, p, size, chains, target, tally);
    // Kinetic energies in float64: their difference is what the test looks at.
    const at::Tensor kinetic = (momentum.to(at::kDouble).square() - p.to(at::kDouble).square()).sum(1).mul_(0.5);
    const at::Tensor logRatio =
        (chains.energy.to(at::kDouble) - next.energy.to(at::kDouble) + kinetic).div_(temperature);
    const at::Tensor steady = logRatio.ge(-kHmcDivergence);  // false for NaN too
    tally.divergences += chains.size() - steady.sum().item<std::int64_t>();
    const at::Tensor probability = tallyAcceptance(logRatio, tally);
    // A trajectory that left to an infinite energy is refused, whatever its sign.
    const at::Tensor lost = at::isfinite(next.energy).logical_not();
    takeMoves(chains, x, next, logRatio.masked_fill(lost, -std::numeric_limits<double>::infinity()), clock, random,
              tally);
    if (options_.warmup > 0) adapt(chains, probability.to(at::kCPU));
  }

  std::unique_ptr<TileExecutor> fuse(const Energy& energy) const override {
    return langevin::fuse(*this, energy, fusedHmc(common_, options_));
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    return std::make_shared<Hmc>(common_.atTemperature(factor), options_);
  }

  at::Tensor stepSizes(const Chains& chains) const override {
    if (!chains.adaptation.defined()) return {};
    return DualAveraging::stepSizes(chains.adaptation);
  }

 private:
  at::Tensor stepSize(const Chains& chains, const StepClock& clock, const Random& random) const {
    const std::int64_t n = chains.size();
    at::Tensor size = chains.adaptation.defined()
                          ? DualAveraging::stepSizes(chains.adaptation).unsqueeze(1)
                          : at::full({n, 1}, common_.stepSize.at(clock.t, clock.total), at::kDouble);
    if (options_.jitter > 0) {
      const at::Tensor u = random.uniform(n, 1, clock.counter, Stream::Auxiliary, at::kDouble, chains.firstChain);
      size = size * (1 + options_.jitter * (2 * u - 1));
    }
    return size.to(chains.x.options());
  }

  EnergyAndGradient leapfrog(at::Tensor& x, at::Tensor& p, const at::Tensor& size, const Chains& chains,
                             const Target& target, Tally& tally) const {
    const at::Tensor half = size * 0.5;
    p = p - half * clipRows(chains.gradient, common_.clip, tally);
    EnergyAndGradient next;
    Tally unused;  // clipped rows are counted once per step
    for (std::int64_t i = 0; i < options_.leapfrogSteps; ++i) {
      x = x + size * p;
      if (common_.box) applyBox(x, *common_.box, tally, &p);
      next = evaluateAt(target, x, chains.y);
      const bool last = i + 1 == options_.leapfrogSteps;
      p = p - (last ? half : size) * clipRows(next.gradient, common_.clip, unused);
    }
    return next;
  }

  void adapt(Chains& chains, const at::Tensor& acceptance) const {
    chains.adaptation = chains.adaptation.clone(at::MemoryFormat::Contiguous);
    const auto* p = acceptance.const_data_ptr<double>();
    for (std::int64_t i = 0; i < chains.size(); ++i)
      options_.adapt(adaptationOf(chains, i), p[i], common_.stepSize.first());
  }

  HmcOptions options_;
};

}  // namespace

std::shared_ptr<const Sampler> makeHmc(const Spec& spec) {
  return std::make_shared<Hmc>(CommonOptions::read(spec), spec);
}

}  // namespace langevin
