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
      {"rbm", lowerRbm},
      {"ising", lowerIsing},
      {"potts", lowerPotts},
  };
  return rows;
}

}  // namespace

Program lower(const Spec& spec) {
  Program program = findKind(table(), spec, "energy").make(spec);
  if (const auto states = spec.find("states")) {
    program.states = States::read(*states);
    if (program.inputWidth % program.states.siteWidth() != 0)
      states->invalid("x has " + std::to_string(program.inputWidth) +
                      " columns, which cannot be divided into blocks of " + std::to_string(program.states.levels) +
                      " levels");
  }
  return program;
}

std::vector<std::string> energyKinds() { return kindsOf(table()); }

}  // namespace langevin
