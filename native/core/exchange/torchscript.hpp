// TorchScript files (torch.jit): written from a network, and read as an energy.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "energies/energy.hpp"

namespace langevin {

/// A module with these methods (TorchScript source), the network's parameters and buffers under their state-dict names
/// ("0.weight" is `weight` of a submodule "0"), and the constants as attributes, which are in no state dict. The bytes of
/// its file, uint8 [n].
at::Tensor torchScriptBytes(const Network& network, const std::string& methods,
                            const std::vector<std::pair<std::string, at::Tensor>>& constants);

/// The energy that a module forward(x) -> [n] or [n, 1] of a file is: rows [n, ...input] in its dtype, which is that of
/// its parameters (float32 where it has none) unless given. Its parameters are not langevin's: they are not trained and
/// not saved. The file is code, and runs: whoever calls this has asked for it. ERR_LANGEVIN_FORMAT for a file that is no
/// such module, one whose forward fails or gives another shape, and one whose rows depend on each other.
std::shared_ptr<Energy> torchScriptEnergy(const std::string& path, const Shape& input,
                                          std::optional<at::ScalarType> dtype, at::Device device);

/// Another energy of the same module, which never changes.
std::shared_ptr<Energy> copyTorchScriptEnergy(const Network& network);

}  // namespace langevin
