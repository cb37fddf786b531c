// classifier: logits f(x) read as energies, E(x) = -logsumexp f(x) and E(x, y) = -f(x)[y] (Grathwohl et al. 2020, eq. 5
// and 6), so p(y | x) = softmax f(x). The Gaussian base term is added to both and leaves p(y | x) as it is.
#include "networks/registry.hpp"
#include "program/builder.hpp"

namespace langevin {

Program lowerClassifier(const Spec& spec) {
  Builder b("classifier");
  const int x = b.input(Shape::read(spec.at("input")));
  const std::int64_t classes = spec.count("classes", 2);
  const int logits = headNetwork(b, x, spec, classes, "");
  const int energy = b.apply("neg", {b.apply("logsumexp", {logits}, 1)}, 1);
  b.setOutputs(logits);
  b.setEnergy(b.withGaussianBase(energy, x, spec));
  // What needs y comes last: without y the evaluation stops before it.
  const int label = b.classCondition(classes, true);
  const int joint = b.apply("neg", {b.apply("gather", {logits, label}, 1)}, 1);
  b.setJointEnergy(b.withGaussianBase(joint, x, spec));
  return b.finish();
}

}  // namespace langevin
