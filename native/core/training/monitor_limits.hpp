// Looks at the monitors of a run over windows of steps and warns of those that pass their limits. Nothing is changed by
// a warning.
#pragma once

#include <map>
#include <string>

#include "samplers/sampler.hpp"
#include "training/warnings.hpp"

namespace langevin {

class MonitorLimits {
 public:
  /// `sampler`: the one of the objective, if it has one.
  MonitorLimits(std::int64_t steps, const Sampler* sampler, std::int64_t columns);

  /// After every step, with its newest monitors. Warns once per monitor, when its mean over a tenth of the run (at
  /// least 10 steps; the first tenth apart) passes its limit.
  void observe(const std::map<std::string, double>& latest, std::int64_t step, Warnings& warnings);

 private:
  struct Mean {
    double sum = 0;
    std::int64_t count = 0;
  };
  void endWindow(std::int64_t step, Warnings& warnings) const;

  std::int64_t window_;
  bool clamps_;             // touching a box that clamps bends the law; a reflecting one does not
  double leastAcceptance_;  // see docs/diagnose.md
  std::map<std::string, Mean> means_;
};

}  // namespace langevin
