#include "objectives/long_chains.hpp"

#include <cmath>

#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

LongChains::LongChains(const Spec& spec, std::int64_t shortSteps) {
  const auto options = spec.find("longChains");
  if (!options) return;
  const std::int64_t steps = options->count("steps");
  if (steps <= shortSteps)
    options->at("steps").invalid("must be above the " + std::to_string(shortSteps) + " steps of the short chains");
  more_ = steps - shortSteps;
  weight_ = options->nonNegative("weight", 0.5);
  if (weight_ > 1) options->at("weight").invalid("must be at most 1");
  fraction_ = options->positive("fraction", 1);
  if (fraction_ > 1) options->at("fraction").invalid("must be at most 1");
}

// Batches are drawn at random, so their first rows are a random share. The continuation has random numbers of its own:
// those of the chains numbered after all short ones.
Batch LongChains::carriedOn(StepContext& context, const Sampler& sampler, const Batch& ends) const {
  const auto count = static_cast<std::int64_t>(std::ceil(fraction_ * static_cast<double>(ends.size())));
  Chains chains;
  chains.x = ends.x.detach().slice(0, 0, count).clone();
  if (ends.y.defined()) chains.y = ends.y.slice(0, 0, count);
  chains.firstChain = static_cast<std::uint64_t>(ends.size());
  const auto counter = static_cast<std::uint64_t>(context.step) * static_cast<std::uint64_t>(more_);
  advance(sampler, context.model(), chains, more_, counter, context.random(), context.threads, context.job());
  return {chains.x.detach(), chains.y};
}

at::Tensor LongChains::contrast(StepContext& context, const Sampler& sampler, const Batch& ends) const {
  if (more_ == 0) return langevin::contrast(context, context.batch, ends);
  const Batch further = carriedOn(context, sampler, ends);
  const auto drift = [&](const at::Tensor& before, const at::Tensor& after) {
    context.monitor("drift", meanOf(before.detach().slice(0, 0, further.size()) - after.detach()));
  };
  // CD-K to the bit; the long chains are only looked at.
  if (weight_ == 0) {
    const Batch before{ends.x.slice(0, 0, further.size()), further.y};
    drift(context.model().energyOf(before, context.threads), context.model().energyOf(further, context.threads));
    return langevin::contrast(context, context.batch, ends);
  }
  const std::vector<at::Tensor> energy = context.energies({context.batch, ends, further});
  drift(energy[1], energy[2]);
  context.recordData(energy[0]);
  context.recordNegatives(at::cat({energy[1], energy[2]}));
  return weightedMeans(context, {{energy[0], 1.0}, {energy[1], weight_ - 1}, {energy[2], -weight_}});
}

}  // namespace langevin
