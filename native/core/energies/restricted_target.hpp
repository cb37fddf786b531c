// The law of some blocks of columns where the others are held: p(x_blocks | the rest) ~ exp(-E(x)), one row of the rest
// for each chain. A kernel that leaves it as it is, row by row, leaves the law of all columns as it is.
#pragma once

#include <memory>

#include "energies/target.hpp"

namespace langevin {

/// Some blocks of the columns of rows.
class ColumnPart {
 public:
  /// The blocks of `whole` with these numbers, in the order of the columns.
  ColumnPart(const Domain& whole, const std::vector<std::size_t>& blocks);

  const Domain& domain() const { return domain_; }
  std::int64_t wholeWidth() const { return wholeWidth_; }
  /// The columns of the blocks, [n, width] of x [n, d].
  at::Tensor columnsOf(const at::Tensor& x) const;
  /// x with these columns in their place.
  at::Tensor put(const at::Tensor& x, const at::Tensor& columns) const;
  /// The same on contiguous rows, in place.
  template <class T>
  void take(const T* whole, std::int64_t rows, T* columns) const;
  template <class T>
  void putInto(T* whole, std::int64_t rows, const T* columns) const;

 private:
  Domain domain_;
  std::int64_t wholeWidth_ = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> columns_;  // first and count of each run of columns
};

class RestrictedTarget final : public Target {
 public:
  /// These columns of the whole target, which must outlive this.
  RestrictedTarget(const Target& whole, std::shared_ptr<const ColumnPart> part);

  /// The rows the other columns are taken from: x [n, d] of the whole target and its y. The y of the restricted rows
  /// says which of them each belongs to; ownRows() is every one once.
  void hold(const Batch& rows);
  const at::Tensor& ownRows() const { return own_; }

  const Batch& held() const { return held_; }
  const ColumnPart& part() const { return *part_; }

  const std::string& kind() const override { return whole_.kind(); }
  const Shape& input() const override { return input_; }
  double workPerRow() const override { return whole_.workPerRow(); }
  const Domain& domain() const override { return part_->domain(); }
  /// y, the number of the held row, int64 [n].
  const Condition& condition() const override { return condition_; }
  at::TensorOptions options() const override { return whole_.options(); }
  Batch rows(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor energyOf(const Batch& rows) const override;
  EnergyAndGradient energyAndGradient(const Batch& rows) const override;

 private:
  Batch wholeRows(const Batch& rows) const;

  const Target& whole_;
  std::shared_ptr<const ColumnPart> part_;
  Shape input_;
  Condition condition_;
  Batch held_;
  at::Tensor own_;  // int64 [n]
};

}  // namespace langevin
