// C++ exceptions to JavaScript errors with `code` and `details`. Nothing else may cross the boundary.
#pragma once

#include <exception>

#include "base/error.hpp"
#include "napi_setup.h"

namespace langevin::binding {

/// A copy of an exception that can travel to the JavaScript thread.
struct Failure {
  std::string code;
  std::string message;
  Map details;
};

/// What the exception in flight says; for use inside a catch block.
Failure currentFailure() noexcept;

/// A JavaScript Error with code and details.
Napi::Value toErrorValue(Napi::Env env, const Failure& failure);

/// Runs `body` and turns any C++ exception into a JavaScript one. Napi::Error passes through unchanged.
template <class Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw Napi::Error(env, toErrorValue(env, currentFailure()));
  }
}

}  // namespace langevin::binding
