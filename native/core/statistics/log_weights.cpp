#include "statistics/log_weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.hpp"
#include "tensors/log_sum.hpp"

namespace langevin {
namespace {

// Zhang and Stephens (2009), "A new and efficient estimation method for the generalized Pareto distribution": the
// posterior mean of theta over a grid of 30 + sqrt(m) points, then k = mean log(1 - theta x). x rises, x[0] > 0.
double generalisedParetoShape(const std::vector<double>& x) {
  const auto m = static_cast<double>(x.size());
  const auto points = static_cast<std::size_t>(30 + std::floor(std::sqrt(m)));
  const double quartile = x[static_cast<std::size_t>(std::floor(m / 4 + 0.5)) - 1];
  std::vector<double> theta(points), likelihood(points);
  const auto shapeAt = [&](double t) {
    double sum = 0;
    for (const double v : x) sum += std::log1p(-t * v);
    return sum / m;
  };
  for (std::size_t i = 0; i < points; ++i) {
    const double share = std::sqrt(static_cast<double>(points) / (static_cast<double>(i) + 0.5));
    theta[i] = 1 / x.back() + (1 - share) / (3 * quartile);
    const double k = shapeAt(theta[i]);
    likelihood[i] = m * (std::log(-theta[i] / k) - k - 1);
  }
  double mean = 0;
  for (std::size_t i = 0; i < points; ++i) {
    double sum = 0;
    for (const double l : likelihood) sum += std::exp(l - likelihood[i]);
    mean += theta[i] / sum;
  }
  // The weakly informative prior of Vehtari et al. (2024), appendix C: ten more observations with k = 0.5.
  return (shapeAt(mean) * m + 5) / (m + 10);
}

}  // namespace

double paretoShape(const at::Tensor& logWeight) {
  const at::Tensor sorted = std::get<0>(at::sort(logWeight.to(at::kDouble))).contiguous();
  const std::int64_t n = sorted.numel();
  if (n < 25) return std::numeric_limits<double>::quiet_NaN();
  const double* w = sorted.data_ptr<double>();
  const auto tail = static_cast<std::int64_t>(
      std::min(std::floor(static_cast<double>(n) / 5), std::ceil(3 * std::sqrt(static_cast<double>(n)))));
  const double largest = w[n - 1], cut = std::exp(w[n - tail - 1] - largest);
  std::vector<double> excess;
  for (std::int64_t i = n - tail; i < n; ++i)
    if (const double e = std::exp(w[i] - largest) - cut; e > 0) excess.push_back(e);
  if (excess.size() < 5) return -std::numeric_limits<double>::infinity();
  return generalisedParetoShape(excess);
}

WeightSummary summariseWeights(const at::Tensor& logWeight, const char* what) {
  const std::int64_t n = logWeight.numel();
  const double* w = logWeight.const_data_ptr<double>();
  LogSum all, squares;
  for (std::int64_t i = 0; i < n; ++i) {
    if (std::isnan(w[i]) || w[i] == std::numeric_limits<double>::infinity())
      throw Error(Code::NonFinite,
                  std::string(what) + ": the weight of row " + std::to_string(i) +
                      " is not finite; the energy is NaN or -infinity where it was evaluated",
                  {{"row", i}});
    if (std::isinf(w[i])) continue;
    all.add(w[i]);
    squares.add(2 * w[i]);
  }
  const auto count = static_cast<double>(n);
  WeightSummary r;
  r.logMean = all.value() - std::log(count);
  r.ess = std::exp(2 * all.value() - squares.value());
  // mean(w^2) / mean(w)^2 = n / ess: the relative variance is n / ess - 1.
  r.standardError = std::sqrt(std::max(0.0, count / r.ess - 1) / std::max(1.0, count - 1));
  r.paretoK = paretoShape(logWeight);
  return r;
}

}  // namespace langevin
