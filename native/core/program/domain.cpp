#include "program/domain.hpp"

#include "base/error.hpp"

namespace langevin {
namespace {

[[noreturn]] void refuse(const States& states, const std::string& kind, const std::string& what,
                         const std::string& instead) {
  fail(Code::Unsupported, what, ", and this ", kind, " energy is over ", states.describe(), ": use ", instead);
}

}  // namespace

void requireReal(const States& states, const std::string& kind, const std::string& what, const std::string& instead) {
  if (states.discrete()) refuse(states, kind, what, instead);
}

void requireDiscrete(const States& states, const std::string& kind, const std::string& what,
                     const std::string& instead) {
  if (!states.discrete())
    refuse(states, kind, what, instead + ", or give the energy states: 'binary', 'spin' or { levels }");
}

void requireReal(const Program& program, const std::string& what, const std::string& instead) {
  requireReal(program.states, program.kind, what, instead);
}

void requireDiscrete(const Program& program, const std::string& what, const std::string& instead) {
  requireDiscrete(program.states, program.kind, what, instead);
}

}  // namespace langevin
