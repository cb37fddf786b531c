// kind -> how a network of that kind is added to a program.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"
#include "program/builder.hpp"

namespace langevin {

/// Where a network goes in a program.
struct NetworkCall {
  Builder& b;
  int x;               // node of its input
  const Spec& spec;    // of the family `network`
  int label;           // node of a class condition for layers that embed one, or -1
  std::int64_t out;    // columns it must give; 0: as its spec says
  std::string prefix;  // of its parameters' names: "" or "net."
};

using AddNetwork = int(const NetworkCall&);

/// Adds the network's nodes and returns the one of its outputs. ERR_LANGEVIN_INVALID_OPTION where its input or output
/// does not fit.
int addNetwork(const NetworkCall& call);
/// Classes its embedding layers ask for (0: there is none).
std::int64_t networkClasses(const Spec& spec);
/// A network by itself: `input` columns in, outputs out, no energy.
Program lowerNetwork(const Spec& spec);
std::vector<std::string> networkKinds();

/// The network inside an energy, `out` columns: the spec's `network`, or the multilayer perceptron its `hidden`,
/// `activation`, `negativeSlope` and `spectralNorm` describe.
int headNetwork(Builder& b, int x, const Spec& head, std::int64_t out, const std::string& prefix, int label = -1);

}  // namespace langevin
