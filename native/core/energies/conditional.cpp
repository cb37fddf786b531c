// conditional: E(x, y) = net([x, y]) for a continuous y of `condition` columns, or net([x, embedding(y)]) for
// a class y.
#include "networks/layers.hpp"
#include "networks/registry.hpp"
#include "program/builder.hpp"

namespace langevin {

Program lowerConditional(const Spec& spec) {
  Builder b("conditional");
  const int x = b.flatten(b.input(Shape::read(spec.at("input"))));
  requireOneCondition(spec);
  int y = 0;
  if (spec.has("condition")) {
    y = b.continuousCondition(spec.count("condition"));
  } else {
    const std::int64_t classes = spec.count("classes");
    y = b.embedding(b.classCondition(classes), "embedding", classes, spec.count("embedding", 1, 16));
  }
  const int out = headNetwork(b, b.concat({x, y}), spec, 1, "net.");
  b.setEnergy(b.withGaussianBase(out, x, spec));
  return b.finish();
}

}  // namespace langevin
