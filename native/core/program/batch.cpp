#include "program/batch.hpp"

namespace langevin {

Batch Batch::slice(std::int64_t first, std::int64_t last) const {
  return {x.slice(0, first, last), y.defined() ? y.slice(0, first, last) : y};
}

Batch Batch::select(const at::Tensor& index) const {
  return {x.index_select(0, index), y.defined() ? y.index_select(0, index) : y};
}

Batch Batch::contiguous() const { return {x.contiguous(), y.defined() ? y.contiguous() : y}; }

Batch Batch::joined(const std::vector<Batch>& parts) {
  if (parts.size() == 1) return Batch{parts[0].x.detach(), parts[0].y}.contiguous();
  std::vector<at::Tensor> x, y;
  for (const Batch& part : parts) {
    x.push_back(part.x.detach());
    if (part.y.defined()) y.push_back(part.y);
  }
  return {at::cat(x), y.empty() ? at::Tensor() : at::cat(y)};
}

}  // namespace langevin
