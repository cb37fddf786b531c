#include "statistics/calibration.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace langevin {

void requireProbabilities(const at::Tensor& probabilities) {
  const std::int64_t n = probabilities.size(0), k = probabilities.size(1);
  const double* p = probabilities.data_ptr<double>();
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < k; ++j) {
      const double v = p[i * k + j];
      // Float32 softmax may exceed 1 by a rounding error.
      if (!(v >= 0 && v <= 1 + 1e-6))
        throw Error(Code::InvalidOption,
                    "probabilities: row " + std::to_string(i) + ", column " + std::to_string(j) + " is " +
                        std::to_string(v) + ", not between 0 and 1; give logits with { from: 'logits' }",
                    {{"row", static_cast<double>(i)}, {"column", static_cast<double>(j)}});
      sum += v;
    }
    if (std::abs(sum - 1) > 1e-3)
      throw Error(Code::InvalidOption,
                  "probabilities: row " + std::to_string(i) + " sums to " + std::to_string(sum) +
                      ", not 1; give logits with { from: 'logits' }",
                  {{"row", static_cast<double>(i)}});
  }
}

namespace {

double edgeOf(std::int64_t bin, std::int64_t bins, at::ScalarType rounded) {
  const double edge = static_cast<double>(bin) / static_cast<double>(bins);
  if (rounded == at::kFloat) return static_cast<double>(static_cast<float>(edge));
  if (rounded == at::kBFloat16) return static_cast<double>(static_cast<c10::BFloat16>(static_cast<float>(edge)));
  return edge;
}

// The product may round to the other side of a whole number (.57 * 100 < 57): the edges themselves decide.
std::int64_t binOf(double confidence, std::int64_t bins, at::ScalarType rounded) {
  const auto near = static_cast<std::int64_t>(confidence * static_cast<double>(bins));
  std::int64_t bin = std::clamp<std::int64_t>(near, 0, bins - 1);
  while (bin + 1 < bins && confidence >= edgeOf(bin + 1, bins, rounded)) ++bin;
  while (bin > 0 && confidence < edgeOf(bin, bins, rounded)) --bin;
  return bin;
}

// Edges of bins that hold as many rows each: quantiles, along straight lines between neighbouring rows.
std::vector<double> quantileEdges(std::vector<double> values, std::int64_t bins) {
  std::sort(values.begin(), values.end());
  std::vector<double> edges;
  for (std::int64_t b = 0; b <= bins; ++b) {
    const double place = static_cast<double>(b) / static_cast<double>(bins) * static_cast<double>(values.size() - 1);
    const auto below = std::min(static_cast<std::size_t>(place), values.size() - 1);
    const auto above = std::min(below + 1, values.size() - 1);
    edges.push_back(values[below] + (values[above] - values[below]) * (place - static_cast<double>(below)));
  }
  return edges;
}

// Rows by their confidence, each with whether it came true.
std::vector<ReliabilityBin> binned(const std::vector<double>& confidence, const std::vector<char>& hit,
                                   const BinRule& rule) {
  const std::int64_t bins = rule.bins;
  const bool byMass = rule.binning == Binning::Mass;
  const std::vector<double> edges = byMass ? quantileEdges(confidence, bins) : std::vector<double>{};
  std::vector<ReliabilityBin> result(static_cast<std::size_t>(bins));
  for (std::int64_t b = 0; b < bins; ++b) {
    auto& bin = result[static_cast<std::size_t>(b)];
    const auto i = static_cast<std::size_t>(b);
    bin.low = byMass ? edges[i] : static_cast<double>(b) / static_cast<double>(bins);
    bin.high = byMass ? edges[i + 1] : static_cast<double>(b + 1) / static_cast<double>(bins);
  }
  for (std::size_t i = 0; i < confidence.size(); ++i) {
    // Of equal mass: as many inner edges as are below the row.
    const std::int64_t b =
        byMass ? std::lower_bound(edges.begin() + 1, edges.end() - 1, confidence[i]) - (edges.begin() + 1)
               : binOf(confidence[i], bins, rule.rounded);
    auto& bin = result[static_cast<std::size_t>(b)];
    bin.count += 1;
    bin.accuracy += hit[i] ? 1 : 0;
    bin.confidence += confidence[i];
  }
  for (auto& bin : result) {
    if (bin.count == 0) continue;
    bin.accuracy /= static_cast<double>(bin.count);
    bin.confidence /= static_cast<double>(bin.count);
  }
  return result;
}

}  // namespace

std::vector<ReliabilityBin> reliability(const at::Tensor& probabilities, const at::Tensor& labels,
                                        const BinRule& rule) {
  const std::int64_t n = probabilities.size(0), k = probabilities.size(1);
  const double* p = probabilities.data_ptr<double>();
  const std::int64_t* y = labels.data_ptr<std::int64_t>();
  std::vector<double> confidence;
  std::vector<char> hit;
  for (std::int64_t i = 0; i < n; ++i) {
    const double* row = p + i * k;
    const std::int64_t predicted = std::max_element(row, row + k) - row;
    confidence.push_back(row[predicted]);
    hit.push_back(predicted == y[i]);
  }
  return binned(confidence, hit, rule);
}

std::vector<ReliabilityBin> reliabilityOfClass(const at::Tensor& probabilities, const at::Tensor& labels,
                                               std::int64_t k, const BinRule& rule) {
  const std::int64_t n = probabilities.size(0), classes = probabilities.size(1);
  const double* p = probabilities.data_ptr<double>();
  const std::int64_t* y = labels.data_ptr<std::int64_t>();
  std::vector<double> confidence;
  std::vector<char> hit;
  for (std::int64_t i = 0; i < n; ++i) {
    confidence.push_back(p[i * classes + k]);
    hit.push_back(y[i] == k);
  }
  return binned(confidence, hit, rule);
}

double maximumCalibrationError(const std::vector<ReliabilityBin>& bins) {
  double largest = 0;
  for (const auto& bin : bins)
    if (bin.count > 0) largest = std::max(largest, std::abs(bin.accuracy - bin.confidence));
  return largest;
}

double expectedCalibrationError(const std::vector<ReliabilityBin>& bins) {
  double sum = 0, n = 0;
  for (const auto& bin : bins) {
    sum += static_cast<double>(bin.count) * std::abs(bin.accuracy - bin.confidence);
    n += static_cast<double>(bin.count);
  }
  return sum / n;
}

double brierScore(const at::Tensor& probabilities, const at::Tensor& labels) {
  const std::int64_t n = probabilities.size(0), k = probabilities.size(1);
  const double* p = probabilities.data_ptr<double>();
  const std::int64_t* y = labels.data_ptr<std::int64_t>();
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < k; ++j) {
      const double d = p[i * k + j] - (y[i] == j ? 1 : 0);
      sum += d * d;
    }
  return sum / static_cast<double>(n);
}

double negativeLogLikelihood(const at::Tensor& logProbabilities, const at::Tensor& labels) {
  const std::int64_t n = logProbabilities.size(0), k = logProbabilities.size(1);
  const double* p = logProbabilities.data_ptr<double>();
  const std::int64_t* y = labels.data_ptr<std::int64_t>();
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum -= p[i * k + y[i]];
  return sum / static_cast<double>(n);
}

}  // namespace langevin
