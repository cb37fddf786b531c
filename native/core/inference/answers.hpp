// The answers y that an energy E(x, y) is asked about: all classes, a grid, a list, or fresh uniform draws
// for every row.
#pragma once

#include <optional>

#include "base/spec.hpp"
#include "program/program.hpp"
#include "tensors/random.hpp"

namespace langevin {

class Answers {
 public:
  /// From an owner's `answers`: { low, high, points } (a grid that includes both borders; numbers or one per column),
  /// { low, high, samples } (uniform draws) or { values: [[..], ..] }. Without it all classes of a class condition.
  /// `columns`: how many of the condition's columns are the answer (default: all of them).
  static Answers read(const Spec& owner, const Condition& condition, std::optional<std::int64_t> columns = {});

  std::int64_t count() const { return count_; }
  bool classes() const { return all_.defined() && all_.scalar_type() == at::kLong; }
  bool drawn() const { return !all_.defined(); }
  /// Those shared by all rows: float64 [m, k], or int64 [m] for classes; undefined when they are drawn.
  const at::Tensor& all() const { return all_; }

  /// Answers for rows first .. first + n - 1, row after row: [n * m, k] of `options`, or int64 [n * m].
  at::Tensor forRows(std::int64_t n, const Random& random, std::uint64_t step, const at::TensorOptions& options,
                     std::int64_t first = 0) const;

 private:
  at::Tensor all_;
  at::Tensor low_, high_;  // float64 [1, k] of drawn answers
  std::int64_t count_ = 0;
};

/// low and high of a box over k columns, float64 [1, k] each: { low, high }, numbers or one per column.
struct AnswerBox {
  at::Tensor low, high;
  static AnswerBox read(const Spec& spec, std::int64_t columns);
};

/// A grid over the box that holds both borders, last column fastest: float64 [points..., k]. `points`: one number or
/// one per column, each at least 2.
at::Tensor gridPoints(const AnswerBox& box, const Spec& points);

/// Numbers of every column's axis of such a grid.
std::vector<at::Tensor> gridAxes(const AnswerBox& box, const Spec& points);

}  // namespace langevin
