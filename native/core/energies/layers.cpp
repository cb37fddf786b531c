#include "energies/layers.hpp"

#include <algorithm>
#include <array>

namespace langevin {

int activationOf(Builder& b, int x, const Spec& spec) {
  static constexpr std::array<const char*, 7> known{"silu", "gelu", "tanh", "sigmoid", "softplus", "relu", "leakyRelu"};
  const std::string name = spec.text("activation", "silu");
  if (std::find(known.begin(), known.end(), name) == known.end())
    spec.at("activation")
        .invalid("unknown activation '" + name + "'; one of silu, gelu, tanh, sigmoid, softplus, relu, leakyRelu");
  return b.activation(x, name, spec.nonNegative("negativeSlope", 0.01));
}

int hiddenStack(Builder& b, int x, const Spec& spec, std::int64_t out, const std::string& prefix) {
  int index = 0;
  if (spec.has("hidden")) {
    for (const Spec& width : spec.at("hidden").items()) {
      const std::int64_t w = width.integer();
      if (w < 1) width.invalid("a layer has at least 1 unit, got " + std::to_string(w));
      x = activationOf(b, b.linear(x, prefix + std::to_string(index), w), spec);
      index += 2;
    }
  }
  return b.linear(x, prefix + std::to_string(index), out);
}

}  // namespace langevin
