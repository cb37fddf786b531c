#include "statistics/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace langevin {

Ranking::Ranking(const double* score, const std::uint8_t* positive, std::int64_t n) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  // Rows of equal score are one block, so the order inside a block never matters.
  std::sort(order.begin(), order.end(), [score](std::int64_t a, std::int64_t b) { return score[a] > score[b]; });
  for (std::size_t k = 0; k < order.size(); ++k) {
    (positive[order[k]] ? positives_ : negatives_) += 1;
    if (k + 1 == order.size() || score[order[k]] != score[order[k + 1]]) {
      truePositives_.push_back(positives_);
      falsePositives_.push_back(negatives_);
    }
  }
  if (positives_ == 0 || negatives_ == 0)
    fail(Code::InvalidOption, "ranking metrics need both classes: there are ", positives_, " positive and ", negatives_,
         " negative rows");
}

double Ranking::auroc() const {
  // Twice the area in whole numbers: exact up to 2^53 pairs, and beyond only rounded once per block.
  double twice = 0;
  std::int64_t tp = 0, fp = 0;
  for (std::size_t k = 0; k < truePositives_.size(); ++k) {
    twice += static_cast<double>(falsePositives_[k] - fp) * static_cast<double>(truePositives_[k] + tp);
    tp = truePositives_[k];
    fp = falsePositives_[k];
  }
  return twice / (2.0 * static_cast<double>(positives_) * static_cast<double>(negatives_));
}

namespace {
double precision(std::int64_t tp, std::int64_t fp) { return static_cast<double>(tp) / static_cast<double>(tp + fp); }
}  // namespace

double Ranking::auprStep() const {
  double area = 0;
  std::int64_t tp = 0;
  for (std::size_t k = 0; k < truePositives_.size(); ++k) {
    area += static_cast<double>(truePositives_[k] - tp) * precision(truePositives_[k], falsePositives_[k]);
    tp = truePositives_[k];
  }
  return area / static_cast<double>(positives_);
}

double Ranking::auprTrapezoid() const {
  double area = 0, before = 1;
  std::int64_t tp = 0;
  for (std::size_t k = 0; k < truePositives_.size(); ++k) {
    const double now = precision(truePositives_[k], falsePositives_[k]);
    area += static_cast<double>(truePositives_[k] - tp) * 0.5 * (before + now);
    before = now;
    tp = truePositives_[k];
  }
  return area / static_cast<double>(positives_);
}

double Ranking::fprFirst(double tpr) const {
  std::size_t k = 0;
  while (k + 1 < truePositives_.size() &&
         static_cast<double>(truePositives_[k]) / static_cast<double>(positives_) < tpr)
    ++k;
  return static_cast<double>(falsePositives_[k]) / static_cast<double>(negatives_);
}

double Ranking::f1AtPositives() const {
  std::int64_t tp = 0, fp = 0;
  for (std::size_t k = 0; k < truePositives_.size(); ++k) {
    const std::int64_t more = truePositives_[k] + falsePositives_[k], before = tp + fp;
    if (more >= positives_) {
      const double share = static_cast<double>(positives_ - before) / static_cast<double>(more - before);
      // As many rows are named as there are positives: precision, recall and F1 are one number.
      return (static_cast<double>(tp) + share * static_cast<double>(truePositives_[k] - tp)) /
             static_cast<double>(positives_);
    }
    tp = truePositives_[k];
    fp = falsePositives_[k];
  }
  return 1;
}

double Ranking::fprNearest(double tpr) const {
  double best = 2;
  std::size_t chosen = 0;
  // Thresholds below the first one that catches every positive only add false positives: they are not looked at.
  for (std::size_t k = 0; k < truePositives_.size(); ++k) {
    const double distance = std::abs(static_cast<double>(truePositives_[k]) / static_cast<double>(positives_) - tpr);
    if (distance <= best) {
      best = distance;
      chosen = k;
    }
    if (truePositives_[k] == positives_) break;
  }
  return static_cast<double>(falsePositives_[chosen]) / static_cast<double>(negatives_);
}

}  // namespace langevin
