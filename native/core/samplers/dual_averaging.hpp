// Step size by dual averaging towards a wanted acceptance (Nesterov 2009; Hoffman and Gelman 2014, section 3.2: gamma
// 0.05, t0 10, kappa 0.75). The state is the first columns of a chain's adaptation row, so it is saved and resumed with
// it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/torch.hpp"

namespace langevin {

/// The state of one chain: a view of its adaptation row.
class DualAveraging {
 public:
  static constexpr std::int64_t kColumns = 4;
  explicit DualAveraging(double* row) : row_(row) {}

  double stepSize() const { return std::exp(logStep()); }
  double steps() const { return row_[kSteps]; }  // seen so far

  void start(double stepSize) const {
    row_[kLogStep] = row_[kLogStepMean] = std::log(stepSize);
    row_[kMeanError] = row_[kSteps] = 0;
  }

  /// One update from a step's acceptance probability; the iterates are drawn to `centre` and stay below `longest`.
  void update(double acceptance, double target, double centre, double longest) const {
    constexpr double kGamma = 0.05, kDelay = 10, kKappa = 0.75;
    const double m = ++row_[kSteps], weight = 1 / (m + kDelay);
    row_[kMeanError] = (1 - weight) * row_[kMeanError] + weight * (target - acceptance);
    row_[kLogStep] = std::min(std::log(centre) - std::sqrt(m) / kGamma * row_[kMeanError], std::log(longest));
    const double rate = std::pow(m, -kKappa);
    row_[kLogStepMean] = rate * row_[kLogStep] + (1 - rate) * row_[kLogStepMean];
  }

  /// From here on the averaged step size is used.
  void freeze() const { row_[kLogStep] = row_[kLogStepMean]; }

  /// float64 [n] of an adaptation matrix [n, k].
  static at::Tensor stepSizes(const at::Tensor& adaptation) { return adaptation.select(1, kLogStep).exp(); }

 private:
  enum Column : std::int64_t { kLogStep, kLogStepMean, kMeanError, kSteps };
  double logStep() const { return row_[kLogStep]; }
  double* row_;
};

}  // namespace langevin
