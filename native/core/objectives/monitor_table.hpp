// Every number a training run measures, by name, with the limit at which it becomes a warning and what to do then. Its
// twin for people (title, meaning, chart) is src/training/monitors.ts; a test holds the two together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/value.hpp"

namespace langevin {

struct Monitor {
  /// Which values are warned of. OnRequest: the objective knows when, there is no limit.
  enum class Side { None, Above, Below, AboveInSize, AwayFromOne, OnRequest };

  const char* name;
  Side side = Side::None;
  double limit = 0;
  const char* code = nullptr;      // of the warning, and of the finding diagnose() makes of it
  const char* severity = nullptr;  // "error": the energy is not to be used; "warning": it is biased or imprecise
  const char* reading = nullptr;   // what a value beyond the limit means
  const char* remedy = nullptr;    // what to change
  bool atOnce = false;  // the objective warns of a single value; otherwise means over a tenth of the run count

  /// True when `value` lies on the wrong side of `bound`, by default the row's own limit.
  bool passed(double value, double bound) const;
  bool passed(double value) const { return passed(value, limit); }
};

const std::vector<Monitor>& monitorTable();
/// The row of that name. Code::Internal for a name without one, saying where rows are added.
const Monitor& monitorNamed(const std::string& name);

/// The warning event of one value: { type: 'warning', step, monitor, code, severity, value, limit, message, remedy }.
/// `step` counts the steps done; `limit` is null on request. Without a `message` it is "<monitor> is <value>,
/// beyond <bound>: <reading>".
Map warningEvent(const Monitor& monitor, std::int64_t step, double value, double bound,
                 const std::string& message = {});

/// The table as values, for training.monitors: [{ name, side, limit, code, severity, reading, remedy }], null where a
/// row has none.
List describeMonitors();

}  // namespace langevin
