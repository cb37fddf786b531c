// minimumCovarianceDeterminant (Rousseeuw and Van Driessen 1999, FastMCD): squared Mahalanobis distance by mean and
// covariance of the half of the training rows that lies closest together.
//   1. h = (n + d + 1) / 2 rows whose covariance has the smallest determinant, by concentration steps (mean and covariance of
//      the chosen rows, then the h rows nearest by that distance) from random starts of d + 1 rows.
//   2. The covariance is scaled by c(h / n), c(a) = a / P(chi2_{d+2} <= q_a) with q_a the a-quantile of chi2_d: what the
//      covariance of the inner share a of normal rows is too small by (Croux and Haesbroeck 1999).
//   3. Mean and covariance of the rows within q_0.975, scaled by c(0.975).
// Each covariance is shrunk as that of `mahalanobis` is. scikit-learn's MinCovDet ends at the same numbers (shrinkage 0).
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kRobustStarts = 30, kRobustFinalists = 10, kRobustSubset = 1500, kRobustSteps = 100;

struct Scatter {
  at::Tensor mean;    // [1, d]
  at::Tensor factor;  // [d, d], lower Cholesky factor of the covariance
  double logDeterminant = std::numeric_limits<double>::infinity();
  bool regular() const { return std::isfinite(logDeterminant); }
};

Scatter scatterOf(const at::Tensor& rows, double shrinkage) {
  Scatter s;
  s.mean = rows.mean(0, true);
  const auto [factor, info] = at::linalg_cholesky_ex(shrunkCovariance(rows - s.mean, shrinkage));
  s.factor = factor;
  if (info.item<int>() == 0) s.logDeterminant = 2 * factor.diagonal().log().sum().item<double>();
  return s;
}

at::Tensor squaredDistances(const Scatter& s, const at::Tensor& rows) {
  return at::linalg_solve_triangular(s.factor, rows.sub(s.mean).t(), false).square().sum(0);
}

// The covariance of few rows may be singular: then more are taken, as many as it needs.
Scatter randomStart(const at::Tensor& rows, double shrinkage, const at::Tensor& order) {
  for (std::int64_t count = rows.size(1) + 1;; count = std::min(rows.size(0), count + rows.size(1))) {
    Scatter s = scatterOf(rows.index_select(0, order.slice(0, 0, std::min(count, rows.size(0)))), shrinkage);
    if (s.regular() || count >= rows.size(0)) return s;
  }
}

// Steps of concentration until the determinant falls no more.
Scatter concentrate(Scatter s, const at::Tensor& rows, std::int64_t h, double shrinkage, std::int64_t steps, Job& job) {
  for (std::int64_t i = 0; i < steps && s.regular(); ++i) {
    job.check();
    const at::Tensor nearest = std::get<1>(squaredDistances(s, rows).topk(h, 0, false, false));
    Scatter next = scatterOf(rows.index_select(0, nearest), shrinkage);
    const bool settled = i > 0 && !(next.logDeterminant < s.logDeterminant - 1e-12);
    s = std::move(next);
    if (settled) break;
  }
  return s;
}

// P(chi-squared of d degrees <= x)
double chiSquaredBelow(std::int64_t d, double x) {
  const at::Tensor half = at::full({1}, static_cast<double>(d) / 2, at::kDouble);
  return at::igamma(half, at::full({1}, x / 2, at::kDouble)).item<double>();
}

double chiSquaredQuantile(std::int64_t d, double below) {
  double low = 0, high = 10 * static_cast<double>(d) + 100;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (chiSquaredBelow(d, middle) < below ? low : high) = middle;
  }
  return low;
}

double consistencyFactor(std::int64_t d, double share) {
  return share / chiSquaredBelow(d + 2, chiSquaredQuantile(d, share));
}

[[noreturn]] void failSingular(const at::Tensor& rows) {
  fail(Code::InvalidOption, "minimumCovarianceDeterminant: half of the ", rows.size(0), " rows in ", rows.size(1),
       " columns have a singular covariance; give a larger `shrinkage`, such as 0.001");
}

Scatter smallestScatter(const at::Tensor& rows, double shrinkage, const Random& random, Job& job) {
  const std::int64_t n = rows.size(0), d = rows.size(1), h = (n + d + 1) / 2;
  // Many rows: the starts are tried on some of them.
  const bool many = n > kRobustSubset;
  const at::Tensor some =
      many ? rows.index_select(0, random.permutation(n, 0, Stream::Data).slice(0, 0, kRobustSubset)) : rows;
  const std::int64_t part = many ? std::max(d + 1, (kRobustSubset + d + 1) / 2) : h;
  std::vector<Scatter> tried;
  for (std::int64_t start = 0; start < kRobustStarts; ++start) {
    const at::Tensor order = random.permutation(some.size(0), static_cast<std::uint64_t>(start), Stream::Init);
    const std::int64_t most = std::min(part, some.size(0));
    tried.push_back(concentrate(randomStart(some, shrinkage, order), some, most, shrinkage, 2, job));
  }
  std::stable_sort(tried.begin(), tried.end(),
                   [](const Scatter& a, const Scatter& b) { return a.logDeterminant < b.logDeterminant; });
  Scatter best;
  const std::int64_t finalists = many ? 2 : kRobustFinalists;
  for (std::int64_t k = 0; k < finalists; ++k) {
    Scatter s = concentrate(tried[static_cast<std::size_t>(k)], rows, std::min(h, n), shrinkage, kRobustSteps, job);
    if (s.logDeterminant < best.logDeterminant) best = std::move(s);
  }
  if (!best.regular()) failSingular(rows);
  return best;
}

Map fitRobust(const Spec& detector, int, Job& job) {
  const at::Tensor rows = trainingRows(detector).contiguous();
  const double shrinkage = detector.probability("shrinkage", 1e-3);
  const Random random(detector.has("seed") ? detector.at("seed").seed() : 0);
  const Scatter raw = smallestScatter(rows, shrinkage, random, job);
  const at::Tensor squares = squaredDistances(raw, rows);
  const std::int64_t n = rows.size(0), d = rows.size(1), h = std::min(n - 1, (n + d + 1) / 2);
  const double correction = consistencyFactor(d, static_cast<double>(h) / static_cast<double>(n));
  const at::Tensor inside = squares.div(correction).lt(chiSquaredQuantile(d, 0.975)).nonzero().squeeze(1);
  const Scatter chosen = inside.numel() > d ? scatterOf(rows.index_select(0, inside), shrinkage) : raw;
  if (!chosen.regular()) failSingular(rows);
  // L L' times c has the factor sqrt(c) L.
  const at::Tensor factor = chosen.factor.t().mul(std::sqrt(consistencyFactor(d, 0.975))).contiguous();
  return {{"mean", box(chosen.mean)}, {"factor", box(factor)}};
}

}  // namespace

const DetectorKind& minimumCovarianceDeterminant() {
  static const DetectorKind kind = {fitRobust, mahalanobis().make};
  return kind;
}

}  // namespace langevin
