// How large a network may be that a file describes: its spec is a few bytes that could ask for any amount of memory.
#pragma once

#include "base/error.hpp"
#include "base/spec.hpp"
#include "program/program.hpp"

namespace langevin {

/// Fails where the parameters of a program are more numbers than `most` says there are for them, before any is allocated.
inline void requireAtMost(const Program& program, const Spec& most) {
  double numbers = 0;  // a double: sizes of a spec may multiply to more than 64 bits hold
  for (const ParameterInfo& parameter : program.parameters) {
    double product = 1;
    for (const std::int64_t size : parameter.shape) product *= static_cast<double>(size);
    numbers += product;
  }
  if (numbers > most.number())
    fail(Code::Shape, "the spec describes ", numbers, " parameters, and there are ", most.number(),
         " numbers for them");
}

}  // namespace langevin
