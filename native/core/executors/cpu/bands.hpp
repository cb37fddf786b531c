// Square matrices that are 0 beyond a few diagonals: a lattice, independent columns, a factor of such a matrix.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "executors/cpu/tile_program.hpp"

namespace langevin {

// Cuts the columns where a diagonal begins or ends: in between, those that lie within the matrix are neighbours in the list.
template <class T>
void cutBands(std::int64_t d, TileWeightsOf<T>& weights) {
  std::vector<std::int64_t> borders{0, d};
  for (const std::int64_t o : weights.diagonals) borders.push_back(o < 0 ? -o : d - o);
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  const auto& all = weights.diagonals;
  weights.segments.clear();
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
    const std::int64_t first = borders[i];
    const auto from = std::lower_bound(all.begin(), all.end(), -first) - all.begin();
    const auto to = std::lower_bound(all.begin(), all.end(), d - first) - all.begin();
    weights.segments.push_back({first, borders[i + 1], from, to});
  }
}

// The diagonals of s [d, d] that are not 0, where a product with them costs less than one with all numbers; false where it
// does not. The result is for y[i] = sum_j s[i][j] x[j].
template <class T>
bool packDiagonals(const T* s, std::int64_t d, TileWeightsOf<T>& weights) {
  std::vector<char> present(static_cast<std::size_t>(2 * d - 1), 0);
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t j = 0; j < d; ++j) present[static_cast<std::size_t>(j - i + d - 1)] |= s[i * d + j] != T(0);
  weights.diagonals.clear();
  for (std::int64_t o = 1 - d; o < d; ++o)
    if (present[static_cast<std::size_t>(o + d - 1)]) weights.diagonals.push_back(o);
  // A packed product reads a number once for a dozen rows.
  constexpr std::int64_t kShare = 16;
  const auto count = static_cast<std::int64_t>(weights.diagonals.size());
  if (count == 0 || count * kShare > d) {
    weights.diagonals.clear();
    return false;
  }
  weights.columns.assign(static_cast<std::size_t>(count * d), T(0));
  T* out = weights.columns.data();
  for (std::int64_t o : weights.diagonals) {
    for (std::int64_t i = std::max<std::int64_t>(0, -o); i < std::min(d, d - o); ++i) out[i] = s[i * d + i + o];
    out += d;
  }
  cutBands(d, weights);
  return true;
}

}  // namespace langevin
