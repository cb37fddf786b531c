// Chains that run away: along a ray on which the energy falls, or does not rise, for ever. No number of steps mends them.
#pragma once

#include "energies/energy.hpp"

namespace langevin {

/// Looks at E a million times as far away as any of the chains has been, on the way of each from its start (with its
/// condition) to its end [n, d]:
///   { falling: chains along whose way E falls, flat: those along whose way it does not rise, farthest: the largest |x|
///     of both, chains: how many were looked at }
/// Null where there are none of them, where no column is real, or where E needs a condition that is not there.
Value escapingChains(const Energy& energy, const Batch& starts, const at::Tensor& ends, int threads);

/// Whether a sampler, or one inside it, keeps its chains in a box: there the energy need not rise.
bool keepsToBox(const Value& sampler);

}  // namespace langevin
