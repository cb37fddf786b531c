// What a set of importance weights says: the log of their mean, its standard error, how many of them count.
#pragma once

#include "base/torch.hpp"

namespace langevin {

/// Of log weights w_1 .. w_n (float64).
struct WeightSummary {
  double logMean = 0;        // log (1/n) sum exp(w)
  double standardError = 0;  // of logMean, by the delta method: sd(e^w) / (mean(e^w) sqrt(n))
  double ess = 0;            // (sum e^w)^2 / sum e^2w
  double paretoK = 0;        // shape of a Pareto law fitted to the largest weights; NaN below 25 weights
};

/// Throws Code::NonFinite when a weight is NaN or +infinity (-infinity is a weight of 0), naming it by `what`.
WeightSummary summariseWeights(const at::Tensor& logWeight, const char* what);

/// Shape k of the generalised Pareto law of the largest min(n / 5, 3 sqrt(n)) weights (Zhang and Stephens 2009, as in
/// Vehtari et al. 2024, "Pareto smoothed importance sampling"): above min(1 - 1 / log10(n), 0.7) neither the estimate nor
/// its standard error are to be trusted. NaN for fewer than 25 weights, -infinity when the largest ones are equal.
double paretoShape(const at::Tensor& logWeight);

}  // namespace langevin
