#include "program/domain.hpp"

#include "base/error.hpp"

namespace langevin {
namespace {

[[noreturn]] void refuse(const Program& program, const std::string& what, const std::string& instead) {
  fail(Code::Unsupported, what, ", and this ", program.kind, " energy is over ", program.states.describe(), ": use ",
       instead);
}

}  // namespace

void requireReal(const Program& program, const std::string& what, const std::string& instead) {
  if (program.states.discrete()) refuse(program, what, instead);
}

void requireDiscrete(const Program& program, const std::string& what, const std::string& instead) {
  if (!program.states.discrete())
    refuse(program, what, instead + ", or give the energy states: 'binary', 'spin' or { levels }");
}

}  // namespace langevin
