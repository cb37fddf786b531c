// langevin: the unadjusted Langevin algorithm, in two named forms.
//   proper:    x' = x - (h/2) grad E + sqrt(h T) xi       target exp(-E / T) up to a bias of order h
//   heuristic: x' = x - stepSize grad E + noise xi        effective temperature noise^2 / (2 stepSize)
// h is the stepSize of the first. The second is the first with h = 2 stepSize and T = noise^2 / (2 stepSize); it is
// written apart because published code states it so, and because its temperature is easily overlooked. Bias on E = P
// x^2 / 2: the stationary variance is T / (P (1 - h P / 4)).
#include <cmath>

#include "samplers/langevin.hpp"

#include "samplers/moves.hpp"
#include "samplers/plan.hpp"

namespace langevin {
namespace {

class Langevin final : public Sampler {
 public:
  /// With a `noise` the heuristic form.
  Langevin(CommonOptions common, std::optional<Schedule> noise)
      : Sampler(std::move(common)), noise_(std::move(noise)) {}

  Traits traits() const override {
    return {.steady = common_.stepSize.constant() && common_.temperature.constant() && (!noise_ || noise_->constant())};
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const LangevinStep now = stepAt(clock);
    const at::Tensor gradient = clipRows(chains.gradient, common_.clip, tally);
    at::Tensor x = at::add(chains.x, gradient, -now.stepSize / 2);
    if (now.noise > 0)
      x.add_(random.normal(x.size(0), x.size(1), clock.counter, Stream::Noise, x.options(), chains.firstChain),
             now.noise);
    if (common_.box) applyBox(x, *common_.box, tally);
    EnergyAndGradient next = evaluateAt(target, x, chains.y);
    if (clock.monitored() && now.temperature > 0) {
      Tally unused = tally.notCounted();  // the clip of this gradient is counted when the next step uses it
      const at::Tensor nextGradient = clipRows(next.gradient, common_.clip, unused);
      tallyAcceptance(langevinLogRatio(chains.x, chains.energy, gradient, x, next.energy, nextGradient, now.stepSize,
                                       now.temperature),
                      tally);
    }
    chains.x = std::move(x);
    chains.energy = std::move(next.energy);
    chains.gradient = std::move(next.gradient);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    return fuseLangevin(*this, target, [this](const StepClock& clock) { return stepAt(clock); });
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    if (noise_) return std::make_shared<Langevin>(common_, noise_->times(std::sqrt(factor)));
    return std::make_shared<Langevin>(common_.atTemperature(factor), std::nullopt);
  }

  double effectiveTemperature() const override {
    if (!noise_) return Sampler::effectiveTemperature();
    const std::int64_t last = common_.steps - 1;
    return temperatureOf(common_.stepSize.at(last, common_.steps), noise_->at(last, common_.steps));
  }

  std::optional<double> gradientFactor(const StepClock& clock) const override { return stepAt(clock).stepSize / 2; }

 private:
  LangevinStep stepAt(const StepClock& clock) const {
    const double stepSize = common_.stepSize.at(clock.t, clock.total);
    if (noise_) {
      const double noise = noise_->at(clock.t, clock.total);
      return {2 * stepSize, noise, temperatureOf(stepSize, noise)};
    }
    return LangevinStep::proper(stepSize, common_.temperature.at(clock.t, clock.total));
  }
  static double temperatureOf(double stepSize, double noise) { return noise * noise / (2 * stepSize); }
  std::optional<Schedule> noise_;
};

}  // namespace

std::shared_ptr<const Sampler> properLangevin(CommonOptions common) {
  return std::make_shared<Langevin>(std::move(common), std::nullopt);
}

std::shared_ptr<const Sampler> makeLangevin(const Spec& spec) {
  const std::string form = spec.text("form", "proper");
  if (form == "heuristic") {
    if (spec.has("temperature"))
      spec.at("temperature")
          .invalid("the heuristic form has no temperature of its own: it is noise^2 / (2 stepSize); set noise");
    return std::make_shared<Langevin>(CommonOptions::read(spec), Schedule::read(spec.at("noise"), true));
  }
  if (form != "proper") spec.at("form").invalid("'" + form + "' is not one of proper, heuristic");
  if (spec.has("noise"))
    spec.at("noise").invalid(
        "the proper form's noise is sqrt(stepSize * temperature); use form: 'heuristic' to set it");
  return std::make_shared<Langevin>(CommonOptions::read(spec), std::nullopt);
}

}  // namespace langevin
