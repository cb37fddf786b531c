// A k-d tree (Bentley 1975) of narrow rows: nearest rows without looking at all of them.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

/// A distance and the number of the training row.
using Near = std::pair<double, std::int64_t>;
constexpr double kInfinitelyFar = std::numeric_limits<double>::infinity();

/// The k nearest of the rows given; of equally near ones those with the smaller numbers.
class NearestSoFar {
 public:
  explicit NearestSoFar(std::int64_t k);
  void clear();
  double largest() const { return heap_.front().first; }
  void add(double value, std::int64_t row);
  /// Ascending.
  const std::vector<Near>& sort();

 private:
  std::vector<Near> heap_;  // the top is the farthest
};

/// |a - b| by differences: exact to rounding wherever the rows lie, and exactly 0 for duplicates.
double rowDistance(const double* a, const double* b, std::int64_t width);

/// Rows in halves of halves, each cut at the median of its widest column, down to a few; with the box of each part.
class NeighbourTree {
 public:
  /// Whether it pays: where every column is cut at least once. In wider rows most parts would be looked at.
  static bool fits(std::int64_t rows, std::int64_t width);
  explicit NeighbourTree(const at::Tensor& rows);
  static NeighbourTree read(const Spec& state);
  /// tree [n, d], order int64 [n], boxes [parts, 2, d].
  Map state() const;

  /// Adds the nearest rows to `nearest`, the same ones as a look at every row.
  void search(const double* query, NearestSoFar& nearest) const;

 private:
  NeighbourTree(at::Tensor rows, at::Tensor order, at::Tensor boxes);
  double distanceToBox(const double* query, std::int64_t part) const;

  at::Tensor rows_;   // [n, d] in the order of the leaves
  at::Tensor order_;  // int64 [n], their numbers
  at::Tensor boxes_;  // [parts, 2, d], lowest and highest of each column; the halves of part i are 2 i + 1 and 2 i + 2
};

}  // namespace langevin
