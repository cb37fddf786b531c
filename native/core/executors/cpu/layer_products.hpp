// Products with packed weights, in the precision that a pass asks for.
#pragma once

#include <type_traits>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {

/// In bfloat16 where the pass asks for it and the layer has such weights (`half` is not null).
template <class T>
void multiplyPacked(TileCallOf<T>& c, ProductOf<T>& p, const T* packed, const std::uint32_t* half) {
  if constexpr (std::is_same_v<T, float>) {
    if (c.pass.half && half) {
      p.panel = c.scratch(static_cast<std::size_t>(p.rows * ((p.depth + 1) / 2)), 2);
      return c.k.multiplyHalf(p, half);
    }
  }
  p.packed = packed;
  c.k.multiply(p);
}

}  // namespace langevin
