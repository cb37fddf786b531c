// Spectral normalisation in the tile executor: the factor c / s of a layer, s = u' W v.
#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

template <class T>
T norm(TileCallOf<T>& c) {
  const T *w = c.parameter(0), *u = c.parameter(1), *v = c.parameter(2);
  const std::int64_t rows = c.parameterInfo(1).count, cols = c.parameterInfo(2).count;
  // Every block of rows computes it again, so row by row, which the kernels do fast: u' W first.
  T* t = c.scratch(static_cast<std::size_t>(cols), 0);
  std::fill_n(t, cols, T(0));
  for (std::int64_t i = 0; i < rows; ++i) c.k.axpy(u[i], w + i * cols, t, cols);
  double s = 0;
  for (std::int64_t j = 0; j < cols; ++j) s += static_cast<double>(t[j]) * v[j];
  return static_cast<T>(s);
}

template <class T>
void spectralForward(TileCallOf<T>& c) {
  c.out()[0] = static_cast<T>(c.node().numbers[0]) / norm(c);
}

// d(c / s) / dW = -(c / s)^2 / c  u v'.
template <class T>
void spectralBackward(TileCallOf<T>& c) {
  T* g = c.parameterGradient(0);
  if (!g) return;
  const T *u = c.parameter(1), *v = c.parameter(2), scale = c.out()[0];
  const T factor = -c.adjoint()[0] * scale * scale / static_cast<T>(c.node().numbers[0]);
  const std::int64_t rows = c.parameterInfo(1).count, cols = c.parameterInfo(2).count;
  for (std::int64_t i = 0; i < rows; ++i) c.k.axpy(factor * u[i], v, g + i * cols, cols);
}

}  // namespace

template <class T>
const std::vector<TileOpOf<T>>& spectralTileOps() {
  static const std::vector<TileOpOf<T>> table = {{"spectralScale", spectralForward, spectralBackward}};
  return table;
}

template const std::vector<TileOpOf<float>>& spectralTileOps();
template const std::vector<TileOpOf<double>>& spectralTileOps();

}  // namespace langevin
