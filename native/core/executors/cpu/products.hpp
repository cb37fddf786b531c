// Matrix products of a tile: the project's own kernels on float32 rows on the CPU, ATen elsewhere.
#pragma once

#include "base/torch.hpp"

namespace langevin {

/// out = a b, or out += a b with `add`; a and b are matrices of any strides, out is contiguous.
void multiplyInto(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool add = false);
/// a b
at::Tensor product(const at::Tensor& a, const at::Tensor& b);

}  // namespace langevin
