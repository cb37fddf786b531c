// discreteLangevin: all sites move at once, each on its own (Zhang, Liu and Liu 2022). With the step size a and
// d(x)[s, k] = dE/dx . (x' - x), x' being x with site s at level k (also the present one),
//   q(x'_s = k | x) = softmax_k(-d(x)[s, k] / (2 T) - |x' - x|^2 / (2 a)).
// adjusted: true (DMALA) tests the whole move, min(1, exp(-(E(x') - E(x)) / T) q(x | x') / q(x' | x)), with q(. |
// x') from the gradient at x'. adjusted: false (DULA) takes it always and is biased. As a goes to 0 the bias goes
// away where E is linear in each site; elsewhere it does not, since the gradient's estimates of a move and of its
// way back differ.
#include "samplers/discrete.hpp"
#include "samplers/fused_discrete.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

class DiscreteLangevin final : public Sampler {
 public:
  DiscreteLangevin(CommonOptions common, bool adjusted) : Sampler(std::move(common)), adjusted_(adjusted) {}

  Traits traits() const override { return {.adjusted = adjusted_, .moves = kindsWithGradients()}; }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const Sites sites(target);
    const double stepSize = common_.stepSize.at(clock.t, clock.total);
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const at::Tensor forward = logits(sites, chains.x, chains.gradient, stepSize, temperature);
    const at::Tensor u =
        fineUniform(random, chains.size(), sites.count(), clock.counter, Stream::Noise, chains.firstChain)
            .to(forward.device());
    const at::Tensor levels = choose(forward, u);
    at::Tensor x = sites.encode(levels, chains.x);
    EnergyAndGradient next = evaluateAt(target, x, chains.y);
    at::Tensor logRatio;
    if (adjusted_ || clock.monitored()) {
      const at::Tensor backward = logits(sites, x, next.gradient, stepSize, temperature);
      logRatio = (chains.energy.to(at::kDouble) - next.energy) / temperature +
                 probability(backward, sites.decode(chains.x)) - probability(forward, levels);
    }
    if (adjusted_) return acceptMoves(chains, x, next, logRatio, clock, random, tally);
    // Positions stay states whatever the numbers are, so a gradient that is lost would not show in them.
    if (const std::int64_t row = firstNonFiniteRow(next.gradient); row >= 0)
      chainNotFinite(chains.firstChain + static_cast<std::uint64_t>(row), "the gradient of its energy", false,
                     clock.counter);
    if (clock.monitored()) tallyAcceptance(logRatio, tally);
    chains.x = std::move(x);
    chains.energy = std::move(next.energy);
    chains.gradient = std::move(next.gradient);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    return fuseDiscreteLangevin(*this, target, adjusted_);
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    return std::make_shared<DiscreteLangevin>(common_.atTemperature(factor), adjusted_);
  }

 private:
  static at::Tensor logits(const Sites& sites, const at::Tensor& x, const at::Tensor& gradient, double stepSize,
                           double temperature) {
    return sites.differences(x, gradient).mul_(-0.5 / temperature).sub_(sites.squaredDistances(x), 0.5 / stepSize);
  }
  /// log of the probability that every site goes to its level, [n].
  static at::Tensor probability(const at::Tensor& logits, const at::Tensor& levels) {
    return logits.log_softmax(2).gather(2, levels.unsqueeze(2)).sum({1, 2});
  }
  bool adjusted_;
};

}  // namespace

std::shared_ptr<const Sampler> makeDiscreteLangevin(const Spec& spec) {
  CommonOptions common = CommonOptions::readDiscrete(spec);
  common.stepSize = Schedule::read(spec.at("stepSize"));
  return std::make_shared<DiscreteLangevin>(std::move(common), spec.boolean("adjusted", true));
}

}  // namespace langevin
