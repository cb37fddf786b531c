// The tables of functions of this module, joined in functions.cpp.
#pragma once

#include <vector>

#include "base/function.hpp"

namespace langevin {

const std::vector<Function>& graphDataFunctions();    // graphs, their features and labels

}  // namespace langevin
