// kind -> how a spec of that kind is lowered. A new one is one file, its name in the list of declarations and its row.
#include "energies/registry.hpp"

#include "base/registry.hpp"

namespace langevin {

using LowerEnergy = Program(const Spec&);
LowerEnergy lowerMlp, lowerConv, lowerSequential, lowerScalar, lowerConditional, lowerClassifier, lowerRegressor,
    lowerTwoTower, lowerMixtureDensity, lowerGaussian, lowerGaussianMixture, lowerDoubleWell, lowerRosenbrock,
    lowerRastrigin, lowerAckley, lowerFunnel, lowerExpression, lowerRbm, lowerIsing, lowerPotts;

namespace {

const Registry<LowerEnergy*>& energyRegistry() {
  static const Registry<LowerEnergy*> registry = {
      "energy",
      {
          {"mlp", lowerMlp},
          {"conv", lowerConv},
          {"sequential", lowerSequential},
          {"scalar", lowerScalar},
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
      },
  };
  return registry;
}

}  // namespace

Program lower(const Spec& spec) {
  Program program = energyRegistry().find(spec)(spec);
  if (const auto states = spec.find("states")) {
    program.domain = Domain::read(*states, program.inputWidth());
    program.domain.belongTo(program.kind);
  }
  return program;
}

std::vector<std::string> energyKinds() { return energyRegistry().kinds(); }

}  // namespace langevin
