// Loud warnings: a monitor whose mean over a stretch of the run passes a threshold. Nothing is changed by them.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/job.hpp"
#include "base/value.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

class Watch {
 public:
  /// `sampler`: the one of the objective, if it has one.
  Watch(std::int64_t steps, const Sampler* sampler, std::int64_t columns);

  /// After every step, with its newest monitors. Emits { type: 'warning', step, monitor, value, limit, message } once a
  /// monitor when the mean of a tenth of the run (at least 10 steps), the first one apart, passes its limit.
  void see(const std::map<std::string, double>& latest, std::int64_t step, Job& job);
  /// What was emitted, in order.
  const List& warnings() const { return warnings_; }

 private:
  struct Mean {
    double sum = 0;
    std::int64_t count = 0;
  };
  void judge(std::int64_t step, Job& job);

  std::int64_t stretch_;
  bool clamps_;             // touching a box that clamps bends the law; a reflecting one does not
  double leastAcceptance_;  // see docs/diagnose.md
  std::map<std::string, Mean> means_;
  std::set<std::string> told_;
  List warnings_;
};

}  // namespace langevin
