// Ladders of levels: noise levels, temperatures.
#pragma once

#include <vector>

#include "base/spec.hpp"

namespace langevin {

/// { from, to, levels } spaced geometrically, or the numbers of a list; all above 0, rising or falling strictly.
std::vector<double> risingLadder(const Spec& spec);
std::vector<double> fallingLadder(const Spec& spec);

}  // namespace langevin
