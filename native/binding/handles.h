// NativeTensor and NativeEnergy: JavaScript objects that own a reference into the core.
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
  std::size_t tensors, tensorBytes, energies, energyBytes;
};
HandleCounts handleCounts();

Napi::Function defineTensorClass(Napi::Env env);
Napi::Function defineEnergyClass(Napi::Env env);
napi_value newTensor(Napi::Env env, const TensorRef& tensor);
napi_value newEnergy(Napi::Env env, const EnergyRef& energy);

/// One of the two is set.
struct HandleRef {
  TensorRef tensor;
  EnergyRef energy;
};
/// The handle an object is, or carries under Symbol.for('langevin.handle'); nothing for other objects.
/// ERR_LANGEVIN_DISPOSED naming `path` when it has been disposed.
std::optional<HandleRef> handleIn(Napi::Env env, napi_value object, const std::string& path);

/// Keeps energies for one job: while it lives, requireFree() refuses them.
class ExclusiveHold {
 public:
  ExclusiveHold() = default;
  /// ERR_LANGEVIN_BUSY when one of them is held already.
  explicit ExclusiveHold(std::vector<EnergyRef> energies);
  ExclusiveHold(ExclusiveHold&& other) noexcept;
  ExclusiveHold& operator=(ExclusiveHold&& other) noexcept;
  ~ExclusiveHold();

 private:
  void release() noexcept;
  std::vector<EnergyRef> energies_;
};

/// ERR_LANGEVIN_BUSY when a job has one of the energies for itself.
void requireFree(const std::vector<EnergyRef>& energies);

}  // namespace langevin::binding
