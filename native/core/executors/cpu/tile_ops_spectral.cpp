// Spectral normalisation in the tile executor: the factor c / s of a layer, s = u' W v.
#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

float norm(TileCall& c) {
  const float *w = c.parameter(0), *u = c.parameter(1), *v = c.parameter(2);
  const std::int64_t rows = c.parameterInfo(1).count, cols = c.parameterInfo(2).count;
  // Every block of rows computes it again, so row by row, which the kernels do fast: u' W first.
  float* t = c.scratch(static_cast<std::size_t>(cols), 0);
  std::fill_n(t, cols, 0.0f);
  for (std::int64_t i = 0; i < rows; ++i) c.k.axpy(u[i], w + i * cols, t, cols);
  double s = 0;
  for (std::int64_t j = 0; j < cols; ++j) s += static_cast<double>(t[j]) * v[j];
  return static_cast<float>(s);
}

void spectralForward(TileCall& c) { c.out()[0] = static_cast<float>(c.node().numbers[0]) / norm(c); }

// d(c / s) / dW = -(c / s)^2 / c  u v'.
void spectralBackward(TileCall& c) {
  float* g = c.parameterGradient(0);
  if (!g) return;
  const float *u = c.parameter(1), *v = c.parameter(2), scale = c.out()[0];
  const float factor = -c.adjoint()[0] * scale * scale / static_cast<float>(c.node().numbers[0]);
  const std::int64_t rows = c.parameterInfo(1).count, cols = c.parameterInfo(2).count;
  for (std::int64_t i = 0; i < rows; ++i) c.k.axpy(factor * u[i], v, g + i * cols, cols);
}

}  // namespace

const std::vector<TileOp>& spectralTileOps() {
  static const std::vector<TileOp> table = {{"spectralScale", spectralForward, spectralBackward}};
  return table;
}

}  // namespace langevin
