// Squared distances of the tile executor. Many of them in wide rows are products: with rows and centres taken about the mean of
// the centres, |x - m|^2 = |x|^2 - 2 x . m + |m|^2. Where the three cancel, so that digits would be missing, that
// distance and its share of the gradient are computed as differences.
#include <cstring>
#include <vector>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

template <class T>
T* numbersOf(int slot, std::int64_t count) {
  thread_local std::vector<T> memory[5];
  auto& m = memory[slot];
  if (m.size() < static_cast<std::size_t>(count)) m.resize(static_cast<std::size_t>(count));
  return m.data();
}
// Sums of squares so many times a distance cost it three bits.
constexpr double kMostCancelled = 8;

enum Slot { Scales, Centred, Squares, Factors, Sums };

template <class T>
const T* scalesOf(TileCallOf<T>& c) {
  const std::vector<double>& numbers = c.node().numbers;
  T* scales = numbersOf<T>(Scales, static_cast<std::int64_t>(numbers.size()));
  std::transform(numbers.begin(), numbers.end(), scales, [](double s) { return static_cast<T>(s); });
  return scales;
}

template <class T>
DistancesOf<T> differencesOf(TileCallOf<T>& c) {
  DistancesOf<T> d{.rows = c.rows(), .cols = c.inWidth(0), .count = c.width()};
  d.x = c.in(0);
  d.centres = c.constant(0);
  d.packed = c.packedConstant(0);
  d.scales = scalesOf(c);
  return d;
}

// Rows about the mean of the centres, and what their distances are settled with.
template <class T>
SettledDistancesOf<T> settled(TileCallOf<T>& c, T*& centred) {
  const std::int64_t n = c.rows(), d = c.inWidth(0);
  const TileCentresOf<T>& centres = *c.centres();
  centred = numbersOf<T>(Centred, n * d);
  T* squares = numbersOf<T>(Squares, n);
  c.k.subtractRow(c.in(0), centres.mean.data(), centred, n, d);
  c.k.rowDots(centred, centred, squares, n, d, false);
  return {n, c.width(), squares, centres.squares.data(), scalesOf(c), T(kMostCancelled)};
}

template <class T>
T difference(const T* x, const T* m, T scale, std::int64_t d) {
  T sum = 0;
  for (std::int64_t j = 0; j < d; ++j) sum += (x[j] - m[j]) * scale * ((x[j] - m[j]) * scale);
  return sum;
}

// Calls f(row, centre) for the distances that are computed as differences. Rows without one are marked with 0.
template <class T, class F>
void eachClose(TileCallOf<T>& c, const SettledDistancesOf<T>& s, F f) {
  for (std::int64_t r = 0; r < s.rows; ++r) {
    if (c.kept()[2 * r] == 0) continue;
    for (std::int64_t k = 0; k < s.count; ++k) {
      const T square = c.out()[r * s.count + k], scale = s.scales[k] * s.scales[k];
      if (!(square * s.most >= (s.xx[r] + s.mm[k]) * scale)) f(r, k);
    }
  }
}

template <class T>
void distancesForward(TileCallOf<T>& c) {
  if (!c.centres()) return c.k.distances(differencesOf(c), c.out());
  const std::int64_t d = c.inWidth(0), count = c.width();
  T* centred = nullptr;
  const SettledDistancesOf<T> s = settled(c, centred);
  ProductOf<T> p{.rows = c.rows(), .cols = count, .depth = d, .a = centred, .lda = d};
  p.packed = c.centres()->forward.data();
  p.bias = s.mm;
  p.c = c.out();
  c.k.multiply(p);
  thread_local std::vector<std::uint8_t> close;
  close.resize(static_cast<std::size_t>(c.rows()));
  c.k.distancesOfProducts(s, c.out(), close.data());
  for (std::int64_t r = 0; r < c.rows(); ++r) c.kept()[2 * r] = close[static_cast<std::size_t>(r)];
  const T *x = c.in(0), *m = c.constant(0);
  eachClose(c, s, [&](std::int64_t r, std::int64_t k) {
    c.out()[r * count + k] = difference(x + r * d, m + k * d, s.scales[k], d);
  });
}

template <class T>
void distancesBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  if (!c.centres()) return c.k.distanceSlopes(differencesOf(c), c.adjoint(), c.adjointOf(0), c.adds(0));
  const std::int64_t n = c.rows(), d = c.inWidth(0), count = c.width();
  T* centred = nullptr;
  const SettledDistancesOf<T> s = settled(c, centred);
  T *g = numbersOf<T>(Factors, n * count), *sums = numbersOf<T>(Sums, n), *out = c.adjointOf(0);
  std::memcpy(g, c.adjoint(), sizeof(T) * static_cast<std::size_t>(n * count));
  eachClose(c, s, [&](std::int64_t r, std::int64_t k) { g[r * count + k] = 0; });
  c.k.distanceFactors(s, g, g, sums);
  ProductOf<T> p{.rows = n, .cols = d, .depth = count, .a = g, .lda = count};
  p.packed = c.centres()->backward.data();
  p.c = out;
  p.add = c.adds(0);
  c.k.multiply(p);
  c.k.scaleRows(T(1), sums, centred, out, n, d, true);
  const T *x = c.in(0), *m = c.constant(0);
  eachClose(c, s, [&](std::int64_t r, std::int64_t k) {
    const T factor = 2 * c.adjoint()[r * count + k] * s.scales[k] * s.scales[k];
    for (std::int64_t j = 0; j < d; ++j) out[r * d + j] += factor * (x[r * d + j] - m[k * d + j]);
  });
}

}  // namespace

template <class T>
const std::vector<TileOpOf<T>>& distanceTileOps() {
  static const std::vector<TileOpOf<T>> table = {
      {"distances", distancesForward<T>, distancesBackward<T>, TileKeep::TwoNumbers},
  };
  return table;
}

template const std::vector<TileOpOf<float>>& distanceTileOps();
template const std::vector<TileOpOf<double>>& distanceTileOps();

}  // namespace langevin
