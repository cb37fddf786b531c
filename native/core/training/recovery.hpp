// What a run that is asked to does when it diverges: it goes back to weights of before, its chains start anew and the
// learning rate becomes smaller. (The published code stops, and its authors start again from a checkpoint by hand.)
#pragma once

#include <cstdint>
#include <deque>

#include "base/error.hpp"
#include "base/spec.hpp"
#include "tensors/saved.hpp"

namespace langevin {

class Recovery {
 public:
  struct Options {
    std::int64_t attempts = 0;  // 0: a divergence ends the run
    double lr = 0.5;            // the learning rate becomes so many times itself
    std::int64_t every = 100;   // steps between the states that are kept
    static Options read(const Spec& spec);
  };

  explicit Recovery(Options options) : options_(options) {}

  /// Whether the state after `done` steps is one to keep.
  bool due(std::int64_t done) const;
  void keep(std::int64_t done, SavedTensors state);

  /// Whether the run goes on after this error.
  bool takes(const Error& error) const;
  /// The same error, saying that going back has not helped, where it was tried.
  Error exhausted(const Error& error) const;
  /// The state to go back to after a failure of step `failed`: of the two newest the older, as the last one before a
  /// divergence is often lost already. It is noted, with the error.
  const SavedTensors& goBack(std::int64_t failed, const Error& error);

  std::int64_t count() const { return static_cast<std::int64_t>(list_.size()); }
  /// Of the learning rate, after all recoveries.
  double factor() const;
  /// [{ step, restored, lrFactor, monitor, message }], in order.
  const List& list() const { return list_; }
  /// The states that are kept, for a checkpoint.
  SavedTensors state() const;
  void setState(const SavedTensors& state, const List& list);

 private:
  struct Point {
    std::int64_t step;
    SavedTensors state;
  };
  Options options_;
  std::deque<Point> points_;  // two at most, the older one first
  List list_;
};

}  // namespace langevin
