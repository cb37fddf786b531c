#include "statistics/distances.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

double squaredDistance(const double* a, const double* b, std::int64_t d) {
  double sum = 0;
  for (std::int64_t j = 0; j < d; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

// Sum of f(|a_i - b_j|^2) over all pairs (the mean over distinct pairs when `same` and Unbiased).
template <class F>
double pairMean(const at::Tensor& a, const at::Tensor& b, bool same, PairRule rule, int threads, Job& job, F f) {
  const std::int64_t n = a.size(0), m = b.size(0), d = a.size(1);
  const double *pa = a.data_ptr<double>(), *pb = b.data_ptr<double>();
  constexpr std::int64_t kRows = 64;
  const std::int64_t tiles = (n + kRows - 1) / kRows;
  std::vector<double> part(static_cast<std::size_t>(tiles), 0.0);
  const bool skipSelf = same && rule == PairRule::Unbiased;
  parallelTiles(tiles, threads, [&](std::int64_t t) {
    job.check();
    double sum = 0;
    for (std::int64_t i = t * kRows; i < std::min(n, (t + 1) * kRows); ++i) {
      double row = 0;
      for (std::int64_t j = 0; j < m; ++j)
        if (!skipSelf || i != j) row += f(squaredDistance(pa + i * d, pb + j * d, d));
      sum += row;
    }
    part[static_cast<std::size_t>(t)] = sum;
  });
  double sum = 0;
  for (double p : part) sum += p;
  const double pairs = static_cast<double>(n) * static_cast<double>(skipSelf ? m - 1 : m);
  return sum / pairs;
}

void requireSamples(const at::Tensor& x, const at::Tensor& y, PairRule rule) {
  if (x.size(1) != y.size(1))
    fail(Code::Shape, "the two samples have ", x.size(1), " and ", y.size(1), " columns; they must agree");
  const std::int64_t least = rule == PairRule::Unbiased ? 2 : 1;
  if (x.size(0) < least || y.size(0) < least)
    fail(Code::Shape, "each sample needs at least ", least, " rows, there are ", x.size(0), " and ", y.size(0));
}

// W_p^p of two sorted samples: the integral over u of |F^-1(u) - G^-1(u)|^p, piecewise constant.
double wasserstein1d(const std::vector<double>& a, const std::vector<double>& b, double order) {
  const auto n = static_cast<std::int64_t>(a.size()), m = static_cast<std::int64_t>(b.size());
  double sum = 0;
  std::int64_t i = 0, j = 0, at = 0;  // `at` in units of 1 / (n m): exact in whole numbers
  while (i < n && j < m) {
    const std::int64_t endA = (i + 1) * m, endB = (j + 1) * n, next = std::min(endA, endB);
    const double gap = std::abs(a[static_cast<std::size_t>(i)] - b[static_cast<std::size_t>(j)]);
    sum += static_cast<double>(next - at) * (order == 1 ? gap : order == 2 ? gap * gap : std::pow(gap, order));
    at = next;
    if (next == endA) ++i;
    if (next == endB) ++j;
  }
  return sum / (static_cast<double>(n) * static_cast<double>(m));
}

std::vector<double> project(const at::Tensor& x, const std::vector<double>& direction) {
  const std::int64_t n = x.size(0), d = x.size(1);
  const double* p = x.data_ptr<double>();
  std::vector<double> out(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < d; ++j) sum += p[i * d + j] * direction[static_cast<std::size_t>(j)];
    out[static_cast<std::size_t>(i)] = sum;
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

double totalVariation(const at::Tensor& p, const at::Tensor& q) {
  if (p.sizes() != q.sizes())
    fail(Code::Shape, "the two distributions have shapes ", c10::str(p.sizes()), " and ", c10::str(q.sizes()));
  if (p.numel() == 0) fail(Code::Shape, "the distributions are empty");
  const at::Tensor a = p.contiguous(), b = q.contiguous();
  const double *pa = a.data_ptr<double>(), *pb = b.data_ptr<double>();
  double sumA = 0, sumB = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    if (!(pa[i] >= 0) || !(pb[i] >= 0))
      throw Error(Code::InvalidOption, "a distribution has the negative mass at entry " + std::to_string(i),
                  {{"entry", static_cast<double>(i)}});
    sumA += pa[i];
    sumB += pb[i];
  }
  if (!(sumA > 0) || !(sumB > 0)) fail(Code::InvalidOption, "a distribution has no mass at all");
  double sum = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) sum += std::abs(pa[i] / sumA - pb[i] / sumB);
  return 0.5 * sum;
}

double energyDistance(const at::Tensor& x, const at::Tensor& y, PairRule rule, int threads, Job& job) {
  requireSamples(x, y, rule);
  const auto norm = [](double squared) { return std::sqrt(squared); };
  return 2 * pairMean(x, y, false, rule, threads, job, norm) - pairMean(x, x, true, rule, threads, job, norm) -
         pairMean(y, y, true, rule, threads, job, norm);
}

double squaredMmd(const at::Tensor& x, const at::Tensor& y, double bandwidth, PairRule rule, int threads, Job& job) {
  requireSamples(x, y, rule);
  const double factor = -1 / (2 * bandwidth * bandwidth);
  const auto kernel = [factor](double squared) { return std::exp(factor * squared); };
  return pairMean(x, x, true, rule, threads, job, kernel) + pairMean(y, y, true, rule, threads, job, kernel) -
         2 * pairMean(x, y, false, rule, threads, job, kernel);
}

double medianDistance(const at::Tensor& x, const at::Tensor& y) {
  requireSamples(x, y, PairRule::Biased);
  at::Tensor pooled = at::cat({x, y});
  constexpr std::int64_t kMost = 4000;
  if (pooled.size(0) > kMost) {
    const at::Tensor index = at::arange(kMost, at::kLong).mul(pooled.size(0)).div(kMost, "floor");
    pooled = pooled.index_select(0, index);
  }
  const std::int64_t n = pooled.size(0), d = pooled.size(1);
  const double* p = pooled.data_ptr<double>();
  std::vector<double> squared;
  squared.reserve(static_cast<std::size_t>(n * (n - 1) / 2));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = i + 1; j < n; ++j) squared.push_back(squaredDistance(p + i * d, p + j * d, d));
  const std::size_t half = squared.size() / 2;
  std::nth_element(squared.begin(), squared.begin() + static_cast<std::ptrdiff_t>(half), squared.end());
  double median = std::sqrt(squared[half]);
  if (squared.size() % 2 == 0)
    median = 0.5 * (median +
                    std::sqrt(*std::max_element(squared.begin(), squared.begin() + static_cast<std::ptrdiff_t>(half))));
  if (!(median > 0))
    fail(Code::InvalidOption,
         "the median distance of the rows is 0 (most rows are equal); give the bandwidth yourself");
  return median;
}

double slicedWasserstein(const at::Tensor& x, const at::Tensor& y, std::int64_t projections, double order,
                         std::uint64_t seed, int threads, Job& job) {
  requireSamples(x, y, PairRule::Biased);
  const std::int64_t d = x.size(1);
  const at::Tensor normals = Random(seed).normal(projections, d, 0, Stream::Project, at::kDouble).contiguous();
  const double* g = normals.data_ptr<double>();
  std::vector<double> part(static_cast<std::size_t>(projections));
  parallelTiles(projections, threads, [&](std::int64_t t) {
    job.check();
    std::vector<double> direction(g + t * d, g + (t + 1) * d);
    double norm = 0;
    for (double v : direction) norm += v * v;
    for (double& v : direction) v /= std::sqrt(norm);
    part[static_cast<std::size_t>(t)] = wasserstein1d(project(x, direction), project(y, direction), order);
  });
  double sum = 0;
  for (double p : part) sum += p;
  return std::pow(sum / static_cast<double>(projections), 1 / order);
}

}  // namespace langevin
