// A running log of a sum of exponentials.
#pragma once

#include <cmath>
#include <limits>

namespace langevin {

class LogSum {
 public:
  void add(double logTerm) {
    if (logTerm <= largest_) {
      sum_ += std::exp(logTerm - largest_);
    } else {
      sum_ = sum_ * std::exp(largest_ - logTerm) + 1;
      largest_ = logTerm;
    }
  }
  void add(const LogSum& other) {
    if (other.sum_ == 0) return;
    if (other.largest_ <= largest_) {
      sum_ += other.sum_ * std::exp(other.largest_ - largest_);
    } else {
      sum_ = sum_ * std::exp(largest_ - other.largest_) + other.sum_;
      largest_ = other.largest_;
    }
  }
  /// log of the sum; -infinity when nothing was added.
  double value() const { return largest_ + std::log(sum_); }

 private:
  // The lowest finite number rather than -infinity: differences stay defined.
  double largest_ = std::numeric_limits<double>::lowest();
  double sum_ = 0;
};

/// A running log of a sum of exponentials, and the mean of the exponents under the law they are proportional to.
class WeightedSum {
 public:
  void add(double logTerm) {
    if (logTerm > largest_) {
      const double factor = std::exp(largest_ - logTerm);
      sum_ *= factor;
      first_ *= factor;
      largest_ = logTerm;
    }
    const double weight = std::exp(logTerm - largest_);
    sum_ += weight;
    first_ += weight * logTerm;
  }
  double value() const { return largest_ + std::log(sum_); }
  /// sum e^t t / sum e^t.
  double mean() const { return first_ / sum_; }

 private:
  double largest_ = std::numeric_limits<double>::lowest();
  double sum_ = 0, first_ = 0;
};

}  // namespace langevin
