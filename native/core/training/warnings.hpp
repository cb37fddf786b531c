// What a run has warned of: the one place that emits warnings, keeps them for the result and says each once.
#pragma once

#include <set>
#include <string>

#include "base/job.hpp"
#include "objectives/monitor_table.hpp"

namespace langevin {

class Warnings {
 public:
  explicit Warnings(Job& job) : job_(job) {}

  /// Emits and keeps the warning of a value seen in step `step` (0-based), unless this run has warned of the monitor
  /// before. `bound`: the limit it passed; `message`: see warningEvent().
  void add(const Monitor& monitor, std::int64_t step, double value, double bound, const std::string& message = {});
  /// Emits it whether or not the run has warned of the monitor before; the result keeps the first.
  void addAgain(const Monitor& monitor, std::int64_t step, double value, const std::string& message);
  /// What was emitted, in order, each monitor once.
  const List& list() const { return list_; }

 private:
  Job& job_;
  std::set<std::string> warned_;
  List list_;
};

}  // namespace langevin
