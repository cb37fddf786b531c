// kind -> method of inference. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "inference/inference.hpp"

namespace langevin {

using MakeInferenceMethod = std::unique_ptr<InferenceMethod>(const Spec&, const Condition&);
MakeInferenceMethod makeExhaustive, makeGradientDescent, makeCoordinateSearch, makeDerivativeFree,
    makeLangevinInference;

namespace {

const Registry<MakeInferenceMethod*>& inferenceRegistry() {
  static const Registry<MakeInferenceMethod*> registry = {
      "inference",
      {
          {"exhaustive", makeExhaustive},
          {"gradientDescent", makeGradientDescent},
          {"coordinateSearch", makeCoordinateSearch},
          {"derivativeFree", makeDerivativeFree},
          {"langevin", makeLangevinInference},
      },
  };
  return registry;
}

}  // namespace

std::unique_ptr<InferenceMethod> makeInferenceMethod(const Spec& spec, const Condition& condition) {
  if (condition.kind == Condition::Kind::None)
    fail(Code::Unsupported,
         "infer looks for the y of an energy E(x, y) (twoTower, conditional, classifier); this one "
         "has no y");
  return inferenceRegistry().find(spec)(spec, condition);
}

}  // namespace langevin
