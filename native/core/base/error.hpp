// Coded errors. The code is stable and reaches the user unchanged as `ERR_LANGEVIN_<CODE>`.
#pragma once

#include <stdexcept>
#include <string>

#include "base/value.hpp"

namespace langevin {

enum class Code {
  InvalidOption,
  Shape,
  Dtype,
  NonFinite,
  Disposed,
  Busy,
  Device,
  OutOfMemory,
  Format,
  Io,
  Diverged,
  Unsupported,
  Internal,
  Aborted,
};

const char* codeName(Code code);  // "ERR_LANGEVIN_SHAPE", ...

/// what() is written for the user: what happened, where, what to do. Numbers a program may want are in `details`.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message, Map details = {})
      : std::runtime_error(message), code(code), details(std::move(details)) {}
  Code code;
  Map details;
};

/// Builds the message from pieces: fail(Code::Shape, "rows have ", 3, " columns, the energy takes ", 2).
template <class... Parts>
[[noreturn]] void fail(Code code, const Parts&... parts);

}  // namespace langevin

#include <sstream>

namespace langevin {
#ifndef __cpp_exceptions
/// Where C++ has no exceptions (WebAssembly), the host throws one of its own.
[[noreturn]] void raise(Code code, const std::string& message);
#endif
template <class... Parts>
[[noreturn]] void fail(Code code, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
#ifdef __cpp_exceptions
  throw Error(code, text.str());
#else
  raise(code, text.str());
#endif
}
}  // namespace langevin
