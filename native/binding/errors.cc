#include "errors.h"

#include <new>

#include "convert.h"

namespace langevin::binding {

Failure currentFailure() noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      return {codeName(error.code), error.what(), error.details};
    } catch (const std::bad_alloc&) {
      return {codeName(Code::OutOfMemory), "there is not enough memory for this request", {}};
    } catch (const std::exception& error) {
      return {codeName(Code::Internal), std::string("the addon failed: ") + error.what(), {}};
    } catch (...) {
      return {codeName(Code::Internal), "the addon failed with an unknown exception", {}};
    }
  } catch (...) {
    // No memory even for the message.
    return {};
  }
}

Napi::Value toErrorValue(Napi::Env env, const Failure& failure) {
  const std::string code = failure.code.empty() ? codeName(Code::OutOfMemory) : failure.code;
  const Napi::Error error = Napi::Error::New(env, failure.message.empty() ? "out of memory" : failure.message);
  error.Set("code", Napi::String::New(env, code));
  error.Set("details", Napi::Value(env, toJs(env, Value(failure.details))));
  return error.Value();
}

}  // namespace langevin::binding
