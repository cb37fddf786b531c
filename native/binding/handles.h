// NativeTensor and NativeNetwork: JavaScript objects that own a reference into the core.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api.hpp"
#include "napi_setup.h"

namespace langevin::binding {

/// Process-wide counts of live, undisposed handles.
struct HandleCounts {
  std::size_t tensors, tensorBytes, networks, networkBytes;
};
HandleCounts handleCounts();

Napi::Function defineTensorClass(Napi::Env env);
Napi::Function defineNetworkClass(Napi::Env env);
napi_value newTensor(Napi::Env env, const TensorRef& tensor);
napi_value newNetwork(Napi::Env env, const NetworkRef& network);

/// One of the two is set.
struct HandleRef {
  TensorRef tensor;
  NetworkRef network;
};
/// The handle an object is, or carries under Symbol.for('langevin.handle'); nothing for other objects.
/// ERR_LANGEVIN_DISPOSED naming `path` when it has been disposed.
std::optional<HandleRef> handleIn(Napi::Env env, napi_value object, const std::string& path);

/// Keeps networks (energies among them) for one job: while it lives, requireFree() refuses them.
class ExclusiveHold {
 public:
  ExclusiveHold() = default;
  /// ERR_LANGEVIN_BUSY when one of them is held already.
  explicit ExclusiveHold(std::vector<NetworkRef> networks);
  ExclusiveHold(ExclusiveHold&& other) noexcept;
  ExclusiveHold& operator=(ExclusiveHold&& other) noexcept;
  ~ExclusiveHold();

 private:
  void release() noexcept;
  std::vector<NetworkRef> networks_;
};

/// Marks networks whose parameters a job is going to change: while it lives, requireSettled() refuses them.
class WriteHold {
 public:
  WriteHold() = default;
  explicit WriteHold(std::vector<NetworkRef> networks);
  WriteHold(WriteHold&& other) noexcept;
  WriteHold& operator=(WriteHold&& other) noexcept;
  ~WriteHold();

 private:
  void release() noexcept;
  std::vector<NetworkRef> networks_;
};

/// ERR_LANGEVIN_BUSY when a job has one of them for itself.
void requireFree(const std::vector<NetworkRef>& networks);
/// The same, and when a job is going to change one of them: for who reads on the JavaScript thread.
void requireSettled(const std::vector<NetworkRef>& networks);

}  // namespace langevin::binding
