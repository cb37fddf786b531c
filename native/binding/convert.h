// JavaScript values to the core's value tree and back.
#pragma once

#include <vector>

#include "base/value.hpp"
#include "napi_setup.h"

namespace langevin::binding {

/// An argument tree and the handles in it.
struct Arguments {
  Value value;
  std::vector<NetworkRef> networks;     // anywhere in the tree
  std::vector<NetworkRef> ownNetworks;  // the ones an exclusive job takes for itself: at its top level or in `networks`
  std::vector<TensorRef> tensors;
};

/// Plain objects, lists, numbers, bigints (0 to 2^64 - 1), text, booleans, null and handles. Undefined members vanish.
/// ERR_LANGEVIN_INVALID_OPTION with the path for functions, symbols, class instances, typed arrays, cycles and nesting
/// deeper than 64; ERR_LANGEVIN_DISPOSED for a disposed handle.
Arguments fromJs(Napi::Env env, napi_value value);

/// Maps become plain objects, handles become NativeTensor and NativeNetwork objects.
napi_value toJs(Napi::Env env, const Value& value);

}  // namespace langevin::binding
