// A regular grid over a box of one to three axes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

/// A box cut into equal cells: low, high and number of cells for each of 1 to 3 axes.
struct Grid {
  std::vector<double> low, high;
  std::vector<std::int64_t> cells;

  /// { low, high, cells }: numbers, or lists with one entry per axis. `dimension` axes; default cells by dimension.
  static Grid read(const Spec& spec, std::int64_t dimension);
  std::int64_t dimension() const { return static_cast<std::int64_t>(low.size()); }
  std::int64_t size() const;
  double logCellVolume() const;
  Grid refined(std::int64_t factor) const;
  /// Centres of cells first .. last - 1 in row-major order (the last axis runs fastest), float64 [last - first, d].
  at::Tensor centres(std::int64_t first, std::int64_t last) const;
  /// Whether cell `index` touches the border of the box.
  bool onBorder(std::int64_t index) const;
};

}  // namespace langevin
