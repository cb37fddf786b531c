// The tables of named functions of this module, joined in functions.cpp.
#pragma once

#include <vector>

#include "base/function.hpp"

namespace langevin {

const std::vector<Function>& metricsFunctions();
const std::vector<Function>& steinFunctions();
const std::vector<Function>& partitionFunctions();
const std::vector<Function>& likelihoodFunctions();
const std::vector<Function>& detectorFunctions();
const std::vector<Function>& spandrelStudyFunctions();
const std::vector<Function>& gridDensityFunctions();

}  // namespace langevin
