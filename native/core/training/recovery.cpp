#include "training/recovery.hpp"

#include <cmath>
#include <string>

namespace langevin {
namespace {

std::string detail(const Error& error, const char* name, const std::string& otherwise) {
  const auto it = error.details.find(name);
  const std::string* text = it == error.details.end() ? nullptr : it->second.get<std::string>();
  return text ? *text : otherwise;
}

}  // namespace

Recovery::Options Recovery::Options::read(const Spec& spec) {
  Options o;
  o.attempts = spec.count("attempts", 1, 3);
  o.lr = spec.positive("lr", o.lr);
  if (o.lr > 1) spec.at("lr").invalid("must be at most 1: the learning rate becomes smaller");
  o.every = spec.count("every", 1, o.every);
  return o;
}

bool Recovery::due(std::int64_t done) const {
  return options_.attempts > 0 && done % options_.every == 0 && (points_.empty() || points_.back().step < done);
}

void Recovery::keep(std::int64_t done, SavedTensors state) {
  points_.push_back({done, std::move(state)});
  if (points_.size() > 2) points_.pop_front();
}

bool Recovery::takes(const Error& error) const {
  return error.code == Code::Diverged && !points_.empty() && count() < options_.attempts;
}

Error Recovery::exhausted(const Error& error) const {
  if (error.code != Code::Diverged || count() == 0) return error;
  Map details = error.details;
  details["recoveries"] = list_;
  return Error(error.code,
               std::string(error.what()) + "; the run had gone back " + std::to_string(count()) +
                   " times before (divergence.recover), the learning rate was " + std::to_string(factor()) +
                   " times the one given",
               std::move(details));
}

const SavedTensors& Recovery::goBack(std::int64_t failed, const Error& error) {
  while (points_.size() > 1) points_.pop_back();
  const Point& point = points_.front();
  list_.emplace_back(Map{{"step", failed + 1},
                         {"restored", point.step},
                         {"lrFactor", std::pow(options_.lr, static_cast<double>(count() + 1))},
                         {"monitor", detail(error, "monitor", "")},
                         {"message", detail(error, "reason", error.what())}});
  return point.state;
}

double Recovery::factor() const { return std::pow(options_.lr, static_cast<double>(count())); }

SavedTensors Recovery::state() const {
  SavedTensors all;
  for (std::size_t i = 0; i < points_.size(); ++i)
    for (const auto& [name, tensor] : points_[i].state) all.emplace(std::to_string(i) + "/" + name, tensor);
  return all;
}

void Recovery::setState(const SavedTensors& state, const List& list) {
  points_.clear();
  for (std::size_t i = 0; i < 2; ++i) {
    SavedTensors one = savedBelow(state, std::to_string(i) + "/");
    if (one.empty()) break;
    const auto step = savedTensor(one, "step").item<std::int64_t>();
    points_.push_back({step, std::move(one)});
  }
  list_ = list;
}

}  // namespace langevin
