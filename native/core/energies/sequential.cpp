// sequential: any list of layers that ends in one column; the state dict of the torch.nn.Sequential with the same
// modules. A residual layer is a module whose attribute `body` is a torch.nn.Sequential.
#include "energies/bernoulli_base.hpp"
#include "networks/layers.hpp"
#include "program/builder.hpp"

namespace langevin {

Program lowerSequential(const Spec& spec) {
  Builder b("sequential");
  const Spec layers = spec.at("layers");
  const int x = b.input(Shape::read(spec.at("input")));
  const std::int64_t classes = embeddedClasses(layers);
  const int label = classes > 0 ? b.classCondition(classes) : -1;
  const int out = layerList(b, x, layers, label, "");
  if (b.shape(out) != Shape(1))
    layers.invalid("the last layer must give one column, the energy; it gives " +
                   (b.shape(out).flat() ? std::to_string(b.width(out)) : b.shape(out).text()));
  b.setEnergy(withBernoulliBase(b, b.withGaussianBase(out, x, spec), x, spec));
  return b.finish();
}

}  // namespace langevin
