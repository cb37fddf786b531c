// Changing a tensor's dtype without changing its numbers unseen.
#pragma once

#include "tensors/tensor.hpp"

namespace langevin {

/// The same numbers in another dtype. Floating-point dtypes round; whole-number dtypes refuse what they cannot hold
/// (ERR_LANGEVIN_DTYPE, with its place), where a plain conversion would wrap it or cut it off.
at::Tensor castTo(const at::Tensor& value, at::ScalarType dtype);

}  // namespace langevin
