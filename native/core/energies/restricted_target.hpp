// The law of some blocks of columns where the others are held: p(x_blocks | the rest) ~ exp(-E(x)), one row of the rest
// for each chain. A kernel that leaves it as it is, row by row, leaves the law of all columns as it is.
#pragma once

#include "energies/target.hpp"

namespace langevin {

class RestrictedTarget final : public Target {
 public:
  /// Of the whole target, which must outlive this, the blocks with these numbers, in the order of the columns.
  RestrictedTarget(const Target& whole, const std::vector<std::size_t>& blocks);

  /// The rows the other columns are taken from: x [n, d] of the whole target and its y. The y of the restricted rows
  /// says which of them each belongs to; ownRows() is every one once.
  void hold(const Batch& rows);
  const at::Tensor& ownRows() const { return own_; }

  /// The columns of the blocks, [n, width()] of x [n, d].
  at::Tensor columnsOf(const at::Tensor& x) const;
  /// x with these columns in their place.
  at::Tensor put(const at::Tensor& x, const at::Tensor& columns) const;

  const std::string& kind() const override { return whole_.kind(); }
  const Shape& input() const override { return input_; }
  double workPerRow() const override { return whole_.workPerRow(); }
  const Domain& domain() const override { return domain_; }
  /// y, the number of the held row, int64 [n].
  const Condition& condition() const override { return condition_; }
  at::TensorOptions options() const override { return whole_.options(); }
  Batch rows(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor energyOf(const Batch& rows) const override;
  EnergyAndGradient energyAndGradient(const Batch& rows) const override;

 private:
  Batch wholeRows(const Batch& rows) const;

  const Target& whole_;
  std::vector<std::pair<std::int64_t, std::int64_t>> columns_;  // first and count of each block in the whole rows
  Domain domain_;
  Shape input_;
  Condition condition_;
  Batch held_;
  at::Tensor own_;  // int64 [n]
};

}  // namespace langevin
