// Layers with parameters, as torch.nn defines them.
#include "program/ops.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

at::Tensor dropout(const OpCall& c) {
  const at::Tensor& x = c.in(0);
  const double p = c.node.numbers[0];
  if (!c.mode.training || p == 0.0) return x;
  // The mask depends on seed, step, layer and row alone, so it is the same at any tiling.
  const Random random = Random(c.mode.seed).fork(Salt::Layer, static_cast<std::uint64_t>(c.node.integers[0]));
  const at::Tensor keep =
      random.uniform(x.size(0), x.size(1), c.mode.step, Stream::Dropout, x.options(), c.mode.firstRow) >= p;
  return x * keep.to(x.scalar_type()) / (1.0 - p);
}

}  // namespace

const std::vector<OpDefinition>& layerOperations() {
  static const std::vector<OpDefinition> table = withTraits({
      {"linear",
       [](const OpCall& c) {
         return c.node.parameters.size() > 1 ? at::linear(c.in(0), c.parameter(0), c.parameter(1))
                                             : at::linear(c.in(0), c.parameter(0));
       }},
      // numbers: epsilon
      {"layerNorm",
       [](const OpCall& c) {
         const bool affine = !c.node.parameters.empty();
         return at::layer_norm(c.in(0), {c.node.width()}, affine ? c.parameter(0) : at::Tensor(),
                               affine ? c.parameter(1) : at::Tensor(), c.node.numbers[0]);
       }},
      {"embedding", [](const OpCall& c) { return at::embedding(c.parameter(0), c.in(0)); }},
      // numbers: p; integers: a number of its own for each dropout layer
      {"dropout", dropout},
  });
  return table;
}

}  // namespace langevin
