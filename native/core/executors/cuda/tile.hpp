// A block's view of its chains. Threads are dealt out two ways: `lanes` neighbours share one row in everything that is
// row-local (they sit in one warp), and the matrix product spreads all threads over rows and columns.
//
// `Lanes` is what a thread knows of its neighbours: thread(), sync() over the block, syncRow() over the lanes of a row,
// sumRow(), worstRow(), any(), and asynchronous copies from global to shared memory. The device has its own
// (tile_kernel.cu); the host tests have one made of threads.
#pragma once

#include "executors/cuda/functions.hpp"
#include "executors/cuda/instructions.hpp"

namespace langevin::cuda {

template <class Lanes>
struct Tile {
  const Launch& launch;
  Lanes& lanes;
  float* shared;
  int row, lane;           // row of the tile, and which of its lanes
  std::int64_t globalRow;  // clamped to the last row: surplus rows repeat it and are never stored
  bool real;               // not a surplus row
  std::int64_t label;

  LANGEVIN_HD Tile(const Launch& l, Lanes& who, float* memory, int block)
      : launch(l), lanes(who), shared(memory), row(who.thread() / l.lanes), lane(who.thread() % l.lanes) {
    const std::int64_t wanted = static_cast<std::int64_t>(block) * l.tileRows + row;
    real = wanted < l.rows;
    globalRow = real ? wanted : l.rows - 1;
    label = l.labels ? l.labels[globalRow] : 0;
  }

  LANGEVIN_HD std::uint64_t chain() const { return launch.firstChain + static_cast<std::uint64_t>(globalRow); }
  LANGEVIN_HD float* rowOf(const Operand& o) const { return shared + o.at + row * o.stride; }

  /// An operand as this row sees it. Two pointers, so that the compiler knows which memory each reads.
  struct View {
    const float* own;       // shared memory, or null
    const float* constant;  // the arena
    int step;               // 0: one column for all
    LANGEVIN_HD float at(int c) const { return own ? own[c * step] : readOnly(constant + c * step); }
  };
  LANGEVIN_HD View view(const Operand& o) const {
    return {o.stride == 0 ? nullptr : rowOf(o), launch.arena + o.at, o.width == 1 ? 0 : 1};
  }
};

}  // namespace langevin::cuda
