// Elementwise operations and comparisons. Comparisons give 0 or 1 in the model's dtype.
#include "kernels/tile_kernels.hpp"
#include "program/ops.hpp"

namespace langevin {
namespace {

at::Tensor cmp(const at::Tensor& mask, const at::Tensor& like) { return mask.to(like.scalar_type()); }

}  // namespace

const std::vector<OpDefinition>& elementwiseOperations() {
  static const std::vector<OpDefinition> table = {
      {"add", [](const OpCall& c) { return c.in(0) + c.in(1); }, {.form = OpForm::Add}},
      {"sub", [](const OpCall& c) { return c.in(0) - c.in(1); }},
      {"mul", [](const OpCall& c) { return c.in(0) * c.in(1); }},
      {"div", [](const OpCall& c) { return c.in(0) / c.in(1); }},
      {"neg", [](const OpCall& c) { return -c.in(0); }},
      // numbers: factor, shift
      {"scale",
       [](const OpCall& c) {
         const at::Tensor scaled = c.in(0) * c.node.numbers[0];
         return c.node.numbers[1] == 0.0 ? scaled : scaled + c.node.numbers[1];
       },
       {.form = OpForm::Scale}},
      {"square", [](const OpCall& c) { return c.in(0) * c.in(0); }, {.unary = Unary::Square}},
      {"sqrt", [](const OpCall& c) { return c.in(0).sqrt(); }, {.unary = Unary::Sqrt}},
      {"exp", [](const OpCall& c) { return c.in(0).exp(); }, {.unary = Unary::Exp}},
      {"log", [](const OpCall& c) { return c.in(0).log(); }, {.unary = Unary::Log}},
      {"sin", [](const OpCall& c) { return c.in(0).sin(); }, {.unary = Unary::Sin}},
      {"cos", [](const OpCall& c) { return c.in(0).cos(); }, {.unary = Unary::Cos}},
      {"abs", [](const OpCall& c) { return c.in(0).abs(); }, {.smooth = false, .unary = Unary::Abs}},
      // numbers: exponent
      {"pow", [](const OpCall& c) { return c.in(0).pow(c.node.numbers[0]); }, {.unary = Unary::Pow}},
      {"maximum", [](const OpCall& c) { return at::maximum(c.in(0), c.in(1)); }, {.smooth = false}},
      {"minimum", [](const OpCall& c) { return at::minimum(c.in(0), c.in(1)); }, {.smooth = false}},
      {"gt", [](const OpCall& c) { return cmp(c.in(0) > c.in(1), c.in(0)); }},
      {"ge", [](const OpCall& c) { return cmp(c.in(0) >= c.in(1), c.in(0)); }},
      {"lt", [](const OpCall& c) { return cmp(c.in(0) < c.in(1), c.in(0)); }},
      {"le", [](const OpCall& c) { return cmp(c.in(0) <= c.in(1), c.in(0)); }},
      // condition, then, otherwise
      {"where", [](const OpCall& c) { return at::where(c.in(0) != 0, c.in(1), c.in(2)); }},
  };
  return table;
}

}  // namespace langevin
