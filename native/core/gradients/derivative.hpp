// A derivative that an objective knows in closed form.
#pragma once

#include "base/torch.hpp"

namespace langevin {

/// d loss / d (a recorded value or a learnable number), of its shape.
struct Derivative {
  at::Tensor of, value;
};

}  // namespace langevin
