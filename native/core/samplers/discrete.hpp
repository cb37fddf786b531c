// What the discrete kernels share: moves between states, first-order estimates of energy differences, choices by
// probability, the Metropolis-Hastings test.
#pragma once

#include "samplers/sampler.hpp"

namespace langevin {

/// The sites of a target's rows. Every site has one of K levels: 0 and 1 of binary and spin columns, 0 .. K - 1 of
/// one-hot blocks. Tables are [n, sites, K], float64.
class Sites {
 public:
  explicit Sites(const Target& target);

  std::int64_t count() const { return count_; }
  std::int64_t levels() const { return states_.levels; }
  const States& states() const { return states_; }

  /// Rows with the site `site` [n] at level `level` [n], and the others as in x.
  at::Tensor with(const at::Tensor& x, const at::Tensor& site, const at::Tensor& level) const;
  /// Rows with every site at its level, int64 [n, sites].
  at::Tensor encode(const at::Tensor& levels, const at::Tensor& like) const;
  /// int64 [n, sites].
  at::Tensor decode(const at::Tensor& x) const { return states_.decode(x); }
  /// First-order estimates dE/dx . (x' - x) of the change of E when one site goes to a level; 0 at its present level.
  /// They are exact where E is linear in each site.
  at::Tensor differences(const at::Tensor& x, const at::Tensor& gradient) const;
  /// |x' - x|^2 of the same moves: 1 binary, 4 spin, 2 categorical, 0 at the present level.
  at::Tensor squaredDistances(const at::Tensor& x) const;

 private:
  States states_;
  std::int64_t count_;
};

/// One of K with the probabilities softmax(logits), [..., K] -> int64 [...], by inversion of u [...] in (0, 1).
at::Tensor choose(const at::Tensor& logits, const at::Tensor& u);

/// Uniform numbers of 48 bits, float64 [rows, cols]: a choice among thousands, or a probability far below 2^-24, is as
/// likely as it should be.
at::Tensor fineUniform(const Random& random, std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream,
                       std::uint64_t firstRow);

/// The Metropolis-Hastings test of the moves chains.x -> x with log ratios [n]; chains take over what was accepted.
void testMoves(Chains& chains, const at::Tensor& x, const EnergyAndGradient& next, const at::Tensor& logRatio,
               const StepClock& clock, const Random& random, Tally& tally);

}  // namespace langevin
