// Reading the tensors of a checkpoint by name.
#pragma once

#include <map>
#include <string>

#include "base/error.hpp"
#include "base/torch.hpp"

namespace langevin {

using SavedTensors = std::map<std::string, at::Tensor>;

/// The tensor of that name; ERR_LANGEVIN_FORMAT when the checkpoint lacks it.
inline at::Tensor savedTensor(const SavedTensors& state, const std::string& name) {
  const auto it = state.find(name);
  if (it == state.end())
    throw Error(Code::Format, "the checkpoint has no tensor '" + name + "'; it was written by another kind of run",
                {{"tensor", name}});
  return it->second;
}

/// The entries below `prefix`, without it.
inline SavedTensors savedBelow(const SavedTensors& state, const std::string& prefix) {
  SavedTensors result;
  for (const auto& [name, tensor] : state)
    if (name.rfind(prefix, 0) == 0) result.emplace(name.substr(prefix.size()), tensor);
  return result;
}

}  // namespace langevin
