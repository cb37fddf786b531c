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

std::vector<ReliabilityBin> reliability(const at::Tensor& probabilities, const at::Tensor& labels, std::int64_t bins) {
  const std::int64_t n = probabilities.size(0), k = probabilities.size(1);
  const double* p = probabilities.data_ptr<double>();
  const std::int64_t* y = labels.data_ptr<std::int64_t>();
  std::vector<ReliabilityBin> result(static_cast<std::size_t>(bins));
  for (std::int64_t b = 0; b < bins; ++b) {
    auto& bin = result[static_cast<std::size_t>(b)];
    bin.low = static_cast<double>(b) / static_cast<double>(bins);
    bin.high = static_cast<double>(b + 1) / static_cast<double>(bins);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const double* row = p + i * k;
    const std::int64_t predicted = std::max_element(row, row + k) - row;
    const double confidence = row[predicted];
    const auto index = static_cast<std::int64_t>(std::floor(confidence * static_cast<double>(bins)));
    auto& bin = result[static_cast<std::size_t>(std::min(index, bins - 1))];
    bin.count += 1;
    bin.accuracy += predicted == y[i] ? 1 : 0;
    bin.confidence += confidence;
  }
  for (auto& bin : result) {
    if (bin.count == 0) continue;
    bin.accuracy /= static_cast<double>(bin.count);
    bin.confidence /= static_cast<double>(bin.count);
  }
  return result;
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
