// Which instruction set the tile kernels take.
#pragma once

#include <string>
#include <vector>

#include "kernels/tile_kernels.hpp"

namespace langevin {

/// The table `wish` names (LANGEVIN_ISA), the last of `runnable` when it is empty. ERR_LANGEVIN_INVALID_OPTION
/// for a name that is no instruction set, ERR_LANGEVIN_UNSUPPORTED for one that is not among `runnable`; both
/// list the values.
const TileKernels& chooseTileKernels(const std::string& wish, const std::vector<const TileKernels*>& runnable);

}  // namespace langevin
