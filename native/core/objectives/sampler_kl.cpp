#include "objectives/sampler_kl.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

double digamma(std::int64_t k) { return at::digamma(at::full({}, static_cast<double>(k), at::kDouble)).item<double>(); }

// d^2E/dx^2 a, row by row.
at::Tensor hessianProduct(const Energy& model, const Batch& rows, const at::Tensor& a) {
  at::AutoGradMode enable(true);
  const at::Tensor x = rows.x.detach().clone().requires_grad_(true);
  const at::Tensor energy = model.evaluateWith(model.parameters().tensors(), {x, rows.y}, {}).energy;
  const at::Tensor gradient = torch::autograd::grad({energy.sum()}, {x}, {}, true, true)[0];
  if (!gradient.requires_grad()) return at::zeros_like(a);
  const at::Tensor product = torch::autograd::grad({gradient}, {x}, {a}, std::nullopt, false, true)[0];
  return product.defined() ? product : at::zeros_like(a);
}

// The k-th nearest other row of row i and its squared distance; rows as columns [d, n]. By differences: the nearest
// ones are what counts.
std::pair<std::int64_t, double> neighbourOf(const std::vector<double>& columns, std::int64_t n, std::int64_t i,
                                            std::int64_t k, std::vector<double>& squares) {
  std::fill(squares.begin(), squares.end(), 0.0);
  const auto d = static_cast<std::int64_t>(columns.size()) / n;
  for (std::int64_t c = 0; c < d; ++c) {
    const double* column = columns.data() + c * n;
    const double own = column[i];
    for (std::int64_t j = 0; j < n; ++j) squares[static_cast<std::size_t>(j)] += (column[j] - own) * (column[j] - own);
  }
  squares[static_cast<std::size_t>(i)] = std::numeric_limits<double>::infinity();
  std::vector<std::int64_t> nearest;  // the k nearest so far, the farthest of them last
  for (std::int64_t j = 0; j < n; ++j) {
    const auto at = [&](std::int64_t row) { return squares[static_cast<std::size_t>(row)]; };
    if (static_cast<std::int64_t>(nearest.size()) == k && !(at(j) < at(nearest.back()))) continue;
    if (static_cast<std::int64_t>(nearest.size()) == k) nearest.pop_back();
    nearest.insert(std::upper_bound(nearest.begin(), nearest.end(), j,
                                    [&](std::int64_t a, std::int64_t b) { return at(a) < at(b); }),
                   j);
  }
  return {nearest.back(), squares[static_cast<std::size_t>(nearest.back())]};
}

}  // namespace

NeighbourEntropy nearestNeighbourEntropy(const at::Tensor& x, std::int64_t k) {
  const std::int64_t n = x.size(0), d = x.size(1);
  if (n <= k) fail(Code::Shape, "the entropy by neighbour ", k, " needs more than ", k, " rows, got ", n);
  const at::Tensor turned = x.detach().t();
  const std::vector<double> columns = numbersOf(turned);
  std::vector<double> squares(static_cast<std::size_t>(n)), gradient(columns.size());
  const auto dims = static_cast<double>(d), rows = static_cast<double>(n);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto [j, square] = neighbourOf(columns, n, i, k, squares);
    sum += 0.5 * std::log(square);
    for (std::int64_t c = 0; c < d; ++c) {  // d log r / dx_i = (x_i - x_j) / r^2
      const auto own = static_cast<std::size_t>(c * n + i), other = static_cast<std::size_t>(c * n + j);
      const double slope = dims / rows * (columns[own] - columns[other]) / square;
      gradient[own] += slope;
      gradient[other] -= slope;
    }
  }
  const double ball = 0.5 * dims * std::log(std::numbers::pi) - std::lgamma(0.5 * dims + 1);
  return {dims * sum / rows + ball + digamma(n) - digamma(k), tensorOf(gradient, turned).t().contiguous()};
}

SamplerKl::SamplerKl(const Spec& spec, const Sampler& sampler) {
  const auto options = spec.find("samplerKl");
  if (!options) return;
  active_ = true;
  energy_ = options->nonNegative("energy", 1);
  entropy_ = options->nonNegative("entropy", 1);
  steps_ = options->count("steps", 1, 1);
  neighbour_ = options->count("neighbour", 1, 1);
  const CommonOptions& common = sampler.common();
  if (!sampler.gradientFactor({0, common.steps, 0, false}))
    fail(Code::Unsupported,
         "samplerKl differentiates steps of the form x - c grad E(x) + noise: it needs the langevin sampler");
  if (common.clip > 0 || common.box)
    fail(Code::Unsupported, "samplerKl differentiates plain steps: it needs a sampler without clip and box");
}

at::Tensor SamplerKl::advance(StepContext& context, const Sampler& sampler, const Batch& rows, std::int64_t steps) {
  if (!active_) return advanceRows(context, sampler, rows, steps);
  points_.clear();
  factors_.clear();
  const std::int64_t total = steps > 0 ? steps : sampler.common().steps;
  last_.y = rows.y;
  last_.x = advanceRows(context, sampler, rows, total, std::min(steps_, total), &points_);
  for (std::int64_t t = total - static_cast<std::int64_t>(points_.size()); t < total; ++t)
    factors_.push_back(*sampler.gradientFactor({t, total, 0, false}));
  return last_.x;
}

// d (energy mean E - entropy H) / dx of the last rows, with the weights of E held fixed.
at::Tensor SamplerKl::sensitivity(StepContext& context, double& value) const {
  const EnergyAndGradient e = context.model().energyAndGradient(last_, context.threads);
  at::Tensor total = e.gradient * (energy_ / static_cast<double>(last_.size()));
  const double energy = meanOf(e.energy);
  context.monitor("samplerKlEnergy", energy);
  value = energy_ * energy;
  if (entropy_ == 0) return total;
  const NeighbourEntropy entropy = nearestNeighbourEntropy(last_.x, neighbour_);
  context.monitor("entropy", entropy.value);
  value -= entropy_ * entropy.value;
  return total - entropy_ * entropy.gradient;
}

at::Tensor SamplerKl::added(StepContext& context, const at::Tensor& loss) const {
  if (!active_) return loss;
  double value = 0;
  at::Tensor a = sensitivity(context, value);
  // Backwards over the kept steps: x' = x + c s(x) + noise depends on the weights by c s(x), and on x by 1 - c H(x).
  std::vector<Derivative> terms;
  for (std::size_t t = points_.size(); t-- > 0;) {
    const Batch rows{points_[t], last_.y};
    terms.push_back({context.score(rows), a * factors_[t]});
    if (t > 0) a = a - factors_[t] * hessianProduct(context.model(), rows, a);
  }
  return loss + context.lossWithGradients(value, terms);
}

}  // namespace langevin
