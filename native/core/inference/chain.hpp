// Chains of discrete variables y_1 .. y_T with E(y) = sum_t unary_t(y_t) + sum_t pairwise_t(y_t, y_{t+1}): exact
// inference on the trellis, and by trying everything (LeCun et al. 2006, section 6).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/spec.hpp"

namespace langevin {

struct Chain {
  std::vector<std::int64_t> states;           // values of each variable
  std::vector<std::vector<double>> unary;     // [T][states]; an empty entry: no factor
  std::vector<std::vector<double>> pairwise;  // [T - 1][states_t * states_{t+1}], row-major

  /// { unary: [[..] or null, ..], pairwise: [[[..], ..], ..] }. Checks that the sizes fit.
  static Chain read(const Spec& spec);
  std::int64_t length() const { return static_cast<std::int64_t>(states.size()); }
  /// E of one assignment; its terms are added from the first variable to the last.
  double energy(const std::vector<std::int64_t>& y) const;
};

struct ChainResult {
  std::vector<std::int64_t> y;  // lowest energy; of several the first in lexicographic order
  double energy = 0;
  double logZ = 0;                         // log sum_y exp(-beta E(y))
  std::vector<std::vector<double>> table;  // min-marginals or marginals, one list per variable
  std::int64_t factorTerms = 0;            // entries of factors that were looked up
  std::int64_t assignments = 0;            // full energies computed
};

/// Tries every assignment, at most 2^20: y, energy, logZ.
ChainResult chainExhaustive(const Chain& chain, double beta);
/// Cheapest path on the trellis (Viterbi 1967): y, energy.
ChainResult chainViterbi(const Chain& chain);
/// Min-sum messages both ways: min-marginals m_t(s) = min over y with y_t = s of E(y), and from them y, energy.
ChainResult chainMinSum(const Chain& chain);
/// Log-sum-exp messages both ways: logZ and the marginals p(y_t = s).
ChainResult chainForward(const Chain& chain, double beta);

}  // namespace langevin
