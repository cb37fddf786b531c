// From the spec of an energy to its program.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"
#include "program/program.hpp"

namespace langevin {

/// Lowers a spec by its kind (energies/<kind>.cpp). @throws Error at the option that is wrong
Program lower(const Spec& spec);
/// Every kind there is, in the order of registry.cpp.
std::vector<std::string> energyKinds();

}  // namespace langevin
