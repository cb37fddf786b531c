// Refusals of energies whose states do not suit what is asked of them.
#pragma once

#include <string>

#include "program/program.hpp"

namespace langevin {

/// ERR_LANGEVIN_UNSUPPORTED when E is over discrete states, where derivatives in x, densities and perturbed rows mean
/// nothing: "<what>, and this <kind> energy is over <states>: use <instead>".
void requireReal(const Program& program, const std::string& what, const std::string& instead);

/// The same when E is over real columns.
void requireDiscrete(const Program& program, const std::string& what, const std::string& instead);

/// The same of a density over such states, `kind` in the messages.
void requireReal(const States& states, const std::string& kind, const std::string& what, const std::string& instead);
void requireDiscrete(const States& states, const std::string& kind, const std::string& what,
                     const std::string& instead);

}  // namespace langevin
