// Makes the terms of a program (loop_terms.hpp), simplified as they are made.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "executors/cpu/loop_terms.hpp"

namespace langevin {

/// A part of a row.
struct LoopPart {
  LoopValue value;
  std::int64_t width;
};

/// Widths w are those of the result: a value of one column stands for as many as are wanted.
class LoopBuilder {
 public:
  explicit LoopBuilder(std::vector<LoopTerm>& terms) : terms_(terms) {}

  LoopValue number(double value) const { return {0, value, -1}; }
  LoopValue source(LoopSource source, std::int64_t width, int index);
  LoopValue affine(const LoopValue& a, double factor, double shift) const {
    return {a.factor * factor, a.shift * factor + shift, a.term};
  }
  LoopValue times(const LoopValue& a, double factor) const { return affine(a, factor, 0); }
  LoopValue add(const LoopValue& a, const LoopValue& b);
  LoopValue product(const LoopValue& a, const LoopValue& b);
  LoopValue quotient(LoopCode code, const LoopValue& a, const LoopValue& b);
  LoopValue function(const ActivationOf<double>& f, const LoopValue& a);
  /// f'(a), where `value` is f(a).
  LoopValue slope(const ActivationOf<double>& f, const LoopValue& a, const LoopValue& value);
  LoopValue selection(LoopCode code, const LoopValue& a, const LoopValue& b, std::int64_t w);
  LoopValue where(const LoopValue& condition, const LoopValue& a, const LoopValue& b, std::int64_t w);
  /// Over the w columns of a.
  LoopValue sum(const LoopValue& a, std::int64_t w);
  LoopValue logSum(const LoopValue& a, std::int64_t w);
  /// exp(a - logSum(a)).
  LoopValue shares(const LoopValue& a, std::int64_t w);
  LoopValue piece(const LoopValue& a, std::int64_t first, std::int64_t count);
  LoopValue join(const std::vector<LoopPart>& parts, bool perRow);
  /// a S with the symmetric part S of a parameter.
  LoopValue symmetric(const LoopValue& a, int parameter, std::int64_t w);
  /// The same with a constant, a number of LoopTerms::matrices.
  LoopValue matrix(const LoopValue& a, int matrix, std::int64_t w);
  LoopValue distances(const LoopValue& a, std::int64_t columns, int centres, const std::vector<double>& scales,
                      std::int64_t w);
  /// sum_k g[k] d|..|^2/da for g of w columns.
  LoopValue distanceSlopes(const LoopValue& a, std::int64_t columns, int centres, const std::vector<double>& scales,
                           const LoopValue& g, std::int64_t w);
  /// A term of `width` columns and one value for each row, with factor and shift in it.
  int settled(const LoopValue& a, std::int64_t width) { return full(a, width, true); }

 private:
  const LoopTerm& at(int i) const { return terms_[static_cast<std::size_t>(i)]; }
  int push(LoopTerm term);
  int step(LoopCode code, std::vector<int> in, std::int64_t w, double s = 1, double t = 0);
  LoopValue of(int term) const { return {1, 0, term}; }
  int settle(const LoopValue& a);
  int full(const LoopValue& a, std::int64_t width, bool perRow);
  LoopValue withoutShift(const LoopValue& a) { return a.shift == 0 && a.term >= 0 ? a : of(settle(a)); }
  bool fuses(int product, std::int64_t w) const;
  bool squares(int term) const;
  int broadcastIn(int term) const;
  LoopValue sumOf(int term, std::int64_t w);

  std::vector<LoopTerm>& terms_;
  using Key = decltype(LoopTerm{}.key());
  std::map<std::pair<Key, bool>, int> known_;
};

}  // namespace langevin
