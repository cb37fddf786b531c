#include "energies/registry.hpp"

#include "base/registry.hpp"

namespace langevin {
namespace {

const std::vector<Registered<LowerEnergy>>& table() {
  static const std::vector<Registered<LowerEnergy>> rows = {
      {"mlp", lowerMlp},
      {"sequential", lowerSequential},
      {"conditional", lowerConditional},
      {"classifier", lowerClassifier},
      {"regressor", lowerRegressor},
      {"twoTower", lowerTwoTower},
      {"mixtureDensity", lowerMixtureDensity},
      {"gaussian", lowerGaussian},
      {"gaussianMixture", lowerGaussianMixture},
      {"doubleWell", lowerDoubleWell},
      {"rosenbrock", lowerRosenbrock},
      {"rastrigin", lowerRastrigin},
      {"ackley", lowerAckley},
      {"funnel", lowerFunnel},
      {"expression", lowerExpression},
  };
  return rows;
}

}  // namespace

Program lower(const Spec& spec) { return findKind(table(), spec, "energy").make(spec); }

std::vector<std::string> energyKinds() { return kindsOf(table()); }

}  // namespace langevin
