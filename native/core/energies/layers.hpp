// Pieces shared by architectures that are made of layers.
#pragma once

#include <string>

#include "energies/builder.hpp"

namespace langevin {

/// Linear, activation, ..., Linear(out) from spec's `hidden`, `activation`, `negativeSlope`, with torch.nn.Sequential's
/// numbering behind `prefix` ("" or "net.").
int hiddenStack(Builder& b, int x, const Spec& spec, std::int64_t out, const std::string& prefix);

/// Applies the activation named at key `activation` (default silu).
int activationOf(Builder& b, int x, const Spec& spec);

}  // namespace langevin
