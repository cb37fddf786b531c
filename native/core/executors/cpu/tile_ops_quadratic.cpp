// Quadratic forms and pairwise interactions of the tile executor.
#include <cstdlib>
#include <vector>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

// z = x - m in scratch
template <class T>
const T* centred(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0);
  T* z = c.scratch(static_cast<std::size_t>(c.rows() * d), 0);
  c.k.subtractRow(c.in(0), c.in(1), z, c.rows(), d);
  return z;
}

// out [rows, d] = z S + bias with a symmetric S as packSymmetric() left it; no bias where it is null.
template <class T>
void multiplySymmetric(TileCallOf<T>& c, const TileWeightsOf<T>& s, const T* z, const T* bias, T* out) {
  const std::int64_t d = c.inWidth(0);
  if (s.diagonals.empty()) {
    ProductOf<T> p{.rows = c.rows(), .cols = d, .depth = d, .a = z, .lda = d};
    p.packed = s.forward.data();
    p.bias = bias;
    p.c = out;
    return c.k.multiply(p);
  }
  for (std::int64_t r = 0; r < c.rows(); ++r) {
    if (bias)
      std::copy_n(bias, d, out + r * d);
    else
      std::fill_n(out + r * d, d, T(0));
    const T* numbers = s.columns.data();
    for (const std::int64_t o : s.diagonals) {
      const std::int64_t first = std::max<std::int64_t>(0, -o), count = d - std::abs(o);
      c.k.mulAdd(numbers + first, z + r * d + first + o, out + r * d + first, count);
      numbers += d;
    }
  }
}

// (x - m)' P (x - m) / 2 = z' S z / 2 with S = (P + P') / 2: one product. S z is the gradient as well, and kept.
template <class T>
void quadraticForward(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0);
  const T* z = centred(c);
  multiplySymmetric(c, c.weightsOf(2), z, static_cast<const T*>(nullptr), c.kept());
  c.k.rowDots(z, c.kept(), c.out(), c.rows(), d, false);
  c.k.scale(T(0.5), T(0), c.out(), c.out(), c.rows());
}

// out (+)= sum_r (factor g_r) z_r z_r' for z [rows, d]
template <class T>
void weightedSquares(TileCallOf<T>& c, T factor, const T* g, const T* z, T* out, bool add) {
  const std::int64_t d = c.inWidth(0), n = c.rows();
  T* weighted = c.scratch(static_cast<std::size_t>(n * d), 1);
  c.k.scaleRows(factor, g, z, weighted, n, d, false);
  ProductOf<T> p{.rows = d, .cols = d, .depth = n, .a = weighted, .lda = d};
  p.turned = true;
  p.b = {z, d, 1};
  p.panel = c.scratch(static_cast<std::size_t>(c.k.packedFloats(n, 1)), 2);
  p.c = out;
  p.add = add;
  c.k.multiply(p);
}

template <class T>
void quadraticBackward(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0), n = c.rows();
  const T *g = c.adjoint(), *slope = c.kept();
  if (c.wants(0)) c.k.scaleRows(T(1), g, slope, c.adjointOf(0), n, d, c.adds(0));
  if (c.wants(1)) {
    T* sum = c.scratch(static_cast<std::size_t>(d), 1);
    std::fill_n(sum, d, T(0));
    c.k.weightedSum(g, slope, sum, n, d);
    c.k.axpy(T(-1), sum, c.addableAdjoint(1), d);
  }
  if (c.wants(2)) weightedSquares(c, T(0.5), g, centred(c), c.adjointOf(2), c.adds(2));
}

// -(x' S x / 2 + h' x), and in `kept` S x + h, the negative gradient.
template <class T>
void pairwiseForward(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0);
  const T *x = c.in(0), *field = c.parameter(1);
  T *out = c.out(), *kept = c.kept();
  multiplySymmetric(c, c.weights(), x, field, kept);
  c.k.dotRows(x, field, T(0), out, c.rows(), d);
  c.k.rowDots(x, kept, out, c.rows(), d, true);
  c.k.scale(T(-0.5), T(0), out, out, c.rows());
}

// By the coupling -sum_r g x x' / 2 within the mask, by the field -sum_r g x.
template <class T>
void pairwiseParameters(TileCallOf<T>& c) {
  const std::int64_t d = c.inWidth(0);
  const T *x = c.in(0), *g = c.adjoint();
  if (T* coupling = c.parameterGradient(0)) {
    T* squares = c.scratch(static_cast<std::size_t>(d * d), 0);
    weightedSquares(c, T(-0.5), g, x, squares, false);
    c.k.mulAdd(c.constant(0), squares, coupling, d * d);
  }
  if (T* field = c.parameterGradient(1)) {
    T* sum = c.scratch(static_cast<std::size_t>(d), 0);
    std::fill_n(sum, d, T(0));
    c.k.weightedSum(g, x, sum, c.rows(), d);
    c.k.axpy(T(-1), sum, field, d);
  }
}

template <class T>
void pairwiseBackward(TileCallOf<T>& c) {
  if (c.pass.wanted == Wanted::Parameters) pairwiseParameters(c);
  if (c.wants(0)) c.k.scaleRows(T(-1), c.adjoint(), c.kept(), c.adjointOf(0), c.rows(), c.inWidth(0), c.adds(0));
}

}  // namespace

template <class T>
const std::vector<TileOpOf<T>>& quadraticTileOps() {
  static const std::vector<TileOpOf<T>> table = {
      {"quadratic", quadraticForward<T>, quadraticBackward<T>, TileKeep::InputWidth},
      {"pairwise", pairwiseForward<T>, pairwiseBackward<T>, TileKeep::InputWidth},
  };
  return table;
}

template const std::vector<TileOpOf<float>>& quadraticTileOps();
template const std::vector<TileOpOf<double>>& quadraticTileOps();

}  // namespace langevin
