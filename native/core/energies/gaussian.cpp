// gaussian: E(x) = (x - m)' P (x - m) / 2, without the normalising constant.
#include "program/builder.hpp"
#include "tensors/matrix.hpp"

namespace langevin {

Program lowerGaussian(const Spec& spec) {
  Builder b("gaussian");
  const at::Tensor mean = vectorOf(spec.at("mean"));
  const at::Tensor precision = symmetricOf(spec.at("precision"), mean.size(0));
  const bool learnable = spec.boolean("learnable", false);
  const int x = b.input(mean.size(0));
  const int m = b.parameterValue("mean", mean, learnable);
  const int p = b.parameterValue("precision", precision, learnable);
  b.setEnergy(b.apply("quadratic", {x, m, p}, 1));
  return b.finish();
}

}  // namespace langevin
