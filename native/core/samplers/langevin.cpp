// langevin: the unadjusted Langevin algorithm, in two named forms.
//   proper:    x' = x - (h/2) grad E + sqrt(h T) xi       target exp(-E / T) up to a bias of order h
//   heuristic: x' = x - stepSize grad E + noise xi        effective temperature noise^2 / (2 stepSize)
// The second is the first with h = 2 stepSize and T = noise^2 / (2 stepSize); it is written apart because published
// code states it so, and because its temperature is easily overlooked. Bias on E = P x^2 / 2: the stationary variance
// is T / (P (1 - h P / 4)).
#include <cmath>

#include "samplers/langevin.hpp"

#include "samplers/fused.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

class Langevin final : public Sampler {
 public:
  Langevin(CommonOptions common, std::optional<Schedule> noise)
      : Sampler(std::move(common)), noise_(std::move(noise)) {}

  bool adjusted() const override { return false; }
  bool steady() const override {
    return common_.stepSize.constant() && common_.temperature.constant() && (!noise_ || noise_->constant());
  }

  double effectiveTemperature() const override {
    if (!noise_) return Sampler::effectiveTemperature();
    const std::int64_t last = common_.steps - 1;
    return temperatureOf(common_.stepSize.at(last, common_.steps), noise_->at(last, common_.steps));
  }

  std::shared_ptr<const Sampler> heated(double factor) const override {
    if (noise_) return std::make_shared<Langevin>(common_, noise_->times(std::sqrt(factor)));
    return std::make_shared<Langevin>(common_.heated(factor), std::nullopt);
  }
  std::optional<double> drift(const StepClock& clock) const override { return stepAt(clock).drift; }

  std::unique_ptr<TileExecutor> fuse(const Energy& energy) const override {
    return fuseLangevin(*this, energy, [this](const StepClock& clock) { return stepAt(clock); });
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const LangevinStep now = stepAt(clock);
    const double h = 2 * now.drift, scale = now.noise, temperature = now.temperature;

    const at::Tensor drift = clipRows(chains.gradient, common_.clip, tally);
    at::Tensor x = at::add(chains.x, drift, -h / 2);
    if (scale > 0)
      x.add_(random.normal(x.size(0), x.size(1), clock.counter, Stream::Noise, x.options(), chains.firstChain), scale);
    if (common_.box) applyBox(x, *common_.box, tally);
    EnergyAndGradient next = evaluateAt(target, x, chains.y);
    if (clock.monitored() && temperature > 0) {
      Tally unused = tally.unread();  // the clip of this gradient is counted when the next step uses it
      const at::Tensor nextDrift = clipRows(next.gradient, common_.clip, unused);
      tallyAcceptance(langevinLogRatio(chains.x, chains.energy, drift, x, next.energy, nextDrift, h, temperature),
                      tally);
    }
    chains.x = std::move(x);
    chains.energy = std::move(next.energy);
    chains.gradient = std::move(next.gradient);
  }

 private:
  LangevinStep stepAt(const StepClock& clock) const {
    const double size = common_.stepSize.at(clock.t, clock.total);
    if (!noise_) {
      const double temperature = common_.temperature.at(clock.t, clock.total);
      return {size / 2, std::sqrt(size * temperature), temperature};
    }
    const double noise = noise_->at(clock.t, clock.total);
    return {size, noise, temperatureOf(size, noise)};
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
