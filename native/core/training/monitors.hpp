// What a run measures while it trains: means over reporting intervals for the history, the latest values for progress.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/torch.hpp"
#include "base/value.hpp"
#include "tensors/saved.hpp"

namespace langevin {

class Monitors {
 public:
  /// At most about `points` history points over `steps` steps.
  Monitors(std::int64_t steps, std::int64_t points);

  void add(const std::string& name, double value);
  /// Ends step `step` (0-based): closes the interval when it is due.
  void endStep(std::int64_t step);
  /// The newest value of a monitor.
  const std::map<std::string, double>& latest() const { return latest_; }

  /// [{ step, loss, ... }]: `step` is the number of steps done, the others are means over the steps since
  /// the point before.
  List history() const;
  SavedTensors state() const;
  void setState(const SavedTensors& state);

 private:
  struct Mean {
    double sum = 0;
    std::int64_t count = 0;
  };
  struct Point {
    std::int64_t step;
    std::map<std::string, double> values;
  };
  std::int64_t steps_, interval_;
  std::map<std::string, double> latest_;
  std::map<std::string, Mean> open_;
  std::vector<Point> points_;
};

}  // namespace langevin
