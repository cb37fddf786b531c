// Obeys the instruction list once: E and dE/dx of the tile's chains.
#pragma once

#include "executors/cuda/elementwise.hpp"
#include "executors/cuda/product.hpp"
#include "executors/cuda/rows.hpp"

namespace langevin::cuda {

template <class Lanes>
LANGEVIN_HD void evaluateTile(const Tile<Lanes>& tile) {
  LANGEVIN_ROLLED
  for (int i = 0; i < tile.launch.count; ++i) {
    const Instruction& in = tile.launch.list[i];
    if (in.operation == Operation::Product) {
      product(tile, in);
      continue;
    }
    if (!elementwise(tile, in)) rowwise(tile, in);
    tile.lanes.syncRow();
  }
}

}  // namespace langevin::cuda
