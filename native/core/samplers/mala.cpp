// mala: a proper Langevin proposal, x' = x - (h/2) grad E + sqrt(h T) xi, with a Metropolis-Hastings test (Besag 1994;
// Roberts and Tweedie 1996). Exact for any step size h. With a gradient clip the clipped gradient is used in both
// directions, which keeps the test exact (the truncated algorithm of Roberts and Tweedie). With a box a proposal
// outside is refused: the target is exp(-E / T) on the box.
#include <limits>

#include "samplers/moves.hpp"
#include "samplers/plan.hpp"

namespace langevin {
namespace {

class Mala final : public Sampler {
 public:
  using Sampler::Sampler;

  Traits traits() const override {
    return {.adjusted = true, .steady = common_.stepSize.constant() && common_.temperature.constant()};
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const LangevinStep now = stepAt(clock);
    const at::Tensor gradient = clipRows(chains.gradient, common_.clip, tally);
    at::Tensor x = at::add(chains.x, gradient, -now.stepSize / 2);
    x.add_(random.normal(x.size(0), x.size(1), clock.counter, Stream::Noise, x.options(), chains.firstChain),
           now.noise);
    const EnergyAndGradient next = evaluateAt(target, x, chains.y);
    Tally unused = tally.notCounted();  // the clip of a proposal's gradient is counted when a step starts from it
    const at::Tensor nextGradient = clipRows(next.gradient, common_.clip, unused);
    at::Tensor logRatio = langevinLogRatio(chains.x, chains.energy, gradient, x, next.energy, nextGradient,
                                           now.stepSize, now.temperature);
    if (common_.box) {
      const at::Tensor outside = at::logical_or(x.lt(common_.box->low), x.gt(common_.box->high)).any(1);
      tally.add(Tally::Field::Clamped, outside.sum());
      logRatio.masked_fill_(outside, -std::numeric_limits<double>::infinity());
    }
    acceptMoves(chains, x, next, logRatio, clock, random, tally);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    return fuseLangevin(*this, target, [this](const StepClock& clock) { return stepAt(clock); });
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    return std::make_shared<Mala>(common_.atTemperature(factor));
  }

 private:
  LangevinStep stepAt(const StepClock& clock) const {
    return LangevinStep::proper(common_.stepSize.at(clock.t, clock.total),
                                common_.temperature.at(clock.t, clock.total));
  }
};

}  // namespace

std::shared_ptr<const Sampler> makeMala(const Spec& spec) {
  CommonOptions common = CommonOptions::read(spec);
  requireReflectingBox(spec, common);
  return std::make_shared<Mala>(std::move(common));
}

}  // namespace langevin
