// hmc: Hamiltonian Monte Carlo with the leapfrog integrator (Duane et al. 1987; Neal 2011). Momenta are q ~ N(0, T),
// H = E + |q|^2 / 2, accepted with min(1, exp(-(H' - H) / T)); x += h L q, q -= h L' dE/dx, and L is the identity but
// for what the warm-up finds: during the first `warmup` steps of its life each chain adapts its own step size towards
// `targetAcceptance` and its own metric (samplers/warmup.hpp), then keeps both.
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
  o.jitter = spec.probability("jitter", 0);
  if (o.jitter >= 1) spec.at("jitter").invalid("must be less than 1");
  return o;
}

class Hmc final : public Sampler {
 public:
  Hmc(CommonOptions common, const HmcOptions& options, const WarmupOptions& warmup)
      : Sampler(std::move(common)), options_(options), warmup_(warmup, common_) {}

  Traits traits() const override { return {.adjusted = true, .warmup = warmup_.options().steps}; }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    Sampler::init(chains, target, random, counter);
    if (warmup_.options().steps > 0 || chains.adaptation.defined()) warmup_.start(chains);
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    search(chains, target, clock, random, temperature);
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
    if (chains.adaptation.defined()) learn(chains, probability.to(at::kCPU), temperature);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    if (warmup_.options().metric == Metric::Dense) return nullptr;
    return langevin::fuse(*this, target, [&]<class T>() { return fusedHmc<T>(common_, options_, warmup_); });
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    return std::make_shared<Hmc>(common_.atTemperature(factor), options_, warmup_.options());
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

  /// L q of all rows, or L' g; the rows themselves where there is no metric.
  at::Tensor mapped(const at::Tensor& factors, const at::Tensor& rows, bool transposed) const {
    if (!factors.defined()) return rows;
    if (warmup_.options().metric == Metric::Diagonal) return factors * rows;
    return at::matmul(transposed ? factors.transpose(1, 2) : factors, rows.unsqueeze(2)).squeeze(2);
  }

  EnergyAndGradient leapfrog(at::Tensor& x, at::Tensor& p, const at::Tensor& size, const Chains& chains,
                             const Target& target, Tally& tally) const {
    at::Tensor factors;
    if (chains.adaptation.defined()) factors = warmup_.factors(chains.adaptation, x.size(1)).to(x.options());
    const at::Tensor half = size * 0.5;
    p = p - half * mapped(factors, clipRows(chains.gradient, common_.clip, tally), true);
    EnergyAndGradient next;
    Tally unused;  // clipped rows are counted once per step
    for (std::int64_t i = 0; i < options_.leapfrogSteps; ++i) {
      x = x + size * mapped(factors, p, false);
      if (common_.box) applyBox(x, *common_.box, tally, &p);
      next = evaluateAt(target, x, chains.y);
      const bool last = i + 1 == options_.leapfrogSteps;
      p = p - (last ? half : size) * mapped(factors, clipRows(next.gradient, common_.clip, unused), true);
    }
    return next;
  }

  void search(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
              double temperature) const {
    if (!chains.adaptation.defined() ||
        !warmup_.searching(chains.adaptation.const_data_ptr<double>(), chains.size(), chains.x.size(1)))
      return;
    chains.adaptation = chains.adaptation.clone(at::MemoryFormat::Contiguous);
    Warmup::Rows rows = searchedRows(chains, target, clock.counter, temperature);
    warmup_.search(rows, random);
    if (!rows.moved) return;
    chains.x = rows.x.to(chains.x.options());
    chains.gradient = rows.gradient.to(chains.gradient.options());
    chains.energy = rows.energy.to(chains.energy.options());
  }

  void learn(Chains& chains, const at::Tensor& acceptance, double temperature) const {
    if (chains.size() == 0 || !warmup_.learning(chains.adaptation)) return;
    const std::int64_t d = chains.x.size(1);
    chains.adaptation = chains.adaptation.clone(at::MemoryFormat::Contiguous);
    const at::Tensor x = chains.x.to(at::kCPU, at::kDouble).contiguous();
    const at::Tensor gradient = chains.gradient.to(at::kCPU, at::kDouble).contiguous();
    for (std::int64_t i = 0; i < chains.size(); ++i)
      warmup_.learn(warmup_.of(chains.adaptation, i, d), d, x.const_data_ptr<double>() + i * d,
                    gradient.const_data_ptr<double>() + i * d, acceptance.const_data_ptr<double>()[i], temperature);
  }

  HmcOptions options_;
  Warmup warmup_;
};

}  // namespace

std::shared_ptr<const Sampler> makeHmc(const Spec& spec) {
  CommonOptions common = CommonOptions::read(spec);
  requireReflectingBox(spec, common);
  const WarmupOptions warmup = WarmupOptions::read(spec, 0);
  if (warmup.steps > 0 && !common.stepSize.constant())
    spec.at("stepSize").invalid("a step size is either adapted (warmup > 0) or follows a schedule, not both");
  return std::make_shared<Hmc>(std::move(common), hmcOptions(spec), warmup);
}

}  // namespace langevin
