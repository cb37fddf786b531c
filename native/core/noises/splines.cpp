#include "noises/splines.hpp"

#include <cmath>
#include <numbers>

namespace langevin {
namespace {

// Silverman's rule, 0.9 min(sd, interquartile range / 1.34) n^(-1/5), of every column [d, 1].
at::Tensor bandwidths(const at::Tensor& y, const at::Tensor& sd) {
  const at::Tensor q = at::quantile(y, at::tensor({0.25, 0.75}, at::kDouble), 1);
  const at::Tensor range = (q[1] - q[0]).unsqueeze(1) / 1.34;
  const at::Tensor spread = at::where(range > 0, at::minimum(range, sd), sd);
  return 0.9 * std::pow(static_cast<double>(y.size(1)), -0.2) * spread;
}

// Each column at least `gap` above the one before.
at::Tensor rising(const at::Tensor& values, const at::Tensor& gap) {
  std::vector<at::Tensor> columns = values.unbind(1);
  for (std::size_t k = 1; k < columns.size(); ++k) columns[k] = at::maximum(columns[k], columns[k - 1] + gap);
  return at::stack(columns, 1);
}

}  // namespace

Splines::Splines(at::Tensor y, at::Tensor z, const at::Tensor& slope) : y_(std::move(y)), z_(std::move(z)) {
  const std::int64_t pieces = y_.size(1) - 1;
  const auto starts = [&](const at::Tensor& t) { return t.slice(1, 0, pieces); };
  const at::Tensor width = y_.diff(1, 1), height = z_.diff(1, 1), secant = height / width;
  const at::Tensor left = starts(slope), right = slope.slice(1, 1);
  pieces_ =
      at::stack({starts(y_), starts(z_), width, height, secant, left, right, left + right - 2 * secant}).flatten(1);
  columns_ = at::arange(y_.size(0), y_.options().dtype(at::kLong)).unsqueeze(1) * pieces;
}

// { y, z, width, height, secant, left, right, left + right - 2 secant } of the piece of every number, [d, n] each.
std::vector<at::Tensor> Splines::piecesAt(const at::Tensor& knots, const at::Tensor& at) const {
  const at::Tensor i = at::searchsorted(knots, at).sub_(1).clamp_(0, knots.size(1) - 2).add_(columns_);
  return pieces_.index_select(1, i.flatten()).view({8, at.size(0), at.size(1)}).unbind(0);
}

Splines Splines::gaussianising(const at::Tensor& y, std::int64_t knots) {
  const std::int64_t d = y.size(0);
  const auto n = static_cast<double>(y.size(1));
  const at::Tensor mean = y.mean(1, true), sd = y.std(1, true, true);
  const at::Tensor h = bandwidths(y, sd);
  // Kernels widen; centres drawn towards the mean keep the variance (Jones 1991).
  const at::Tensor centres = mean + (1 - (h / sd).square()).sqrt() * (y - mean);
  const double outer = at::special_ndtri(at::full({1}, 1 - 0.5 / n, at::kDouble)).item<double>();
  const at::Tensor shares = at::special_ndtr(at::linspace(-outer, outer, knots, at::kDouble));
  // The outer knots are the outer rows: row i of n in order stands for the share (i + 1/2) / n.
  const at::Tensor levels = ((shares * n - 0.5) / (n - 1)).clamp(0, 1);
  // Ties leave no width between quantiles.
  const at::Tensor at = rising(at::quantile(centres, levels, 1).t(), 0.05 * h.squeeze(1));
  std::vector<at::Tensor> share, density;
  for (std::int64_t j = 0; j < d; ++j) {
    const at::Tensor u = (at[j].unsqueeze(1) - centres[j]) / h[j];
    share.push_back(at::special_ndtr(u).mean(1));
    density.push_back((-0.5 * u.square()).exp().mean(1));
  }
  // Where no row lies between two knots the share does not rise.
  const at::Tensor image = rising(at::special_ndtri(at::stack(share)), at::full({d}, 1e-3, at::kDouble));
  // F' / phi(z), but no cracks: a slope far below that of its neighbours would be an empty place in the density.
  const at::Tensor exact = at::stack(density) / h * (0.5 * image.square()).exp();
  const at::Tensor secant = image.diff(1, 1) / at.diff(1, 1);
  const at::Tensor around =
      at::minimum(at::cat({secant.slice(1, 0, 1), secant}, 1), at::cat({secant, secant.slice(1, knots - 2)}, 1));
  at::Tensor slope = at::maximum(exact, 0.05 * around);
  // Beyond the outer rows the tails are no steeper than those of the normal law in the units of y: steeper ones would
  // send rows farther out from layer to layer.
  for (const std::int64_t end : {std::int64_t{0}, knots - 1}) slope.select(1, end).clamp_max_(1);
  return {at, image, slope};
}

at::Tensor Splines::forward(const at::Tensor& at, at::Tensor& logSlope) const {
  const auto p = piecesAt(y_, at.contiguous());
  const at::Tensor &y = p[0], &z = p[1], &width = p[2], &height = p[3], &secant = p[4], &left = p[5], &right = p[6];
  const at::Tensor t = ((at - y) / width).clamp_(0, 1), both = at::addcmul(t, t, t, -1);  // t (1 - t)
  const at::Tensor square = t - both, below = at::addcmul(secant, p[7], both);
  const at::Tensor inside = z + height * at::addcmul(secant * square, left, both) / below;
  const at::Tensor ends = at::addcmul(right * square, left, 1 - t - both);
  const at::Tensor rise = (secant / below).square_().mul_(at::addcmul(ends, secant, both, 2));
  logSlope = logSlope + rise.log().sum(0);
  // t is 0 or 1 beyond the outer knots, and the line goes on from there.
  return at::addcmul(inside, rise, at - at::addcmul(y, t, width));
}

at::Tensor Splines::inverse(const at::Tensor& at) const {
  const auto p = piecesAt(z_, at.contiguous());
  const at::Tensor &y = p[0], &z = p[1], &width = p[2], &height = p[3], &secant = p[4], &left = p[5], &right = p[6];
  const at::Tensor within = at::minimum((at - z).clamp_min_(0), height), bent = within * p[7];
  const at::Tensor a = height * (secant - left) + bent, b = height * left - bent, c = secant * within;
  const at::Tensor t = (2 * c / (b + (b.square() + 4 * a * c).clamp_min_(0).sqrt_())).clamp_(0, 1);
  return y + t * width + (at - z - within) / at::where(at < z, left, right);
}

Splines Splines::to(at::TensorOptions options) const {
  Splines s;
  s.y_ = y_.to(options);
  s.z_ = z_.to(options);
  s.pieces_ = pieces_.to(options);
  s.columns_ = columns_.to(options.device());
  return s;
}

}  // namespace langevin
