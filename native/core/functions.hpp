// The table behind api.hpp: each room of the core lists its functions in its own functions.cpp; this file joins them.
#pragma once

#include <vector>

#include "api.hpp"
#include "base/spec.hpp"

namespace langevin {

struct Function {
  const char* name;
  Lane lane;
  Value (*body)(const Spec& arguments, Job& job);
};

const std::vector<Function>& tensorFunctions();    // base/functions.cpp
const std::vector<Function>& energyFunctions();    // energies/functions.cpp
const std::vector<Function>& samplerFunctions();   // samplers/functions.cpp
const std::vector<Function>& trainingFunctions();  // training/functions.cpp
const std::vector<Function>&
evaluationFunctions();  // evaluation/functions.cpp: metrics, partition, detectors, diagnostics
const std::vector<Function>& inferenceFunctions();  // inference/functions.cpp
const std::vector<Function>& dataFunctions();       // data/functions.cpp: toys, spandrel shapes, standardise

}  // namespace langevin
