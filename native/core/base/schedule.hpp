// A number that may change with progress: constant, linear, geometric, cosine, polynomial decay, steps; all with
// optional warm-up.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"

namespace langevin {

class Schedule {
 public:
  Schedule() = default;
  explicit Schedule(double value) : from_(value), to_(value) {}
  /// A number, or { kind: 'constant' value | 'linear' from to | 'geometric' from to | 'cosine' from to | 'step' from
  /// factor milestones (fractions of the run) | 'polynomial' a b gamma, warmup?: steps }. All values must be positive,
  /// unless `zeroAllowed`.
  static Schedule read(const Spec& spec, bool zeroAllowed = false);

  /// The value at step t of `total` (t = 0 gives `from`, t = total - 1 gives `to`).
  double at(std::int64_t t, std::int64_t total) const;
  bool constant() const { return kind_ == Kind::Constant && warmup_ == 0; }
  double first() const { return from_; }
  /// The same course, every value times `factor`.
  Schedule times(double factor) const;
  /// The largest value it takes (used for stability limits and reports).
  double largest(std::int64_t total) const;

 private:
  enum class Kind { Constant, Linear, Geometric, Cosine, Step, Polynomial };
  Kind kind_ = Kind::Constant;
  double from_ = 1, to_ = 1, factor_ = 1, gamma_ = 1;
  std::vector<double> milestones_;
  std::int64_t warmup_ = 0;
};

}  // namespace langevin
