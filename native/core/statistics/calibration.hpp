// Proper scores and calibration of class probabilities. float64, deterministic.
#pragma once

#include <cstdint>
#include <vector>

#include "base/torch.hpp"

namespace langevin {

/// Bins of equal width, [low, high) and the last one with 1.0; or of equal mass, whose edges are quantiles of the rows (between
/// two rows along a straight line), (low, high] and the first one with its low edge.
enum class Binning { Width, Mass };

/// One bin of confidence. Rates of an empty bin are 0.
struct ReliabilityBin {
  double low = 0, high = 0;
  std::int64_t count = 0;
  double accuracy = 0, confidence = 0;
};

/// Rows of class probabilities [n, k], float64: each in [0, 1] and summing to 1 within 1e-3 (rounding of float32 and
/// bfloat16 inputs), else ERR_LANGEVIN_INVALID_OPTION naming the row.
void requireProbabilities(const at::Tensor& probabilities);

/// How rows are put into bins. `rounded`: the dtype the probabilities were given in; edges of equal width are rounded to it, so
/// that k / bins of that dtype begins bin k.
struct BinRule {
  std::int64_t bins = 15;
  Binning binning = Binning::Width;
  at::ScalarType rounded = at::kDouble;
};
/// Rows by their largest probability.
std::vector<ReliabilityBin> reliability(const at::Tensor& probabilities, const at::Tensor& labels, const BinRule& rule);
/// Rows by the probability of class k; the accuracy of a bin is the share of that class in it.
std::vector<ReliabilityBin> reliabilityOfClass(const at::Tensor& probabilities, const at::Tensor& labels,
                                               std::int64_t k, const BinRule& rule);
/// sum_b (n_b / n) |accuracy_b - confidence_b| (Naeini et al. 2015, Guo et al. 2017).
double expectedCalibrationError(const std::vector<ReliabilityBin>& bins);
/// The largest |accuracy_b - confidence_b| of a bin that is not empty.
double maximumCalibrationError(const std::vector<ReliabilityBin>& bins);
/// mean over rows of sum_k (p_k - [y = k])^2 (Brier 1950): 0 to 2.
double brierScore(const at::Tensor& probabilities, const at::Tensor& labels);
/// mean over rows of -log p_y, from log-probabilities [n, k]. Infinite when a true class has probability 0.
double negativeLogLikelihood(const at::Tensor& logProbabilities, const at::Tensor& labels);

}  // namespace langevin
