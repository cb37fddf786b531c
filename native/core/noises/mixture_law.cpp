#include "noises/mixture_law.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "tensors/matrix.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

at::Tensor covariances(const at::Tensor& factors) { return at::matmul(factors, factors.transpose(1, 2)); }

// Weighted moments of the rows under responsibilities [n, k].
MixtureLaw moments(const at::Tensor& rows, const at::Tensor& share, double ridge) {
  const std::int64_t k = share.size(1), d = rows.size(1);
  const at::Tensor mass = share.sum(0).clamp_min(1e-12);
  MixtureLaw law;
  law.logWeights = (mass / mass.sum()).log();
  law.means = at::mm(share.t(), rows) / mass.unsqueeze(1);
  std::vector<at::Tensor> factors;
  for (std::int64_t c = 0; c < k; ++c) {
    const at::Tensor centred = rows - law.means[c];
    at::Tensor cov = at::mm((centred * share.select(1, c).unsqueeze(1)).t(), centred) / mass[c];
    factors.push_back(at::linalg_cholesky(cov + ridge * at::eye(d, at::kDouble)));
  }
  law.factors = at::stack(factors);
  return law;
}

// k-means++ seeds: each next one with probability proportional to the squared distance to the nearest so far.
at::Tensor seeds(const at::Tensor& rows, std::int64_t k, const Random& random) {
  const std::int64_t n = rows.size(0);
  const at::Tensor u = random.uniform(k, 1, 0, Stream::Evaluation, at::TensorOptions(at::kDouble)).squeeze(1);
  at::Tensor nearest = at::ones({n}, at::kDouble);
  std::vector<at::Tensor> chosen;
  for (std::int64_t c = 0; c < k; ++c) {
    const at::Tensor cumulative = nearest.cumsum(0);
    const at::Tensor target = u[c] * cumulative[n - 1];
    const std::int64_t at = std::min(n - 1, at::searchsorted(cumulative, target).item<std::int64_t>());
    chosen.push_back(rows[at]);
    const at::Tensor distance = (rows - rows[at]).square().sum(1);
    nearest = c == 0 ? distance : at::minimum(nearest, distance);
  }
  return at::stack(chosen);
}

}  // namespace

MixtureLaw MixtureLaw::read(const Spec& spec, std::int64_t d) {
  std::vector<at::Tensor> means, factors;
  for (const Spec& item : spec.at("means").items()) {
    means.push_back(vectorOf(item));
    if (means.back().size(0) != d) item.invalid("must hold " + std::to_string(d) + " numbers, one per column of x");
  }
  if (means.empty()) spec.at("means").invalid("needs at least one mean");
  const auto k = static_cast<std::int64_t>(means.size());
  if (spec.has("sigmas") == spec.has("covariances")) spec.invalid("give exactly one of sigmas, covariances");
  if (spec.has("sigmas")) {
    const Spec s = spec.at("sigmas");
    const at::Tensor sigmas = s.value().list() ? vectorOf(s) : at::full({k}, s.number(), at::kDouble);
    if (sigmas.size(0) != k) s.invalid("must be one number or " + std::to_string(k) + ", one per mean");
    if (!sigmas.gt(0).all().item<bool>()) s.invalid("must be greater than 0");
    for (std::int64_t c = 0; c < k; ++c) factors.push_back(at::eye(d, at::kDouble) * sigmas[c]);
  } else {
    for (const Spec& item : spec.at("covariances").items()) factors.push_back(choleskyOf(item, symmetricOf(item, d)));
    if (static_cast<std::int64_t>(factors.size()) != k)
      spec.at("covariances").invalid("must hold " + std::to_string(k) + " entries, one per mean");
  }
  at::Tensor weights = spec.has("weights") ? vectorOf(spec.at("weights")) : at::ones({k}, at::kDouble);
  if (weights.size(0) != k || !weights.gt(0).all().item<bool>())
    spec.at("weights").invalid("must be " + std::to_string(k) + " numbers above 0");
  return {(weights / weights.sum()).log(), at::stack(means), at::stack(factors)};
}

MixtureLaw MixtureLaw::fit(const at::Tensor& rows, std::int64_t k, const Random& random, const std::string& what,
                           const MixtureFit& options) {
  const std::int64_t n = rows.size(0), d = rows.size(1);
  if (n < k * (d + 1))
    fail(Code::Shape, what, " has ", n, " rows; fitting ", k, " Gaussians in ", d, " dimensions needs at least ",
         k * (d + 1));
  const double ridge = options.ridge * rows.var(0, false).mean().item<double>() + 1e-300;
  const at::Tensor start = seeds(rows, k, random);
  const at::Tensor owner = at::cdist(rows, start).argmin(1);
  at::Tensor share = (owner.unsqueeze(1) == at::arange(k, at::kLong)).to(at::kDouble);
  MixtureLaw law = moments(rows, share, ridge);
  double before = -std::numeric_limits<double>::infinity();
  for (std::int64_t round = 0; round < options.rounds; ++round) {
    const at::Tensor joint = law.componentLogDensity(rows);
    const at::Tensor total = at::logsumexp(joint, {1}, true);
    const double likelihood = total.mean().item<double>();
    if (likelihood - before < options.stop) break;
    before = likelihood;
    law = moments(rows, (joint - total).exp(), ridge);
  }
  return law;
}

MixtureLaw MixtureLaw::widened(double inflate, double defensive) const {
  MixtureLaw law = *this;
  law.factors = factors * std::sqrt(inflate);
  if (defensive <= 0) return law;
  const at::Tensor w = logWeights.exp();
  const at::Tensor mean = at::mv(means.t(), w), shift = means - mean;
  const at::Tensor cov =
      at::einsum("k,kij->ij", {w, covariances(factors)}) + at::mm((shift * w.unsqueeze(1)).t(), shift);
  law.logWeights = at::cat({logWeights + std::log1p(-defensive), at::full({1}, std::log(defensive), at::kDouble)});
  law.means = at::cat({means, mean.unsqueeze(0)});
  law.factors = at::cat({law.factors, at::linalg_cholesky(4 * cov).unsqueeze(0)});
  return law;
}

at::Tensor MixtureLaw::componentLogDensity(const at::Tensor& x) const {
  const double constant = -0.5 * static_cast<double>(dimension()) * std::log(2 * std::numbers::pi);
  std::vector<at::Tensor> columns;
  for (std::int64_t c = 0; c < components(); ++c) {
    const at::Tensor z = at::linalg_solve_triangular(factors[c], (x - means[c]).t(), false);
    const at::Tensor logDet = factors[c].diagonal().log().sum();
    columns.push_back(z.square().sum(0).mul(-0.5) + (logWeights[c] - logDet + constant));
  }
  return at::stack(columns, 1);
}

at::Tensor MixtureLaw::logDensity(const at::Tensor& x) const { return at::logsumexp(componentLogDensity(x), {1}); }

at::Tensor MixtureLaw::draw(std::int64_t first, std::int64_t last, const Random& random) const {
  const std::int64_t n = last - first, d = dimension();
  const auto options = at::TensorOptions(at::kDouble);
  const auto row = static_cast<std::uint64_t>(first);
  return rows(random.uniform(n, 1, 1, Stream::Evaluation, options, row).squeeze(1),
              random.normal(n, d, 2, Stream::Evaluation, options, row));
}

MixtureLaw MixtureLaw::to(at::TensorOptions options) const {
  return {logWeights.to(options), means.to(options), factors.to(options)};
}

at::Tensor MixtureLaw::rows(const at::Tensor& u, const at::Tensor& z) const {
  const at::Tensor borders = logWeights.to(u.options()).exp().cumsum(0);
  const at::Tensor which = at::searchsorted(borders, u).clamp_max(components() - 1).to(z.device());
  at::Tensor x = at::empty_like(z);
  for (std::int64_t c = 0; c < components(); ++c) {
    const at::Tensor mine = which.eq(c).nonzero().squeeze(1);
    x.index_copy_(0, mine, at::addmm(means[c], z.index_select(0, mine), factors[c].t()));
  }
  return x;
}

}  // namespace langevin
