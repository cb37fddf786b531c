// The tables of functions of this module, joined in functions.cpp.
#pragma once

#include <vector>

#include "base/function.hpp"

namespace langevin {

const std::vector<Function>& graphDataFunctions();    // graphs, their features and labels
const std::vector<Function>& nodeNetworkFunctions();  // networks of nodes: parameters, training, evaluation
const std::vector<Function>& splitFunctions();        // who is trained, validated and tested on
const std::vector<Function>& nodeScoreFunctions();    // GEBM and other scores of nodes
const std::vector<Function>& shiftFunctions();        // distribution shifts

}  // namespace langevin
