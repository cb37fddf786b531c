// A program without Torch, of one with it.
#pragma once

#include "base/value.hpp"
#include "program/plain_program.hpp"
#include "program/program.hpp"

namespace langevin {

PlainProgram plain(const Program& program);
std::vector<PlainNode> plainNodes(const Program& program);
/// Each as a map of its members.
List described(const std::vector<PlainNode>& nodes);

}  // namespace langevin
