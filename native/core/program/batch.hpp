// The rows a program is evaluated on: x, and the condition y where the energy has one.
#pragma once

#include <vector>

#include "base/torch.hpp"

namespace langevin {

struct Batch {
  at::Tensor x;  // [n, d]
  at::Tensor y;  // [n, width] or labels int64 [n]; undefined where there is no condition

  std::int64_t size() const { return x.size(0); }
  Batch slice(std::int64_t first, std::int64_t last) const;
  /// Rows `index`, int64 [k] on the rows' device.
  Batch select(const at::Tensor& index) const;
  /// The same rows in memory without gaps.
  Batch contiguous() const;
  /// All rows of `parts` in one piece, cut off from any graph in x.
  static Batch joined(const std::vector<Batch>& parts);
};

}  // namespace langevin
