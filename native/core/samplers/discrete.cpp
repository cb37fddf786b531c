#include "samplers/discrete.hpp"

#include "samplers/moves.hpp"

namespace langevin {

Sites::Sites(const Target& target) : states_(target.states()), count_(states_.sites(target.width())) {}

at::Tensor Sites::encode(const at::Tensor& levels, const at::Tensor& like) const {
  return states_.encode(levels, like.options());
}

at::Tensor Sites::with(const at::Tensor& x, const at::Tensor& site, const at::Tensor& level) const {
  const std::int64_t width = states_.siteWidth();
  const at::Tensor columns = site.unsqueeze(1) * width + at::arange(width, site.options());
  return x.scatter(1, columns, states_.encode(level.unsqueeze(1), x.options()));
}

at::Tensor Sites::differences(const at::Tensor& x, const at::Tensor& gradient) const {
  const at::Tensor g = gradient.to(at::kDouble);
  if (states_.kind == States::Kind::Categorical) {
    const std::vector<std::int64_t> shape{x.size(0), count_, levels()};
    return g.view(shape) - (g * x).view(shape).sum(2, true);
  }
  const at::Tensor values = at::tensor(states_.values(), g.options());
  return g.unsqueeze(2) * (values - x.unsqueeze(2));
}

at::Tensor Sites::squaredDistances(const at::Tensor& x) const {
  const at::Tensor wide = x.to(at::kDouble);
  if (states_.kind == States::Kind::Categorical) return (1 - wide.view({x.size(0), count_, levels()})).mul_(2);
  return (at::tensor(states_.values(), wide.options()) - wide.unsqueeze(2)).square_();
}

at::Tensor choose(const at::Tensor& logits, const at::Tensor& u) {
  const at::Tensor cumulative = logits.softmax(-1).cumsum(-1);
  // The last sum is 1 up to rounding: a u above it belongs to the last entry with a probability above 0.
  const at::Tensor total = cumulative.slice(-1, -1);
  const at::Tensor below = cumulative.le(u.unsqueeze(-1) * total);
  return below.sum(-1).clamp_max_(logits.size(-1) - 1);
}

at::Tensor fineUniform(const Random& random, std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream,
                       std::uint64_t firstRow) {
  const at::Tensor words = random.uniform(rows, 2 * cols, step, stream, at::kDouble, firstRow);
  return (words.slice(1, cols) - 0.5).mul_(0x1p-24).add_(words.slice(1, 0, cols));
}

void testMoves(Chains& chains, const at::Tensor& x, const EnergyAndGradient& next, const at::Tensor& logRatio,
               const StepClock& clock, const Random& random, Tally& tally) {
  tally.divergences += at::isfinite(next.energy).logical_not().sum().item<std::int64_t>();
  tallyAcceptance(logRatio, tally);
  const at::Tensor u =
      random.uniform(x.size(0), 1, clock.counter, Stream::Accept, logRatio.options(), chains.firstChain).squeeze(1);
  // A ratio that is not a number compares false: such a proposal is refused, never entered.
  const at::Tensor accept = u.log().lt(logRatio);
  tally.accepted += static_cast<double>(accept.sum().item<std::int64_t>());
  const at::Tensor row = accept.unsqueeze(1);
  chains.x = at::where(row, x, chains.x);
  chains.energy = at::where(accept, next.energy, chains.energy);
  chains.gradient = at::where(row, next.gradient, chains.gradient);
}

}  // namespace langevin
