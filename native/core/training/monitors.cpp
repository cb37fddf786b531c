#include "training/monitors.hpp"

#include <algorithm>
#include <limits>

#include "objectives/monitor_table.hpp"

namespace langevin {
namespace {

// One monitor as a table row per point: (step, value).
at::Tensor tableOf(const std::vector<std::pair<double, double>>& rows) {
  at::Tensor t = at::empty({static_cast<std::int64_t>(rows.size()), 2}, at::kDouble);
  auto* p = t.data_ptr<double>();
  for (const auto& [a, b] : rows) {
    *p++ = a;
    *p++ = b;
  }
  return t;
}

}  // namespace

Monitors::Monitors(std::int64_t steps, std::int64_t points)
    : steps_(steps), interval_(std::max<std::int64_t>(1, (steps + points - 1) / points)) {}

void Monitors::add(const std::string& name, double value) {
  latest_[name] = value;
  const auto [open, first] = open_.try_emplace(name);
  if (first) monitorNamed(name);  // refuses a name without a row in the table
  open->second.sum += value;
  ++open->second.count;
}

void Monitors::endStep(std::int64_t step) {
  if ((step + 1) % interval_ != 0 && step + 1 != steps_) return;
  Point point{step + 1, {}};
  for (const auto& [name, mean] : open_) point.values.emplace(name, mean.sum / static_cast<double>(mean.count));
  open_.clear();
  points_.push_back(std::move(point));
}

List Monitors::history() const {
  List list;
  for (const Point& point : points_) {
    Map row{{"step", point.step}};
    for (const auto& [name, value] : point.values) row.emplace(name, value);
    list.emplace_back(std::move(row));
  }
  return list;
}

SavedTensors Monitors::state() const {
  std::map<std::string, std::vector<std::pair<double, double>>> rows;
  for (const Point& point : points_)
    for (const auto& [name, value] : point.values)
      rows["points/" + name].emplace_back(static_cast<double>(point.step), value);
  // The interval that is still open, so that its mean comes out the same after a resume.
  for (const auto& [name, mean] : open_) rows["open/" + name].emplace_back(mean.sum, static_cast<double>(mean.count));
  SavedTensors state;
  for (const auto& [name, list] : rows) state.emplace(name, tableOf(list));
  return state;
}

void Monitors::setState(const SavedTensors& state) {
  std::map<std::int64_t, Point> points;
  open_.clear();
  for (const auto& [name, tensor] : savedBelow(state, "points/")) {
    const at::Tensor t = tensor.to(at::kDouble).contiguous();
    const auto* p = t.data_ptr<double>();
    for (std::int64_t i = 0; i < t.size(0); ++i) {
      const auto step = static_cast<std::int64_t>(p[2 * i]);
      Point& point = points.try_emplace(step, Point{step, {}}).first->second;
      point.values[name] = p[2 * i + 1];
    }
  }
  for (const auto& [name, tensor] : savedBelow(state, "open/")) {
    const at::Tensor t = tensor.to(at::kDouble).contiguous();
    open_[name] = {t.data_ptr<double>()[0], static_cast<std::int64_t>(t.data_ptr<double>()[1])};
  }
  points_.clear();
  for (auto& [step, point] : points) points_.push_back(std::move(point));
}

}  // namespace langevin
