#include "objectives/support.hpp"

namespace langevin {

EnergyPair energiesOf(StepContext& context, const Rows& data, const Rows& negatives) {
  Rows joint;
  joint.x = at::cat({data.x, negatives.x});
  if (data.y.defined()) joint.y = at::cat({data.y, negatives.y});
  const at::Tensor energy = context.energy(joint);
  return {energy.slice(0, 0, data.size()), energy.slice(0, data.size())};
}

at::Tensor advanceRows(StepContext& context, const Sampler& sampler, const Rows& rows) {
  Chains chains;
  chains.x = rows.x.detach().clone();
  chains.y = rows.y;
  const std::int64_t steps = sampler.common().steps;
  const auto counter = static_cast<std::uint64_t>(context.step) * static_cast<std::uint64_t>(steps);
  const Tally tally =
      advance(sampler, context.model(), chains, steps, counter, context.random(), context.threads, context.job());
  if (tally.proposals > 0) context.monitor("acceptance", tally.acceptanceRate());
  context.monitor("clippedShare", tally.clippedShare());
  context.monitor("clampedShare", tally.clampedShare());
  return chains.x.detach();
}

at::Tensor contrast(StepContext& context, const Rows& data, const Rows& negatives) {
  const EnergyPair energy = energiesOf(context, data, negatives);
  context.recordData(energy.data);
  context.recordNegatives(energy.negatives);
  return energy.data.mean() - energy.negatives.mean();
}

void requireUnconditional(const Rows& data, const char* objective) {
  if (data.y.defined()) fail(Code::Unsupported, objective, " trains E(x); this energy was given conditions y");
}

}  // namespace langevin
