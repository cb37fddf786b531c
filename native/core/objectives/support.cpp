#include "objectives/support.hpp"

#include <cmath>
#include <sstream>

#include "base/tensor.hpp"

namespace langevin {

EnergyPair energiesOf(StepContext& context, const Rows& data, const Rows& negatives) {
  Rows joint;
  joint.x = at::cat({data.x, negatives.x});
  if (data.y.defined()) joint.y = at::cat({data.y, negatives.y});
  const at::Tensor energy = context.energy(joint);
  return {energy.slice(0, 0, data.size()), energy.slice(0, data.size())};
}

at::Tensor advanceRows(StepContext& context, const Sampler& sampler, const Rows& rows, std::int64_t steps,
                       std::int64_t keep, std::vector<at::Tensor>* kept) {
  if (context.step == 0) warnOfTemperature(context, sampler);
  Chains chains;
  chains.x = rows.x.detach().clone();
  chains.y = rows.y;
  if (steps < 1) steps = sampler.common().steps;
  StepClock clock{0, steps, static_cast<std::uint64_t>(context.step) * static_cast<std::uint64_t>(steps), false};
  Tally tally;
  const auto go = [&](std::int64_t count) {
    tally.merge(
        advance(sampler, context.model(), chains, clock, count, context.random(), context.threads, context.job()));
    clock.t += count;
    clock.counter += static_cast<std::uint64_t>(count);
  };
  go(steps - keep);
  for (std::int64_t i = 0; i < keep; ++i) {
    kept->push_back(chains.x.detach().clone());
    go(1);
  }
  if (tally.proposals > 0) context.monitor("acceptance", tally.acceptanceRate());
  context.monitor("clippedShare", tally.clippedShare());
  context.monitor("clampedShare", tally.clampedShare());
  return chains.x.detach();
}

void warnOfTemperature(StepContext& context, const Sampler& sampler) {
  const double temperature = sampler.effectiveTemperature();
  if (std::abs(temperature - 1.0) <= 0.01) return;
  std::ostringstream text;
  text << "the sampler's effective temperature is " << temperature << ", not 1: what is learned is an energy whose law "
       << "at that temperature fits the data, not the density exp(-E) / Z";
  context.job().emit({{"type", "warning"},
                      {"step", context.step},
                      {"monitor", "effectiveTemperature"},
                      {"value", temperature},
                      {"message", text.str()}});
}

at::Tensor contrast(StepContext& context, const Rows& data, const Rows& negatives) {
  const EnergyPair energy = energiesOf(context, data, negatives);
  context.recordData(energy.data);
  context.recordNegatives(energy.negatives);
  return energy.data.mean() - energy.negatives.mean();
}

Map weightsOf(const std::map<std::string, EnergyRef>& networks) {
  Map result;
  for (const auto& [name, network] : networks) {
    Map weights;
    for (auto& [key, tensor] : network->parameters().named()) weights.emplace(key, box(tensor));
    result.emplace(name, std::move(weights));
  }
  return result;
}

void requireUnconditional(const Rows& data, const char* objective) {
  if (data.y.defined()) fail(Code::Unsupported, objective, " trains E(x); this energy was given conditions y");
}

}  // namespace langevin
