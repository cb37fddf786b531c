// The function tables of this module.
#pragma once

#include <vector>

#include "base/function.hpp"

namespace langevin {

const std::vector<Function>& toyFunctions();
const std::vector<Function>& pictureFunctions();
const std::vector<Function>& spandrelFunctions();
const std::vector<Function>& tableFunctions();
const std::vector<Function>& fitFunctions();

}  // namespace langevin
