// Sources, reductions over columns and column selection of the tile executor.
#include <cstring>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

// Sources: nothing to compute. A parameter value hands its adjoint to the flat gradient.
template <class T>
void parameterBackward(TileCallOf<T>& c) {
  if (T* g = c.parameterGradient(0)) c.k.axpy(T(1), c.adjoint(), g, c.node().fixedCount);
}

template <class T>
std::int64_t inputRows(const TileCallOf<T>& c) {
  return c.input(0).perRow() ? c.rows() : 1;
}

template <class T>
void sumForward(TileCallOf<T>& c) {
  c.k.rowSums(c.in(0), c.out(), inputRows(c), c.inWidth(0));
}
template <class T>
void spread(TileCallOf<T>& c, T factor) {
  if (!c.wants(0)) return;
  const T* ones = nullptr;
  c.k.scaleRows(factor, c.adjoint(), ones, c.adjointOf(0), inputRows(c), c.inWidth(0), c.adds(0));
}
template <class T>
void sumBackward(TileCallOf<T>& c) {
  spread(c, T(1));
}

template <class T>
void meanForward(TileCallOf<T>& c) {
  sumForward(c);
  c.k.scale(T(1) / static_cast<T>(c.inWidth(0)), T(0), c.out(), c.out(), inputRows(c));
}
template <class T>
void meanBackward(TileCallOf<T>& c) {
  spread(c, T(1) / static_cast<T>(c.inWidth(0)));
}

// Sums of squares and of products, which are not written down on the way (joinSums() of tile_compile.cpp).
template <class T>
void squaresForward(TileCallOf<T>& c) {
  c.k.rowDots(c.in(0), c.in(0), c.out(), c.rows(), c.inWidth(0), false);
}
template <class T>
void squaresBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.k.scaleRows(T(2), c.adjoint(), c.in(0), c.adjointOf(0), c.rows(), c.inWidth(0), c.adds(0));
}

// The second may be one row for all.
template <class T>
void dotsForward(TileCallOf<T>& c) {
  if (c.input(1).perRow())
    c.k.rowDots(c.in(0), c.in(1), c.out(), c.rows(), c.inWidth(0), false);
  else
    c.k.dotRows(c.in(0), c.in(1), T(0), c.out(), c.rows(), c.inWidth(0));
}
template <class T>
void dotsBackward(TileCallOf<T>& c) {
  const std::int64_t w = c.inWidth(0);
  for (int i = 0; i < 2; ++i) {
    if (!c.wants(i)) continue;
    if (!c.input(i).perRow())
      c.k.weightedSum(c.adjoint(), c.in(0), c.addableAdjoint(i), c.rows(), w);
    else if (!c.input(1 - i).perRow())
      c.k.outer(c.adjoint(), c.in(1 - i), c.adjointOf(i), c.rows(), w, c.adds(i));
    else
      c.k.scaleRows(T(1), c.adjoint(), c.in(1 - i), c.adjointOf(i), c.rows(), w, c.adds(i));
  }
}

// |x|; the gradient at the zero row is 0.
template <class T>
void rowNormForward(TileCallOf<T>& c) {
  const std::int64_t w = c.inWidth(0), n = inputRows(c);
  const T* x = c.in(0);
  c.k.rowDots(x, x, c.out(), n, w, false);
  c.k.unary({Unary::Sqrt, T(0)}, c.out(), c.out(), nullptr, n);
}
template <class T>
void rowNormBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.inWidth(0);
  const T *x = c.in(0), *o = c.out(), *g = c.adjoint();
  T* t = c.addableAdjoint(0);
  for (std::int64_t r = 0; r < inputRows(c); ++r)
    if (o[r] != T(0)) c.k.axpy(g[r] / o[r], x + r * w, t + r * w, w);
}

template <class T>
void logsumexpForward(TileCallOf<T>& c) {
  c.k.logSumExp(c.in(0), c.out(), inputRows(c), c.inWidth(0));
}
template <class T>
void logsumexpBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.k.logSumExpSlopes(c.in(0), c.out(), c.adjoint(), c.addableAdjoint(0), inputRows(c), c.inWidth(0));
}

template <class T>
void logSoftmaxForward(TileCallOf<T>& c) {
  c.k.logSoftmax(c.in(0), c.out(), inputRows(c), c.width());
}
template <class T>
void logSoftmaxBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.k.logSoftmaxSlopes(c.out(), c.adjoint(), c.addableAdjoint(0), inputRows(c), c.width());
}

// slice and columns: which source column each column of the result is.
template <class T>
std::int64_t sourceColumn(const TileNodeOf<T>& n, std::int64_t c, bool list) {
  return list ? n.integers[static_cast<std::size_t>(c)] : n.integers[0] + c;
}
template <class T>
std::size_t bytesOf(std::int64_t numbers) {
  return sizeof(T) * static_cast<std::size_t>(numbers);
}

// Columns side by side go row by row.
template <class T>
void sliceForward(TileCallOf<T>& c) {
  const std::int64_t w = c.width(), from = c.inWidth(0);
  const T* x = c.in(0) + c.node().integers[0];
  for (std::int64_t r = 0; r < inputRows(c); ++r) std::memcpy(c.out() + r * w, x + r * from, bytesOf<T>(w));
}
template <class T>
void sliceBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.width(), from = c.inWidth(0), first = c.node().integers[0];
  const T* g = c.adjoint();
  T* t = c.adjointOf(0);
  for (std::int64_t r = 0; r < inputRows(c); ++r, g += w, t += from) {
    if (c.adds(0)) {
      c.k.axpy(T(1), g, t + first, w);
      continue;
    }
    std::fill_n(t, first, T(0));
    std::memcpy(t + first, g, bytesOf<T>(w));
    std::fill_n(t + first + w, from - first - w, T(0));
  }
}

template <class T>
void pickForward(TileCallOf<T>& c, bool list) {
  const std::int64_t w = c.width(), from = c.inWidth(0);
  if (!list && w >= kNarrowRow) return sliceForward(c);
  const T* x = c.in(0);
  T* o = c.out();
  for (std::int64_t i = 0; i < w; ++i) {
    const std::int64_t s = sourceColumn(c.node(), i, list);
    for (std::int64_t r = 0; r < inputRows(c); ++r) o[r * w + i] = x[r * from + s];
  }
}
template <class T>
void pickBackward(TileCallOf<T>& c, bool list) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.width(), from = c.inWidth(0);
  if (!list && w >= kNarrowRow) return sliceBackward(c);
  const T* g = c.adjoint();
  T* t = c.addableAdjoint(0);
  for (std::int64_t i = 0; i < w; ++i) {
    const std::int64_t s = sourceColumn(c.node(), i, list);
    for (std::int64_t r = 0; r < inputRows(c); ++r) t[r * from + s] += g[r * w + i];
  }
}

template <class T>
void concatForward(TileCallOf<T>& c) {
  const std::int64_t w = c.width(), rows = c.node().perRow() ? c.rows() : 1;
  std::int64_t offset = 0;
  for (int i = 0; i < static_cast<int>(c.node().inputs.size()); ++i) {
    const std::int64_t from = c.inWidth(i);
    const T* x = c.in(i);
    for (std::int64_t r = 0; r < rows; ++r)
      std::memcpy(c.out() + r * w + offset, c.input(i).perRow() ? x + r * from : x,
                  sizeof(T) * static_cast<std::size_t>(from));
    offset += from;
  }
}
template <class T>
void concatBackward(TileCallOf<T>& c) {
  const std::int64_t w = c.width(), rows = c.node().perRow() ? c.rows() : 1;
  std::int64_t offset = 0;
  for (int i = 0; i < static_cast<int>(c.node().inputs.size()); ++i) {
    const std::int64_t from = c.inWidth(i);
    if (c.wants(i) && c.input(i).perRow() && !c.adds(i)) {
      T* t = c.adjointOf(i);
      for (std::int64_t r = 0; r < rows; ++r) std::memcpy(t + r * from, c.adjoint() + r * w + offset, bytesOf<T>(from));
    } else if (c.wants(i)) {
      T* t = c.addableAdjoint(i);
      for (std::int64_t r = 0; r < rows; ++r)
        c.k.axpy(T(1), c.adjoint() + r * w + offset, c.input(i).perRow() ? t + r * from : t, from);
    }
    offset += from;
  }
}

template <class T>
void gatherForward(TileCallOf<T>& c) {
  const std::int64_t w = c.inWidth(0);
  for (std::int64_t r = 0; r < c.rows(); ++r) c.out()[r] = c.in(0)[r * w + c.pass.in.labels[r]];
}
template <class T>
void gatherBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.inWidth(0);
  T* t = c.addableAdjoint(0);
  for (std::int64_t r = 0; r < c.rows(); ++r) t[r * w + c.pass.in.labels[r]] += c.adjoint()[r];
}

template <class T>
void blockSumsForward(TileCallOf<T>& c) {
  const std::int64_t w = c.inWidth(0) / c.width();
  c.k.rowSums(c.in(0), c.out(), inputRows(c) * c.width(), w);
}
template <class T>
void blockSumsBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.inWidth(0) / c.width();
  const T* ones = nullptr;
  c.k.scaleRows(T(1), c.adjoint(), ones, c.adjointOf(0), inputRows(c) * c.width(), w, c.adds(0));
}

}  // namespace

template <class T>
const std::vector<TileOpOf<T>>& reductionTileOps() {
  static const std::vector<TileOpOf<T>> table = {
      {"input", nullptr, nullptr},
      {"condition", nullptr, nullptr},
      {"constant", nullptr, nullptr},
      {"parameter", nullptr, parameterBackward<T>},
      {"sum", sumForward<T>, sumBackward<T>},
      {"mean", meanForward<T>, meanBackward<T>},
      {"norm", rowNormForward<T>, rowNormBackward<T>},
      {"logsumexp", logsumexpForward<T>, logsumexpBackward<T>},
      {"logSoftmax", logSoftmaxForward<T>, logSoftmaxBackward<T>},
      {"slice", [](TileCallOf<T>& c) { pickForward(c, false); }, [](TileCallOf<T>& c) { pickBackward(c, false); }},
      {"columns", [](TileCallOf<T>& c) { pickForward(c, true); }, [](TileCallOf<T>& c) { pickBackward(c, true); }},
      {"concat", concatForward<T>, concatBackward<T>},
      {"gather", gatherForward<T>, gatherBackward<T>},
      {"blockSums", blockSumsForward<T>, blockSumsBackward<T>},
  };
  return table;
}

template <class T>
const TileOpOf<T>& sumOfSquares() {
  static const TileOpOf<T> op{"sum of squares", squaresForward<T>, squaresBackward<T>};
  return op;
}
template <class T>
const TileOpOf<T>& sumOfProducts() {
  static const TileOpOf<T> op{"sum of products", dotsForward<T>, dotsBackward<T>};
  return op;
}

template const TileOpOf<float>& sumOfSquares();
template const TileOpOf<double>& sumOfSquares();
template const TileOpOf<float>& sumOfProducts();
template const TileOpOf<double>& sumOfProducts();
template const std::vector<TileOpOf<float>>& reductionTileOps();
template const std::vector<TileOpOf<double>>& reductionTileOps();

}  // namespace langevin
