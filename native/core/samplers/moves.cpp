#include "samplers/moves.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace langevin {

EnergyAndGradient evaluateAt(const Target& target, const at::Tensor& x, const at::Tensor& y) {
  if (x.scalar_type() == target.dtype()) return target.energyAndGradient({x, y});
  EnergyAndGradient value = target.energyAndGradient({x.to(target.dtype()), y});
  return {value.energy.to(x.scalar_type()), value.gradient.to(x.scalar_type())};
}

at::Tensor energyAt(const Target& target, const at::Tensor& x, const at::Tensor& y) {
  return target.energyOf({x.to(target.dtype()), y}).to(x.scalar_type());
}

at::Tensor clipRows(const at::Tensor& gradient, double clip, Tally& tally) {
  if (clip <= 0) return gradient;
  const at::Tensor norm = gradient.norm(2, {1}, true);
  tally.add(Tally::Field::Clipped, norm.gt(clip).sum());
  // NaN.clamp_max stays NaN, and inf / inf is NaN: nothing non-finite is made finite here.
  return gradient * (norm.clamp_max(clip) / norm.clamp_min(std::numeric_limits<float>::min()));
}

void applyBox(at::Tensor& x, const Box& box, Tally& tally, at::Tensor* velocity) {
  const at::Tensor outside = at::logical_or(x.lt(box.low), x.gt(box.high));
  const at::Tensor touched = outside.any(1).sum();
  if (!tally.recorded.defined() && touched.item<std::int64_t>() == 0) return;
  tally.add(Tally::Field::Clamped, touched);
  if (!box.reflect) {
    x = x.clamp(box.low, box.high) + x * 0;
    if (velocity) *velocity = velocity->masked_fill(outside, 0);
    return;
  }
  // A triangle wave: as many bounces as the step was long.
  const double width = box.high - box.low;
  const at::Tensor phase = (x - box.low).remainder(2 * width);
  const at::Tensor returning = phase.gt(width);
  x = at::where(outside, (at::where(returning, 2 * width - phase, phase) + box.low).clamp(box.low, box.high), x);
  if (velocity) *velocity = at::where(at::logical_and(outside, returning), -*velocity, *velocity);
}

void requireReflectingBox(const Spec& spec, const CommonOptions& options) {
  if (options.box && !options.box->reflect)
    spec.at("box").invalid(
        "a Metropolis test and clamping exclude each other (clamping piles mass on the border); "
        "use mode: 'reflect'");
}

at::Tensor langevinLogRatio(const at::Tensor& x, const at::Tensor& energy, const at::Tensor& gradient,
                            const at::Tensor& moved, const at::Tensor& movedEnergy, const at::Tensor& movedGradient,
                            double stepSize, double temperature) {
  at::Tensor inner = (movedGradient - gradient).mul_(-stepSize / 4).add_(moved).sub_(x);
  inner.mul_(gradient + movedGradient);
  return (energy - movedEnergy).add_(inner.sum(1), 0.5).div_(temperature);
}

void acceptMoves(Chains& chains, const at::Tensor& x, const EnergyAndGradient& next, const at::Tensor& logRatio,
                 const StepClock& clock, const Random& random, Tally& tally) {
  // A lost energy shows in its ratio: there is nothing to count where all of them are finite, unless nobody may look.
  if (tally.recorded.defined() || firstNonFiniteRow(logRatio) >= 0)
    tally.add(Tally::Field::Divergences, at::isfinite(next.energy).logical_not().sum());
  tallyAcceptance(logRatio, tally);
  takeMoves(chains, x, next, logRatio, clock, random, tally);
}

void takeMoves(Chains& chains, const at::Tensor& x, const EnergyAndGradient& next, const at::Tensor& logRatio,
               const StepClock& clock, const Random& random, Tally& tally) {
  const at::Tensor u =
      random.uniform(x.size(0), 1, clock.counter, Stream::Accept, logRatio.options(), chains.firstChain).squeeze(1);
  // A ratio that is not a number compares false: such a proposal is refused, never entered.
  const at::Tensor accept = u.log().lt(logRatio);
  tally.add(Tally::Field::Accepted, accept.sum());
  const at::Tensor row = accept.unsqueeze(1);
  chains.x = at::where(row, x, chains.x);
  chains.energy = at::where(accept, next.energy, chains.energy);
  if (next.gradient.defined()) chains.gradient = at::where(row, next.gradient, chains.gradient);
}

at::Tensor tallyAcceptance(const at::Tensor& logRatio, Tally& tally) {
  const at::Tensor probability = at::nan_to_num(logRatio.to(at::kDouble).clamp_max(0).exp_(), 0.0);
  tally.add(Tally::Field::Acceptance, probability.sum());
  if (tally.recorded.defined())
    tally.add(Tally::Field::Proposals, at::full({}, probability.numel(), probability.options()));
  else
    tally.proposals += probability.numel();
  return probability;
}

namespace {

template <class T, class Bits>
std::int64_t firstNonFinite(const T* p, std::int64_t n, Bits exponent) {
  Bits bad = 0;  // integer compare: vectorises, where a floating-point reduction would not
  for (std::int64_t i = 0; i < n; ++i) bad |= static_cast<Bits>((std::bit_cast<Bits>(p[i]) & exponent) == exponent);
  if (!bad) return -1;
  for (std::int64_t i = 0; i < n; ++i)
    if (!std::isfinite(p[i])) return i;
  return -1;
}

}  // namespace

std::int64_t firstNonFiniteRow(const at::Tensor& value) {
  const std::int64_t n = value.numel();
  if (n == 0) return -1;
  const std::int64_t width = n / value.size(0);
  std::int64_t at = -1;
  if (value.is_cpu() && value.is_contiguous() && value.scalar_type() == at::kFloat) {
    at = firstNonFinite(value.const_data_ptr<float>(), n, std::uint32_t{0x7F800000u});
  } else if (value.is_cpu() && value.is_contiguous() && value.scalar_type() == at::kDouble) {
    at = firstNonFinite(value.const_data_ptr<double>(), n, std::uint64_t{0x7FF0000000000000u});
  } else if ((value * 0).sum().item<double>() != 0.0) {
    at = at::isfinite(value).logical_not().reshape({-1}).nonzero()[0].item<std::int64_t>();
  }
  return at < 0 ? -1 : at / width;
}

}  // namespace langevin
