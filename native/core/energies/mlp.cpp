// mlp: Linear, activation, ..., Linear; the state dict of the torch.nn.Sequential with the same modules.
#include "networks/layers.hpp"
#include "program/builder.hpp"

namespace langevin {

Program lowerMlp(const Spec& spec) {
  Builder b("mlp");
  const int x = b.input(Shape::read(spec.at("input")));
  const int scaled = spec.has("inputScale") ? b.scale(x, spec.positive("inputScale")) : x;
  const int out = hiddenStack(b, scaled, spec, 1, "");
  b.setEnergy(b.withGaussianBase(out, x, spec));
  return b.finish();
}

}  // namespace langevin
