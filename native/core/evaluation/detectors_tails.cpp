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

class ColumnTails : public Detector {
 public:
  ColumnTails(at::Tensor sorted, at::Tensor skew, bool copula)
      : sorted_(std::move(sorted)), skew_(std::move(skew)), copula_(copula) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return scoresOfRows(rowsToScore(x, sorted_.size(0)), threads, job, [this](const double* row) {
      double sum = 0;
      for (std::int64_t j = 0; j < sorted_.size(0); ++j) sum += column(j, row[j]);
      return sum;
    });
  }

 private:
  double column(std::int64_t j, double value) const {
    const std::int64_t n = sorted_.size(1);
    const double *begin = sorted_.const_data_ptr<double>() + j * n, *end = begin + n;
    const auto share = [&](std::int64_t rows) { return static_cast<double>(rows + 1) / static_cast<double>(n + 1); };
    const double lower = -std::log(share(std::upper_bound(begin, end, value) - begin));
    const double upper = -std::log(share(end - std::lower_bound(begin, end, value)));
    const double sign = skew_.const_data_ptr<double>()[j];
    const double pointed = sign < 0 ? lower : sign > 0 ? upper : lower + upper;
    return copula_ ? std::max(pointed, (lower + upper) / 2) : std::max({lower, upper, pointed});
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
  if (skew.size(0) != sorted.size(0)) state.at("skew").invalid("must have a number for each column");
  return std::make_unique<ColumnTails>(sorted, skew, detector.kind() == "copod");
}

}  // namespace

const DetectorKind& columnTails() {
  static const DetectorKind kind = {fitTails, makeTails};
  return kind;
}

}  // namespace langevin
