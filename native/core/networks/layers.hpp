// The layers networks are made of.
#pragma once

#include <string>

#include "program/builder.hpp"

namespace langevin {

/// Linear, activation, ..., Linear(out) from spec's `hidden`, `activation`, `negativeSlope`, `spectralNorm`, with
/// torch.nn.Sequential's numbering behind `prefix` ("" or "net."), from `index` on. Rows of more axes are flattened
/// first, as by a torch.nn.Flatten before it (without its index).
int hiddenStack(Builder& b, int x, const Spec& spec, std::int64_t out, const std::string& prefix, int index = 0);

/// One Linear(out) with spec's `spectralNorm`, named `prefix`.
int linearOf(Builder& b, int x, const Spec& spec, const std::string& prefix, std::int64_t out);

/// The modules of a torch.nn.Sequential, one per list item, named by their index behind `prefix`. `label` is the node
/// of the class condition that embedding layers use, or -1.
int layerList(Builder& b, int x, const Spec& layers, int label, const std::string& prefix);
/// The number of classes the embedding layers of a list ask for (0: there is none), looked up in residual bodies too.
std::int64_t embeddedClasses(const Spec& layers);

/// The refusal of a spec that has neither or both of `condition` and `classes`.
void requireOneCondition(const Spec& spec);

/// Applies the activation named at key `activation` (default silu).
int activationOf(Builder& b, int x, const Spec& spec);

}  // namespace langevin
