// mala: a proper Langevin proposal with a Metropolis-Hastings test (Besag 1994; Roberts and Tweedie 1996). Exact for
// any step size. With a gradient clip the clipped drift is used in both directions, which keeps the test exact (the
// truncated algorithm of Roberts and Tweedie). With a box a proposal outside is refused: the target is exp(-E / T) on
// the box.
#include <cmath>
#include <limits>

#include "samplers/fused.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

class Mala final : public Sampler {
 public:
  using Sampler::Sampler;
  bool adjusted() const override { return true; }
  bool steady() const override { return common_.stepSize.constant() && common_.temperature.constant(); }

  std::shared_ptr<const Sampler> heated(double factor) const override {
    return std::make_shared<Mala>(common_.heated(factor));
  }

  std::unique_ptr<TileExecutor> fuse(const Energy& energy) const override {
    return fuseLangevin(*this, energy, [this](const StepClock& clock) {
      const double h = common_.stepSize.at(clock.t, clock.total), t = common_.temperature.at(clock.t, clock.total);
      return LangevinStep{h / 2, std::sqrt(h * t), t};
    });
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const double h = common_.stepSize.at(clock.t, clock.total);
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const std::int64_t n = chains.x.size(0), d = chains.x.size(1);
    const auto options = chains.x.options();

    const at::Tensor drift = clipRows(chains.gradient, common_.clip, tally);
    at::Tensor x = at::add(chains.x, drift, -h / 2);
    x.add_(random.normal(n, d, clock.counter, Stream::Noise, options, chains.firstChain), std::sqrt(h * temperature));
    EnergyAndGradient next = evaluateAt(target, x, chains.y);
    Tally unused = tally.unread();  // the clip of a proposal's gradient is counted when a step starts from it
    const at::Tensor nextDrift = clipRows(next.gradient, common_.clip, unused);
    at::Tensor logRatio = langevinLogRatio(chains.x, chains.energy, drift, x, next.energy, nextDrift, h, temperature);
    if (common_.box) {
      const at::Tensor outside = at::logical_or(x.lt(common_.box->low), x.gt(common_.box->high)).any(1);
      tally.add(Tally::Field::Clamped, outside.sum());
      logRatio.masked_fill_(outside, -std::numeric_limits<double>::infinity());
    }
    if (tally.recorded.defined() || firstNonFiniteRow(logRatio) >= 0)
      tally.add(Tally::Field::Divergences, at::isfinite(next.energy).logical_not().sum());
    tallyAcceptance(logRatio, tally);
    const at::Tensor u = random.uniform(n, 1, clock.counter, Stream::Accept, options, chains.firstChain).squeeze(1);
    // A ratio that is not a number compares false: such a proposal is refused, never entered.
    const at::Tensor accept = u.log().lt(logRatio);
    tally.add(Tally::Field::Accepted, accept.sum());
    const at::Tensor row = accept.unsqueeze(1);
    chains.x = at::where(row, x, chains.x);
    chains.energy = at::where(accept, next.energy, chains.energy);
    chains.gradient = at::where(row, next.gradient, chains.gradient);
  }
};

}  // namespace

std::shared_ptr<const Sampler> makeMala(const Spec& spec) {
  CommonOptions common = CommonOptions::read(spec);
  if (common.box && !common.box->reflect)
    spec.at("box").invalid(
        "a Metropolis test and clamping exclude each other (clamping piles mass on the border); "
        "use mode: 'reflect'");
  return std::make_shared<Mala>(std::move(common));
}

}  // namespace langevin
