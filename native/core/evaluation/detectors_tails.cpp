// ecod, copod: how far out a row lies in each column, by the empirical distribution of the training rows. With
// l_j = -log share of rows at most x_j, u_j = -log share of rows at least x_j (x itself counted among the rows), and
// s_j the one of the two that the sign of the column's skewness points to (their sum where it is 0):
//   ecod    sum_j max(l_j, u_j, s_j)           (Li et al. 2022, as published in PyOD)
//   copod   sum_j max(s_j, (l_j + u_j) / 2)    (Li et al. 2020, as published in PyOD)
#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// How many of n > 0 numbers, of which the first ones hold the condition and the others do not. The steps do not depend on the
// numbers, so that no branch is mispredicted.
template <typename Condition>
std::int64_t countWhile(const double* numbers, std::int64_t n, const Condition& holds) {
  const double* from = numbers;
  for (; n > 1; n -= n / 2) from += holds(from[n / 2 - 1]) * (n / 2);
  return from - numbers + holds(*from);
}

class ColumnTails : public Detector {
 public:
  ColumnTails(at::Tensor sorted, at::Tensor skew, bool copula)
      : sorted_(std::move(sorted)), skew_(std::move(skew)), copula_(copula) {}

  // Column by column: the sorted numbers of one stay in the cache for all rows of a tile.
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return scoresOfTiles(rowsToScore(x, sorted_.size(0)), threads, job, [this](const at::Tensor& tile) {
      const at::Tensor columns = tile.t().contiguous(), out = at::zeros({tile.size(0)}, at::kDouble);
      for (std::int64_t j = 0; j < columns.size(0); ++j)
        addColumn(j, columns.const_data_ptr<double>() + j * tile.size(0), tile.size(0), out.data_ptr<double>());
      return out;
    });
  }

 private:
  void addColumn(std::int64_t j, const double* values, std::int64_t count, double* sums) const {
    const std::int64_t n = sorted_.size(1);
    const double* column = sorted_.const_data_ptr<double>() + j * n;
    const double sign = skew_.const_data_ptr<double>()[j];
    const auto tail = [n](std::int64_t rows) {
      return -std::log(static_cast<double>(rows + 1) / static_cast<double>(n + 1));
    };
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t less = countWhile(column, n, [v = values[i]](double other) { return other < v; });
      // Most values are none of the training rows'.
      const bool seen = less < n && column[less] == values[i];
      const std::int64_t atMost =
          seen ? countWhile(column, n, [v = values[i]](double other) { return other <= v; }) : less;
      const double lower = tail(atMost), upper = tail(n - less);
      const double pointed = sign < 0 ? lower : sign > 0 ? upper : lower + upper;
      sums[i] += copula_ ? std::max(pointed, (lower + upper) / 2) : std::max({lower, upper, pointed});
    }
  }

  at::Tensor sorted_;  // [d, n], ascending
  at::Tensor skew_;    // [d], sign of the third central moment
  bool copula_;
};

Map fitTails(const Spec& detector, int, Job&) {
  const at::Tensor rows = trainingRows(detector);
  const at::Tensor third = rows.sub(rows.mean(0, true)).pow(3).mean(0).sign();
  return {{"sorted", box(std::get<0>(rows.t().contiguous().sort(1)).contiguous())}, {"skew", box(third)}};
}

std::unique_ptr<Detector> makeTails(const Spec& detector, const Spec& state) {
  const at::Tensor sorted = stateTensor(state, "sorted", 2), skew = stateTensor(state, "skew", 1);
  if (sorted.size(1) < 1) state.at("sorted").invalid("must have a number of each column");
  if (skew.size(0) != sorted.size(0)) state.at("skew").invalid("must have a number for each column");
  return std::make_unique<ColumnTails>(sorted, skew, detector.kind() == "copod");
}

}  // namespace

const DetectorKind& columnTails() {
  static const DetectorKind kind = {fitTails, makeTails};
  return kind;
}

}  // namespace langevin
