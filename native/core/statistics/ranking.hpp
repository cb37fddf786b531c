// How well scores rank positives above negatives. All in float64, deterministic, ties treated exactly.
#pragma once

#include <cstdint>
#include <vector>

namespace langevin {

/// A binary ranking problem: scores (higher = more positive) cut into blocks of equal score, from the highest down.
class Ranking {
 public:
  /// score[i], and positive[i] != 0 when row i is of the positive class. Both classes must be present.
  Ranking(const double* score, const std::uint8_t* positive, std::int64_t n);

  /// P(score of a positive > score of a negative) + P(equal) / 2: the Mann-Whitney statistic with midranks.
  double auroc() const;
  /// Area under precision over recall, step rule: sum (R_k - R_{k-1}) P_k (scikit-learn's average_precision_score).
  double auprStep() const;
  /// The same points joined by straight lines, from (recall 0, precision 1) on (OpenOOD, GEBM). Optimistic when points
  /// are few (Davis and Goadrich 2006).
  double auprTrapezoid() const;
  /// False-positive rate at the first threshold, from the highest down, whose true-positive rate
  /// reaches `tpr` (OpenOOD).
  double fprFirst(double tpr) const;
  /// False-positive rate at the threshold whose true-positive rate is nearest to `tpr`; of equally near ones the one
  /// with the larger rates (Liu et al. 2020).
  double fprNearest(double tpr) const;

  /// F1 of the rows with the highest scores, as many as there are positives. Rows that tie for the last places count as
  /// their mean over all orders.
  double f1AtPositives() const;

  std::int64_t positives() const { return positives_; }
  std::int64_t negatives() const { return negatives_; }

 private:
  // Counts of positives and negatives with a score of at least the k-th distinct one.
  std::vector<std::int64_t> truePositives_, falsePositives_;
  std::int64_t positives_ = 0, negatives_ = 0;
};

}  // namespace langevin
