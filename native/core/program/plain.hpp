// A program without Torch, of one with it.
#pragma once

#include "program/plain_program.hpp"
#include "program/program.hpp"

namespace langevin {

PlainProgram plain(const Program& program);

}  // namespace langevin
