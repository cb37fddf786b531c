// Step size by dual averaging towards a wanted acceptance (Nesterov 2009; Hoffman and Gelman 2014, section 3.2: gamma
// 0.05, t0 10, kappa 0.75). The state is four columns of a chain's adaptation row, so it is saved and resumed with it.
#pragma once

#include <cmath>
#include <cstdint>

namespace langevin::dual_averaging {

// Columns.
enum Column : std::int64_t { LogStep, LogStepMean, MeanError, Count, Columns };

inline void start(double* row, double stepSize) {
  row[LogStep] = row[LogStepMean] = std::log(stepSize);
  row[MeanError] = row[Count] = 0;
}

/// One update from a step's acceptance probability; the iterates are drawn to 10 * `firstStepSize`.
inline void update(double* row, double acceptance, double target, double firstStepSize) {
  constexpr double kGamma = 0.05, kDelay = 10, kKappa = 0.75;
  const double m = ++row[Count], weight = 1 / (m + kDelay);
  row[MeanError] = (1 - weight) * row[MeanError] + weight * (target - acceptance);
  row[LogStep] = std::log(10 * firstStepSize) - std::sqrt(m) / kGamma * row[MeanError];
  const double rate = std::pow(m, -kKappa);
  row[LogStepMean] = rate * row[LogStep] + (1 - rate) * row[LogStepMean];
}

/// From here on the averaged step size is used.
inline void freeze(double* row) { row[LogStep] = row[LogStepMean]; }

}  // namespace langevin::dual_averaging
