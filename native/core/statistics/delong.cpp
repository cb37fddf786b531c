#include "statistics/delong.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"

namespace langevin {
namespace {

// Ranks from 1, rows that tie have their mean (Sun and Xu 2014 compute the components from these in n log n).
std::vector<double> midranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
    const double rank = (static_cast<double>(i) + static_cast<double>(end) + 1) / 2;
    for (; i < end; ++i) ranks[order[i]] = rank;
  }
  return ranks;
}

struct Components {
  std::vector<double> positive, negative;  // of each row: the share of the others it is on the right side of
  double area = 0;
};

Components componentsOf(const at::Tensor& scores, const at::Tensor& isPositive) {
  const double* s = scores.const_data_ptr<double>();
  const std::uint8_t* p = isPositive.const_data_ptr<std::uint8_t>();
  std::vector<double> positive, negative;
  for (std::int64_t i = 0; i < scores.numel(); ++i) (p[i] ? positive : negative).push_back(s[i]);
  const std::size_t m = positive.size(), n = negative.size();
  if (m < 2 || n < 2) fail(Code::InvalidOption, "labels: two rows of each class are needed, got ", m, " and ", n);
  std::vector<double> all = positive;
  all.insert(all.end(), negative.begin(), negative.end());
  const std::vector<double> joint = midranks(all), ofPositive = midranks(positive), ofNegative = midranks(negative);
  Components c;
  for (std::size_t i = 0; i < m; ++i) c.positive.push_back((joint[i] - ofPositive[i]) / static_cast<double>(n));
  for (std::size_t j = 0; j < n; ++j) c.negative.push_back(1 - (joint[m + j] - ofNegative[j]) / static_cast<double>(m));
  c.area = std::accumulate(c.positive.begin(), c.positive.end(), 0.0) / static_cast<double>(m);
  return c;
}

// Variance (divisor n - 1) of the differences of paired numbers.
double varianceOfDifference(const std::vector<double>& a, const std::vector<double>& b) {
  const double n = static_cast<double>(a.size());
  double mean = 0, sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) mean += (a[i] - b[i]) / n;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i] - mean) * (a[i] - b[i] - mean);
  return sum / (n - 1);
}

}  // namespace

AurocComparison compareAuroc(const at::Tensor& first, const at::Tensor& second, const at::Tensor& positive) {
  const Components a = componentsOf(first, positive), b = componentsOf(second, positive);
  AurocComparison result{a.area, b.area};
  result.deviation = std::sqrt(varianceOfDifference(a.positive, b.positive) / static_cast<double>(a.positive.size()) +
                               varianceOfDifference(a.negative, b.negative) / static_cast<double>(a.negative.size()));
  const double difference = a.area - b.area;
  if (result.deviation > 0) {
    result.z = difference / result.deviation;
    result.pValue = std::erfc(std::abs(result.z) / std::sqrt(2.0));
  } else if (difference != 0) {
    result.z = std::copysign(std::numeric_limits<double>::infinity(), difference);
    result.pValue = 0;
  }
  return result;
}

}  // namespace langevin
