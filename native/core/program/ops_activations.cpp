// Activations of layers, with torch.nn's formulas: the one list of the core. Names, slopes and what is smooth are
// checked, offered and run from here; tests/networks/activations.test.ts says what else a new row needs.
#include "kernels/tile_kernels.hpp"
#include "program/ops.hpp"

namespace langevin {

// numbers: the argument, where there is one
const std::vector<OpDefinition>& activationOperations() {
  static const std::vector<OpDefinition> table = withTraits({
      {"silu", [](const OpCall& c) { return at::silu(c.in(0)); }},
      {"gelu", [](const OpCall& c) { return at::gelu(c.in(0)); }},
      {"tanh", [](const OpCall& c) { return c.in(0).tanh(); }},
      {"sigmoid", [](const OpCall& c) { return c.in(0).sigmoid(); }},
      {"softplus", [](const OpCall& c) { return at::softplus(c.in(0)); }},
      {"relu", [](const OpCall& c) { return c.in(0).relu(); }},
      {"leakyRelu", [](const OpCall& c) { return at::leaky_relu(c.in(0), c.node.numbers[0]); }},
  });
  return table;
}

std::string activationNames(bool smoothOnly) {
  std::string names;
  for (const OpDefinition& row : activationOperations())
    if (row.traits.smooth || !smoothOnly) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

}  // namespace langevin
