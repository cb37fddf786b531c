#include "training/monitor_limits.hpp"

#include <algorithm>
#include <cmath>

namespace langevin {
namespace {

// With a test the table's limit is enough. Without one, what a test would accept says how large the bias is: on a
// Gaussian 1 - 0.07 sqrt(d) is a variance a third too large; at the limit of stability the rate is 0.5 in any
// dimension.
double leastAcceptance(const Sampler* sampler, std::int64_t columns) {
  if (sampler && sampler->traits().adjusted) return monitorNamed("acceptance").limit;
  return std::max(0.6, 1 - 0.07 * std::sqrt(static_cast<double>(columns)));
}

}  // namespace

MonitorLimits::MonitorLimits(std::int64_t steps, const Sampler* sampler, std::int64_t columns)
    : window_(std::max<std::int64_t>(10, steps / 10)),
      clamps_(sampler && sampler->common().box && !sampler->common().box->reflect),
      leastAcceptance_(leastAcceptance(sampler, columns)) {}

void MonitorLimits::observe(const std::map<std::string, double>& latest, std::int64_t step, Warnings& warnings) {
  for (const Monitor& monitor : monitorTable()) {
    if (monitor.side == Monitor::Side::None || monitor.atOnce) continue;
    const auto it = latest.find(monitor.name);
    if (it == latest.end()) continue;
    Mean& mean = means_[monitor.name];
    mean.sum += it->second;
    ++mean.count;
  }
  if ((step + 1) % window_ != 0) return;
  // The first window is the start of the chains and of the weights.
  if (step + 1 > window_) endWindow(step, warnings);
  means_.clear();
}

void MonitorLimits::endWindow(std::int64_t step, Warnings& warnings) const {
  // Without negatives an energy is not asked to be a density.
  const bool contrastive = means_.count("gap") > 0;
  for (const Monitor& monitor : monitorTable()) {
    const std::string name = monitor.name;
    const auto it = means_.find(name);
    if (it == means_.end()) continue;
    if ((name == "clampedShare" && !clamps_) || (name == "uniformGap" && !contrastive)) continue;
    const double value = it->second.sum / static_cast<double>(it->second.count);
    const double bound = name == "acceptance" ? leastAcceptance_ : monitor.limit;
    if (monitor.passed(value, bound)) warnings.add(monitor, step, value, bound);
  }
}

}  // namespace langevin
