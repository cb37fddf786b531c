// Perturbations of rows for energy discrepancy: y ~ q(y | x), one y a row, then M candidates x' of the law q(y | x')
// normalised over x'. With it the datum and its candidates are equally likely to have been perturbed to y, and the
// minimiser of the loss with w = 1 is right for every M (Schroeder et al. 2023, 2024).
#pragma once

#include <memory>

#include "base/spec.hpp"
#include "program/domain.hpp"
#include "tensors/random.hpp"

namespace langevin {

class Perturbation {
 public:
  virtual ~Perturbation() = default;

  /// Refuses a block it has no kernel for: ERR_LANGEVIN_UNSUPPORTED, naming its columns and what to use.
  virtual void requireFit(const Domain& domain, const ColumnBlock& block) const = 0;
  /// Makes its tables for rows of these columns, each of which fits.
  virtual void prepare(const Domain& domain) = 0;
  /// `count` candidates x' of every row of x [n, d], [count * n, d]: candidate j of row i is row j * n + i. The numbers
  /// of y are those of (Stream::Corrupt, i, step), the ones of x' of (Stream::NoiseSample, j * n + i, step), so the
  /// result is the same at any number of threads.
  virtual at::Tensor candidates(const at::Tensor& x, std::int64_t count, std::uint64_t step, const Random& random,
                                int threads) const = 0;

  /// Both checks and tables, of all columns.
  void prepareFor(const Domain& domain) {
    for (const ColumnBlock& block : domain.blocks()) requireFit(domain, block);
    prepare(domain);
  }
};

std::unique_ptr<Perturbation> makePerturbation(const Spec& spec);

}  // namespace langevin
