// scalar: E(x) = net(x), any network whose output is one column; E(x, y) where the network embeds a class y.
#include "energies/bernoulli_base.hpp"
#include "networks/registry.hpp"
#include "program/builder.hpp"

namespace langevin {

Program lowerScalar(const Spec& spec) {
  Builder b("scalar");
  const Spec network = spec.at("network");
  const std::int64_t classes = networkClasses(network);
  const int x = b.input(Shape::read(spec.at("input")));
  const int label = classes > 0 ? b.classCondition(classes) : -1;
  const int out = addNetwork({b, x, network, label, 1, ""});
  b.setEnergy(withBernoulliBase(b, b.withGaussianBase(out, x, spec), x, spec));
  return b.finish();
}

}  // namespace langevin
