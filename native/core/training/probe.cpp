#include "training/probe.hpp"

#include <algorithm>

#include "tensors/random.hpp"

namespace langevin {

Probe::Probe(const Domain& domain, const RowSource& data, std::uint64_t seed, std::int64_t steps)
    : noise_(std::min(kRows, data.size())), stride_(std::max(kSmallestStride, steps / kTimes)) {
  const at::NoGradGuard guard;
  const Batch seen = data.head(noise_);
  const at::Tensor low = data.low(), high = data.high();
  const at::Tensor margin = (high - low) * 0.1;
  // Rows of one discrete kind are compared with all of their box, between the states too.
  const Domain box = domain.homogeneous() ? Domain::of(Domain::Kind::Real, data.width()) : domain;
  const at::Tensor noise = box.uniform(noise_, 0, Stream::NoiseSample, Random(seed).fork(Salt::Probe), data.options(),
                                       low - margin, high - low + 2 * margin);
  rows_.x = at::cat({noise, seen.x});
  if (seen.y.defined()) rows_.y = at::cat({seen.y, seen.y});
}

void Probe::measure(const Energy& model, std::int64_t step, int threads, Monitors& monitors) const {
  if ((step + 1) % stride_ != 0) return;
  // The objective gives y itself, and differently every step: there is no energy of uniform noise to tell.
  const Condition& condition = model.program().condition;
  if (condition.kind != Condition::Kind::None && !condition.optional && !rows_.y.defined()) return;
  const at::Tensor energy = model.energyOf(rows_, threads).to(at::kDouble);
  const double uniform = energy.slice(0, 0, noise_).mean().item<double>();
  monitors.add("energyUniform", uniform);
  monitors.add("uniformGap", uniform - energy.slice(0, noise_).mean().item<double>());
}

}  // namespace langevin
