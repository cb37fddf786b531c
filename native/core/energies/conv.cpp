// conv: E(x) = net(x), a convolutional network of images whose output is one number.
#include "networks/registry.hpp"
#include "program/builder.hpp"

namespace langevin {

AddNetwork addConv;

Program lowerConv(const Spec& spec) {
  Builder b("conv");
  const int x = b.input(Shape::read(spec.at("input")));
  b.setEnergy(b.withGaussianBase(addConv({b, x, spec, -1, 1, ""}), x, spec));
  return b.finish();
}

}  // namespace langevin
