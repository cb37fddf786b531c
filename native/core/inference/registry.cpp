#include "base/registry.hpp"

#include "inference/inference.hpp"

namespace langevin {
namespace {

using Make = std::unique_ptr<InferenceMethod> (*)(const Spec&, const Condition&);

const std::vector<Registered<Make>>& table() {
  static const std::vector<Registered<Make>> rows = {
      {"exhaustive", makeExhaustive},
      {"gradientDescent", makeGradientDescent},
      {"coordinateSearch", makeCoordinateSearch},
      {"derivativeFree", makeDerivativeFree},
      {"langevin", makeLangevinInference},
  };
  return rows;
}

}  // namespace

std::unique_ptr<InferenceMethod> makeInferenceMethod(const Spec& spec, const Condition& condition) {
  if (condition.kind == Condition::Kind::None)
    fail(Code::Unsupported,
         "infer looks for the y of an energy E(x, y) (twoTower, conditional, classifier); this one "
         "has no y");
  return findKind(table(), spec, "inference").make(spec, condition);
}

}  // namespace langevin
