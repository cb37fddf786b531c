// Operations whose gradient is written by hand, as nodes of autograd.
#pragma once

#include <functional>
#include <vector>

#include "base/torch.hpp"

namespace langevin {

/// Gradients in the inputs (undefined: none) from that in the value.
using Backward = std::function<std::vector<at::Tensor>(const at::Tensor& gradient)>;

/// `value`, computed from `inputs` without a tape, with its gradient. Once differentiable. `value` and what `backward`
/// holds must not require grad.
at::Tensor withBackward(at::Tensor value, const std::vector<at::Tensor>& inputs, Backward backward);

}  // namespace langevin
