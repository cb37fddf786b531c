// underdampedLangevin: Langevin dynamics with momentum, unit mass, split as BAOAB (Leimkuhler and Matthews 2013):
//   B v -= (h/2) grad E   A x += (h/2) v   O v = c v + sqrt((1 - c^2) T) xi, c = exp(-friction h)   A   B
// On E = P x^2 / 2 the position variance is exactly T / P for every stable h (h^2 P < 4); the velocity variance is
// T (1 - h^2 P / 4).
#include <cmath>

#include "samplers/fused.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

class UnderdampedLangevin final : public Sampler {
 public:
  UnderdampedLangevin(CommonOptions common, double friction) : Sampler(std::move(common)), friction_(friction) {}

  Traits traits() const override { return {}; }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    Sampler::init(chains, target, random, counter);
    if (chains.velocity.defined()) return;
    chains.velocity = random.normal(chains.x.size(0), chains.x.size(1), counter, Stream::Auxiliary, chains.x.options(),
                                    chains.firstChain) *
                      std::sqrt(common_.temperature.at(0, common_.steps));
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const double stepSize = common_.stepSize.at(clock.t, clock.total);
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const double keep = std::exp(-friction_ * stepSize);
    const at::Tensor xi = random.normal(chains.x.size(0), chains.x.size(1), clock.counter, Stream::Noise,
                                        chains.x.options(), chains.firstChain);
    at::Tensor v = at::add(chains.velocity, clipRows(chains.gradient, common_.clip, tally), -stepSize / 2);
    const at::Tensor afterKick = v;
    at::Tensor x = at::add(chains.x, v, stepSize / 2);
    if (common_.box) applyBox(x, *common_.box, tally, &v);
    v = at::add(v * keep, xi, std::sqrt(-std::expm1(-2 * friction_ * stepSize) * temperature));
    const at::Tensor afterNoise = v;
    x = at::add(x, v, stepSize / 2);
    if (common_.box) applyBox(x, *common_.box, tally, &v);
    EnergyAndGradient next = evaluateAt(target, x, chains.y);
    Tally unused;  // counted when the next step uses this gradient
    at::Tensor end = at::add(v, clipRows(next.gradient, common_.clip, unused), -stepSize / 2);
    if (clock.monitored()) {
      // The O step satisfies detailed balance by itself, so a test of the whole step sees the energy change minus the
      // heat the O step exchanged (Bussi and Parrinello 2007).
      const at::Tensor work = chains.velocity.square() - afterKick.square() + afterNoise.square() - end.square();
      tallyAcceptance((chains.energy - next.energy).add_(work.sum(1), 0.5).div_(temperature), tally);
    }
    chains.x = std::move(x);
    chains.velocity = std::move(end);
    chains.energy = std::move(next.energy);
    chains.gradient = std::move(next.gradient);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    return langevin::fuse(*this, target, [&]<class T>() { return fusedUnderdampedLangevin<T>(common_, friction_); });
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    return std::make_shared<UnderdampedLangevin>(common_.atTemperature(factor), friction_);
  }

 private:
  double friction_;
};

}  // namespace

std::shared_ptr<const Sampler> makeUnderdampedLangevin(const Spec& spec) {
  const double friction = spec.positive("friction", 1.0);
  return std::make_shared<UnderdampedLangevin>(CommonOptions::read(spec), friction);
}

}  // namespace langevin
