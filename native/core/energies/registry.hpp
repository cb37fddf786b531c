// kind -> how a spec of that kind is lowered. A new architecture is one file and one line here.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"
#include "program/program.hpp"

namespace langevin {

using LowerEnergy = Program (*)(const Spec&);

Program lower(const Spec& spec);
std::vector<std::string> energyKinds();

// One declaration an architecture, each defined in energies/<kind>.cpp.
Program lowerMlp(const Spec& spec);
Program lowerSequential(const Spec& spec);
Program lowerConditional(const Spec& spec);
Program lowerClassifier(const Spec& spec);
Program lowerRegressor(const Spec& spec);
Program lowerTwoTower(const Spec& spec);
Program lowerMixtureDensity(const Spec& spec);
Program lowerGaussian(const Spec& spec);
Program lowerGaussianMixture(const Spec& spec);
Program lowerDoubleWell(const Spec& spec);
Program lowerRosenbrock(const Spec& spec);
Program lowerRastrigin(const Spec& spec);
Program lowerAckley(const Spec& spec);
Program lowerFunnel(const Spec& spec);
Program lowerExpression(const Spec& spec);
Program lowerRbm(const Spec& spec);
Program lowerIsing(const Spec& spec);
Program lowerPotts(const Spec& spec);

}  // namespace langevin
