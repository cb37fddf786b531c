// Elementwise operations and comparisons. Comparisons give 0 or 1 in the model's dtype.
#include "kernels/tile_kernels.hpp"
#include "program/ops.hpp"

namespace langevin {
namespace {

at::Tensor cmp(const at::Tensor& mask, const at::Tensor& like) { return mask.to(like.scalar_type()); }

}  // namespace

const std::vector<OpDefinition>& elementwiseOperations() {
  static const std::vector<OpDefinition> table = withTraits({
      {"add", [](const OpCall& c) { return c.in(0) + c.in(1); }},
      {"sub", [](const OpCall& c) { return c.in(0) - c.in(1); }},
      {"mul", [](const OpCall& c) { return c.in(0) * c.in(1); }},
      {"div", [](const OpCall& c) { return c.in(0) / c.in(1); }},
      {"neg", [](const OpCall& c) { return -c.in(0); }},
      // numbers: factor, shift
      {"scale",
       [](const OpCall& c) {
         const at::Tensor scaled = c.in(0) * c.node.numbers[0];
         return c.node.numbers[1] == 0.0 ? scaled : scaled + c.node.numbers[1];
       }},
      {"square", [](const OpCall& c) { return c.in(0) * c.in(0); }},
      {"sqrt", [](const OpCall& c) { return c.in(0).sqrt(); }},
      {"exp", [](const OpCall& c) { return c.in(0).exp(); }},
      {"log", [](const OpCall& c) { return c.in(0).log(); }},
      {"sin", [](const OpCall& c) { return c.in(0).sin(); }},
      {"cos", [](const OpCall& c) { return c.in(0).cos(); }},
      {"abs", [](const OpCall& c) { return c.in(0).abs(); }},
      // numbers: exponent
      {"pow", [](const OpCall& c) { return c.in(0).pow(c.node.numbers[0]); }},
      {"maximum", [](const OpCall& c) { return at::maximum(c.in(0), c.in(1)); }},
      {"minimum", [](const OpCall& c) { return at::minimum(c.in(0), c.in(1)); }},
      {"gt", [](const OpCall& c) { return cmp(c.in(0) > c.in(1), c.in(0)); }},
      {"ge", [](const OpCall& c) { return cmp(c.in(0) >= c.in(1), c.in(0)); }},
      {"lt", [](const OpCall& c) { return cmp(c.in(0) < c.in(1), c.in(0)); }},
      {"le", [](const OpCall& c) { return cmp(c.in(0) <= c.in(1), c.in(0)); }},
      // condition, then, otherwise
      {"where", [](const OpCall& c) { return at::where(c.in(0) != 0, c.in(1), c.in(2)); }},
  });
  return table;
}

}  // namespace langevin
