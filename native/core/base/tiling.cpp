// How rows are cut into tiles.
#include <algorithm>
#include <cmath>

#include "base/threads.hpp"

namespace langevin {

std::int64_t smallestTile(double workPerRow, std::int64_t usual) {
  constexpr double kUsualWork = 78125;  // of a row: 1e7 multiply-adds in a tile of 128
  constexpr std::int64_t kFewest = 32;
  if (!(workPerRow > kUsualWork)) return usual;
  const auto rows = static_cast<std::int64_t>(std::ceil(static_cast<double>(usual) * kUsualWork / workPerRow));
  return std::max(rows, std::min(kFewest, usual));
}

Tiling::Tiling(std::int64_t rows, std::int64_t smallest) : rows_(rows) {
  size_ = std::clamp<std::int64_t>((rows + 15) / 16, smallest, 4096);
  count_ = (rows + size_ - 1) / size_;
}

TileRange Tiling::range(std::int64_t index) const { return {index * size_, std::min(rows_, (index + 1) * size_)}; }

}  // namespace langevin
