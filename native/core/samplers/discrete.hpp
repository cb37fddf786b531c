// What the discrete kernels share: moves between states, first-order estimates of energy differences, choices by
// probability.
#pragma once

#include "samplers/sampler.hpp"

namespace langevin {

/// The sites of rows of a discrete domain, which must outlive this. Site s has one of K_s levels: 0 and 1 of binary and
/// spin columns, 0 .. K_s - 1 of the others. Tables are [n, sites, K], float64, K the largest K_s; levels a site does
/// not have are +inf in them: as logits of the opposite sign they have the probability 0.
class Sites {
 public:
  explicit Sites(const Domain& domain) : domain_(domain), levels_(domain.mostLevels()) {}
  explicit Sites(const Target& target) : Sites(target.domain()) {}

  std::int64_t count() const { return domain_.sites(); }
  std::int64_t levels() const { return levels_; }
  const Domain& domain() const { return domain_; }
  /// Every site has levels() levels.
  bool equalLevels() const;
  /// K_s of every site, int64 [sites].
  at::Tensor levelsOfSites(at::TensorOptions options) const;

  /// Rows with the site `site` [n] at level `level` [n], and the others as in x.
  at::Tensor with(const at::Tensor& x, const at::Tensor& site, const at::Tensor& level) const;
  /// Rows with every site at its level, int64 [n, sites].
  at::Tensor encode(const at::Tensor& levels, const at::Tensor& like) const;
  /// int64 [n, sites].
  at::Tensor decode(const at::Tensor& x) const { return domain_.decode(x); }
  /// First-order estimates dE/dx . (x' - x) of the change of E when one site goes to a level; 0 at its present level.
  /// They are exact where E is linear in each site. Cyclic sites go the shorter way round.
  at::Tensor differences(const at::Tensor& x, const at::Tensor& gradient) const;
  /// |x' - x|^2 of the same moves: 1 binary, 4 spin, 2 categorical and tokens, the squared number of levels between
  /// them of ordinal and cyclic ones, 0 at the present level.
  at::Tensor squaredDistances(const at::Tensor& x) const;

 private:
  const Domain& domain_;
  std::int64_t levels_;
};

/// Kinds whose dE/dx says how E changes between levels: all discrete ones but tokens, whose ids are names.
Kinds kindsWithGradients();

/// One of K with the probabilities softmax(logits), [..., K] -> int64 [...], by inversion of u [...] in (0, 1).
at::Tensor choose(const at::Tensor& logits, const at::Tensor& u);

/// Uniform numbers of 48 bits, float64 [rows, cols]: a choice among thousands, or a probability far below 2^-24, is as
/// likely as it should be.
void fillFineUniform(double* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                     std::uint64_t step, Stream stream);
at::Tensor fineUniform(const Random& random, std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream,
                       std::uint64_t firstRow);

}  // namespace langevin
