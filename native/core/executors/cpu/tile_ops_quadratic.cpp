// Quadratic forms and squared distances of the tile executor.
#include <vector>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

// z = x - m in scratch
template <class T>
const T* centred(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0);
  const T *x = c.in(0), *m = c.in(1);
  T* z = c.scratch(static_cast<std::size_t>(c.rows() * d), 0);
  for (std::int64_t r = 0; r < c.rows(); ++r)
    for (std::int64_t i = 0; i < d; ++i) z[r * d + i] = x[r * d + i] - m[i];
  return z;
}

// (x - m)' P (x - m) / 2 = z' S z / 2 with S = (P + P') / 2: one product. S z is the gradient as well, and kept.
template <class T>
void quadraticForward(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0);
  const T* z = centred(c);
  ProductOf<T> p{.rows = c.rows(), .cols = d, .depth = d, .a = z, .lda = d};
  p.packed = c.weightsOf(2).forward.data();
  p.c = c.kept();
  c.k.multiply(p);
  for (std::int64_t r = 0; r < c.rows(); ++r) c.k.dotRows(z + r * d, c.kept() + r * d, T(0), c.out() + r, 1, d);
  c.k.scale(T(0.5), T(0), c.out(), c.out(), c.rows());
}

// sum_r g z z' / 2 for P
template <class T>
void quadraticMatrixBackward(TileCallOf<T>& c, const T* g) {
  const std::int64_t d = c.inWidth(0), n = c.rows();
  const T* z = centred(c);
  T* weighted = c.scratch(static_cast<std::size_t>(n * d), 1);
  for (std::int64_t r = 0; r < n; ++r) c.k.scale(T(0.5) * g[r], T(0), z + r * d, weighted + r * d, d);
  ProductOf<T> p{.rows = d, .cols = d, .depth = n, .a = weighted, .lda = d};
  p.turned = true;
  p.b = {z, d, 1};
  p.panel = c.scratch(static_cast<std::size_t>(c.k.packedFloats(n, 1)), 2);
  p.c = c.adjointOf(2);
  p.add = c.adds(2);
  c.k.multiply(p);
}

template <class T>
void quadraticBackward(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0), n = c.rows();
  const T *g = c.adjoint(), *slope = c.kept();
  if (c.wants(0)) {
    T* t = c.adjointOf(0);
    for (std::int64_t r = 0; r < n; ++r) {
      if (c.adds(0))
        c.k.axpy(g[r], slope + r * d, t + r * d, d);
      else
        c.k.scale(g[r], T(0), slope + r * d, t + r * d, d);
    }
  }
  if (c.wants(1)) {
    T* sum = c.scratch(static_cast<std::size_t>(d), 1);
    std::fill_n(sum, d, T(0));
    c.k.weightedSum(g, slope, sum, n, d);
    c.k.axpy(T(-1), sum, c.addableAdjoint(1), d);
  }
  if (c.wants(2)) quadraticMatrixBackward(c, g);
}

template <class T>
DistancesOf<T> distancesOf(TileCallOf<T>& c) {
  const std::vector<double>& numbers = c.node().numbers;
  T* scales = c.scratch(numbers.size(), 0);
  std::transform(numbers.begin(), numbers.end(), scales, [](double s) { return static_cast<T>(s); });
  DistancesOf<T> d{.rows = c.rows(), .cols = c.inWidth(0), .count = c.width()};
  d.x = c.in(0);
  d.centres = c.constant(0);
  d.packed = c.packedConstant(0);
  d.scales = scales;
  return d;
}
template <class T>
void distancesForward(TileCallOf<T>& c) {
  c.k.distances(distancesOf(c), c.out());
}
template <class T>
void distancesBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.k.distanceSlopes(distancesOf(c), c.adjoint(), c.adjointOf(0), c.adds(0));
}

}  // namespace

template <class T>
const std::vector<TileOpOf<T>>& quadraticTileOps() {
  static const std::vector<TileOpOf<T>> table = {
      {"quadratic", quadraticForward<T>, quadraticBackward<T>, TileKeep::InputWidth},
      {"distances", distancesForward<T>, distancesBackward<T>},
  };
  return table;
}

template const std::vector<TileOpOf<float>>& quadraticTileOps();
template const std::vector<TileOpOf<double>>& quadraticTileOps();

}  // namespace langevin
