// JavaScript values to the core's value tree and back.
#pragma once

#include <cstddef>
#include <string>
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
/// A typed array that is an argument itself is copied and becomes a tensor [length], without a handle of its own.
/// ERR_LANGEVIN_INVALID_OPTION with the path for functions, symbols, class instances, other typed arrays, cycles and
/// nesting deeper than 64; ERR_LANGEVIN_DISPOSED for a disposed handle.
Arguments fromJs(Napi::Env env, napi_value value);

/// What becomes of tensors in a result: handles, or arrays of their numbers, laid flat (float32 and float64 on the CPU).
enum class Tensors { Handles, Numbers };

/// Maps become plain objects, handles become NativeTensor and NativeNetwork objects.
napi_value toJs(Napi::Env env, const Value& value, Tensors tensors = Tensors::Handles);

struct Bytes {
  void* data;
  std::size_t size;
};

/// A view's memory, as long as it is there and no other thread can write to it meanwhile; ERR_LANGEVIN_INVALID_OPTION
/// where that is not so.
Bytes bytesOf(Napi::Env env, const Napi::Value& view, const std::string& what);

}  // namespace langevin::binding
