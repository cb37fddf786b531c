#include "energies/restricted_target.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

ColumnPart::ColumnPart(const Domain& whole, const std::vector<std::size_t>& blocks)
    : domain_(whole.part(blocks)), wholeWidth_(whole.columns()) {
  for (const std::size_t i : blocks) {
    const ColumnBlock& block = whole.blocks()[i];
    if (!columns_.empty() && columns_.back().first + columns_.back().second == block.first)
      columns_.back().second += block.width;
    else
      columns_.emplace_back(block.first, block.width);
  }
}

at::Tensor ColumnPart::columnsOf(const at::Tensor& x) const {
  std::vector<at::Tensor> parts;
  for (const auto& [first, count] : columns_) parts.push_back(x.slice(1, first, first + count));
  return parts.size() == 1 ? parts[0].contiguous() : at::cat(parts, 1);
}

at::Tensor ColumnPart::put(const at::Tensor& x, const at::Tensor& columns) const {
  at::Tensor whole = x.clone(at::MemoryFormat::Contiguous);
  std::int64_t from = 0;
  for (const auto& [first, count] : columns_) {
    whole.slice(1, first, first + count).copy_(columns.slice(1, from, from + count));
    from += count;
  }
  return whole;
}

template <class T>
void ColumnPart::take(const T* whole, std::int64_t rows, T* columns) const {
  for (std::int64_t r = 0; r < rows; ++r, whole += wholeWidth_)
    for (const auto& [first, count] : columns_) columns = std::copy_n(whole + first, count, columns);
}

template <class T>
void ColumnPart::putInto(T* whole, std::int64_t rows, const T* columns) const {
  for (std::int64_t r = 0; r < rows; ++r, whole += wholeWidth_)
    for (const auto& [first, count] : columns_) {
      std::copy_n(columns, count, whole + first);
      columns += count;
    }
}

template void ColumnPart::take(const float*, std::int64_t, float*) const;
template void ColumnPart::take(const double*, std::int64_t, double*) const;
template void ColumnPart::putInto(float*, std::int64_t, const float*) const;
template void ColumnPart::putInto(double*, std::int64_t, const double*) const;

RestrictedTarget::RestrictedTarget(const Target& whole, std::shared_ptr<const ColumnPart> part)
    : whole_(whole), part_(std::move(part)), input_(part_->domain().columns()) {}

void RestrictedTarget::hold(const Batch& rows) {
  held_ = {rows.x.to(whole_.dtype()).contiguous(), rows.y};
  own_ = at::arange(rows.size(), rows.x.options().dtype(at::kLong));
  condition_ = {Condition::Kind::Class, rows.size(), false};
}

Batch RestrictedTarget::rows(const at::Tensor& x, const at::Tensor& y) const {
  Batch rows{asRows(x, width(), dtype(), options().device(), "x"), y.defined() ? y : own_};
  requireFinite(rows.x, "x");
  if (rows.y.dim() != 1 || rows.y.size(0) != rows.x.size(0))
    fail(Code::Shape, "give the number of the held row for each of the ", rows.x.size(0), " rows of x");
  return rows;
}

Batch RestrictedTarget::wholeRows(const Batch& rows) const {
  // Kernels hand on y as they got it, or rows of it.
  if (rows.y.is_same(own_)) return {part_->put(held_.x, rows.x), held_.y};
  return {part_->put(held_.x.index_select(0, rows.y), rows.x),
          held_.y.defined() ? held_.y.index_select(0, rows.y) : held_.y};
}

at::Tensor RestrictedTarget::energyOf(const Batch& rows) const { return whole_.energyOf(wholeRows(rows)); }

EnergyAndGradient RestrictedTarget::energyAndGradient(const Batch& rows) const {
  EnergyAndGradient value = whole_.energyAndGradient(wholeRows(rows));
  return {std::move(value.energy), part_->columnsOf(value.gradient)};
}

}  // namespace langevin
