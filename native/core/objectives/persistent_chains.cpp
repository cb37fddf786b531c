#include "objectives/persistent_chains.hpp"

#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

ReplayBuffer::Options bufferOptions(const Spec& spec) {
  const auto buffer = spec.find("buffer");
  return buffer ? ReplayBuffer::Options::read(*buffer) : ReplayBuffer::Options{};
}

}  // namespace

PersistentChains::PersistentChains(const Spec& spec)
    : sampler_(makeSampler(spec.at("sampler"))), buffer_(bufferOptions(spec)), chains_(spec.count("chains", 1, 0)) {}

PersistentChains::PersistentChains(std::shared_ptr<const Sampler> sampler, ReplayBuffer::Options options,
                                   std::int64_t chains)
    : sampler_(std::move(sampler)), buffer_(std::move(options)), chains_(chains) {}

PersistentChains::Moved PersistentChains::move(StepContext& context, SamplerKl* kl) const {
  const std::int64_t count = chains_ > 0 ? chains_ : context.batch.size();
  const CommonOptions& common = sampler_->common();
  const double temperature = common.temperature.at(common.steps - 1, common.steps);
  ReplayBuffer::Draw draw = buffer_.draw(count, static_cast<std::uint64_t>(context.step), [&](const Batch& rows) {
    return context.model().energyOf(rows, context.threads) / temperature;
  });
  buffer_.annealRestarts(draw, [&](const Batch& rows, double factor, std::uint64_t level) {
    return rowsAtTemperature(context, *sampler_, rows, factor, level, random_);
  });
  Batch rows = draw.rows;
  rows.x = kl ? kl->advance(context, *sampler_, draw.rows)
              : advanceRows(context, *sampler_, draw.rows, 0, 0, nullptr, &random_);
  return {std::move(draw), std::move(rows)};
}

// The last call that can be aborted is behind us: from here on the step runs to its end.
Batch PersistentChains::store(StepContext& context, const Moved& moved) {
  buffer_.store(moved.draw, moved.rows.x, sampler_->common().steps);
  context.monitor("restartShare", meanOf(moved.draw.restarted));
  context.monitor("bufferAge", buffer_.meanAge());
  context.monitor("bufferSaturation", buffer_.saturation());
  return moved.rows;
}

Map PersistentChains::statistics() const {
  return {{"buffer", buffer_.statistics()}, {"effectiveTemperature", sampler_->effectiveTemperature()}};
}

}  // namespace langevin
