#include "objectives/sampler_kl.hpp"

#include <cmath>
#include <numbers>

#include "objectives/support.hpp"

namespace langevin {
namespace {

double digamma(std::int64_t k) { return at::digamma(at::full({}, static_cast<double>(k), at::kDouble)).item<double>(); }

// d^2E/dx^2 a, row by row.
at::Tensor hessianProduct(const Energy& model, const Rows& rows, const at::Tensor& a) {
  at::AutoGradMode enable(true);
  const at::Tensor x = rows.x.detach().clone().requires_grad_(true);
  const at::Tensor energy = model.evaluateWith(model.parameters().tensors(), {x, rows.y}, {}).energy;
  const at::Tensor gradient = torch::autograd::grad({energy.sum()}, {x}, {}, true, true)[0];
  if (!gradient.requires_grad()) return at::zeros_like(a);
  const at::Tensor product = torch::autograd::grad({gradient}, {x}, {a}, std::nullopt, false, true)[0];
  return product.defined() ? product : at::zeros_like(a);
}

}  // namespace

at::Tensor nearestNeighbourEntropy(const at::Tensor& x, std::int64_t k) {
  const std::int64_t n = x.size(0), d = x.size(1);
  if (n <= k) fail(Code::Shape, "the entropy by neighbour ", k, " needs more than ", k, " rows, got ", n);
  at::Tensor neighbour;
  {
    at::NoGradGuard guard;
    const at::Tensor rows = x.detach();
    // Distances by differences (mode 2): the nearest ones are what counts. A row is its own nearest at distance 0.
    at::Tensor distance = at::cdist(rows, rows, 2.0, 2);
    distance.fill_diagonal_(-1);
    neighbour = std::get<1>(distance.topk(k + 1, 1, false, true)).select(1, k);
  }
  const at::Tensor r = (x - x.index_select(0, neighbour)).square().sum(1).sqrt();
  const auto dims = static_cast<double>(d);
  const double ball = 0.5 * dims * std::log(std::numbers::pi) - std::lgamma(0.5 * dims + 1);
  return dims * r.log().mean() + ball + digamma(n) - digamma(k);
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
  if (!sampler.drift({0, common.steps, 0, false}))
    fail(Code::Unsupported,
         "samplerKl differentiates steps of the form x - c grad E(x) + noise: it needs the langevin sampler");
  if (common.clip > 0 || common.box)
    fail(Code::Unsupported, "samplerKl differentiates plain steps: it needs a sampler without clip and box");
}

at::Tensor SamplerKl::advance(StepContext& context, const Sampler& sampler, const Rows& rows, std::int64_t steps) {
  if (!active_) return advanceRows(context, sampler, rows, steps);
  points_.clear();
  drifts_.clear();
  const std::int64_t total = steps > 0 ? steps : sampler.common().steps;
  last_.y = rows.y;
  last_.x = advanceRows(context, sampler, rows, total, std::min(steps_, total), &points_);
  for (std::int64_t t = total - static_cast<std::int64_t>(points_.size()); t < total; ++t)
    drifts_.push_back(*sampler.drift({t, total, 0, false}));
  return last_.x;
}

// d (energy mean E - entropy H) / dx of the last rows, with the weights of E held fixed.
at::Tensor SamplerKl::sensitivity(StepContext& context, double& value) const {
  const EnergyAndGradient e = context.model().energyAndGradient(last_, context.threads);
  at::Tensor total = e.gradient * (energy_ / static_cast<double>(last_.size()));
  const double energy = e.energy.mean().item<double>();
  context.monitor("samplerKlEnergy", energy);
  value = energy_ * energy;
  if (entropy_ == 0) return total;
  at::AutoGradMode enable(true);
  const at::Tensor x = last_.x.detach().clone().requires_grad_(true);
  const at::Tensor entropy = nearestNeighbourEntropy(x, neighbour_);
  const at::Tensor gradient = torch::autograd::grad({entropy}, {x})[0];
  context.monitor("entropy", entropy.item<double>());
  value -= entropy_ * entropy.item<double>();
  return total - entropy_ * gradient;
}

at::Tensor SamplerKl::added(StepContext& context, const at::Tensor& loss) const {
  if (!active_) return loss;
  double value = 0;
  at::Tensor a = sensitivity(context, value);
  // Backwards over the kept steps: x' = x + c s(x) + noise depends on the weights by c s(x), and on x by 1 - c H(x).
  at::Tensor term = at::zeros({}, a.options());
  for (std::size_t t = points_.size(); t-- > 0;) {
    const Rows rows{points_[t], last_.y};
    term = term + drifts_[t] * (a * context.score(rows)).sum();
    if (t > 0) a = a - drifts_[t] * hessianProduct(context.model(), rows, a);
  }
  // The gradient of `term`, the value of the KL's parts.
  return loss + (term - term.detach()) + value;
}

}  // namespace langevin
