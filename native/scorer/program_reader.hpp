// Numbers of a program as they come from JavaScript, where every number is a double.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/error.hpp"

namespace langevin {

inline std::int64_t wholeNumber(double v, const char* what) {
  if (!(std::fabs(v) <= 9e15) || v != std::floor(v)) fail(Code::Format, "the program's ", what, " is no whole number");
  return static_cast<std::int64_t>(v);
}

/// The number of a node, parameter or constant; -1: none.
inline int indexNumber(double v, const char* what) {
  const std::int64_t i = wholeNumber(v, what);
  if (i < -1 || i > std::numeric_limits<int>::max()) fail(Code::Format, "the program's ", what, " is out of range");
  return static_cast<int>(i);
}

}  // namespace langevin
