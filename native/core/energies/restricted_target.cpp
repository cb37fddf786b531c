#include "energies/restricted_target.hpp"

#include "base/error.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

RestrictedTarget::RestrictedTarget(const Target& whole, const std::vector<std::size_t>& blocks)
    : whole_(whole), domain_(whole.domain().part(blocks)), input_(domain_.columns()) {
  for (const std::size_t i : blocks) {
    const ColumnBlock& block = whole.domain().blocks()[i];
    columns_.emplace_back(block.first, block.width);
  }
}

void RestrictedTarget::hold(const Batch& rows) {
  held_ = {rows.x.to(whole_.dtype()), rows.y};
  own_ = at::arange(rows.size(), rows.x.options().dtype(at::kLong));
  condition_ = {Condition::Kind::Class, rows.size(), false};
}

at::Tensor RestrictedTarget::columnsOf(const at::Tensor& x) const {
  std::vector<at::Tensor> parts;
  for (const auto& [first, count] : columns_) parts.push_back(x.slice(1, first, first + count));
  return parts.size() == 1 ? parts[0].contiguous() : at::cat(parts, 1);
}

at::Tensor RestrictedTarget::put(const at::Tensor& x, const at::Tensor& columns) const {
  at::Tensor whole = x.clone(at::MemoryFormat::Contiguous);
  std::int64_t from = 0;
  for (const auto& [first, count] : columns_) {
    whole.slice(1, first, first + count).copy_(columns.slice(1, from, from + count));
    from += count;
  }
  return whole;
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
  if (rows.y.is_same(own_)) return {put(held_.x, rows.x), held_.y};
  return {put(held_.x.index_select(0, rows.y), rows.x), held_.y.defined() ? held_.y.index_select(0, rows.y) : held_.y};
}

at::Tensor RestrictedTarget::energyOf(const Batch& rows) const { return whole_.energyOf(wholeRows(rows)); }

EnergyAndGradient RestrictedTarget::energyAndGradient(const Batch& rows) const {
  EnergyAndGradient value = whole_.energyAndGradient(wholeRows(rows));
  return {std::move(value.energy), columnsOf(value.gradient)};
}

}  // namespace langevin
