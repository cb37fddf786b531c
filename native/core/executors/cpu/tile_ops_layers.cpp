// Layers of the tile executor.
#include <cstring>

#include "executors/cpu/layer_products.hpp"

namespace langevin {
namespace {

template <class T>
T* panelOf(TileCallOf<T>& c, std::int64_t depth) {
  return c.scratch(static_cast<std::size_t>(c.k.packedFloats(depth, 1)), 2);
}

template <class T>
void linearForward(TileCallOf<T>& c) {
  const TileNodeOf<T>& n = c.node();
  const T* bias = n.parameters.size() > 1 ? c.parameter(1) : nullptr;
  if (c.width() == 1)
    return c.k.dotRows(c.in(0), c.parameter(0), bias ? bias[0] : T(0), c.out(), c.rows(), c.inWidth(0));
  ProductOf<T> p{.rows = c.rows(), .cols = c.width(), .depth = c.inWidth(0), .a = c.in(0), .lda = c.inWidth(0)};
  p.c = c.out();
  p.bias = bias;
  ActivationOf<T> activation{};
  if (n.activation >= 0) {
    const TileNodeOf<T>& next = c.nodes[static_cast<std::size_t>(n.activation)];
    activation = activationOf(next, *next.op->unary);
    p.activation = &activation;
    if (c.pass.derivatives) p.slope = c.keptOf(next);
  }
  multiplyPacked(c, p, c.weights().forward.data(), c.weights().forwardHalf.data());
}

template <class T>
void linearInputBackward(TileCallOf<T>& c) {
  const std::int64_t t = c.rows(), in = c.inWidth(0), out = c.width();
  const T* g = c.adjoint();
  T* target = c.adjointOf(0);
  const T* factor = c.input(0).multiplied ? c.keptOf(c.input(0)) : nullptr;
  if (out == 1) {
    if (factor) return c.k.outerTimes(g, c.parameter(0), factor, target, t, in);
    return c.k.outer(g, c.parameter(0), target, t, in, c.adds(0));
  }
  if (in < kThinInput) {
    const T* weights = c.weights().columns.data();
    T* found = c.adds(0) || factor ? c.scratch(static_cast<std::size_t>(t * in), 0) : target;
    c.k.dotColumns(g, weights, found, t, out, in);
    if (found == target) return;
    if (factor) c.k.mul(found, factor, found, t * in);
    if (c.adds(0))
      c.k.axpy(T(1), found, target, t * in);
    else
      std::memcpy(target, found, sizeof(T) * static_cast<std::size_t>(t * in));
    return;
  }
  ProductOf<T> p{.rows = t, .cols = in, .depth = out, .a = g, .lda = out};
  p.c = target;
  p.add = c.adds(0);
  p.factor = factor;
  multiplyPacked(c, p, c.weights().backward.data(), c.weights().backwardHalf.data());
}

template <class T>
void linearBackward(TileCallOf<T>& c) {
  if (c.pass.wanted == Wanted::Parameters) {
    T* bias = c.node().parameters.size() > 1 ? c.parameterGradient(1) : nullptr;
    addLayerGradient<T>(c, c.adjoint(), c.in(0), c.parameterGradient(0), bias);
  }
  if (c.wants(0)) linearInputBackward(c);
}

// x C with a constant matrix C [in, out].
template <class T>
void matmulForward(TileCallOf<T>& c) {
  ProductOf<T> p{.rows = c.rows(), .cols = c.width(), .depth = c.inWidth(0), .a = c.in(0), .lda = c.inWidth(0)};
  p.packed = c.packedConstant(0);
  p.c = c.out();
  c.k.multiply(p);
}
template <class T>
void matmulBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  ProductOf<T> p{.rows = c.rows(), .cols = c.inWidth(0), .depth = c.width(), .a = c.adjoint(), .lda = c.width()};
  p.packed = c.packedForAdjoints(0);
  p.c = c.adjointOf(0);
  p.add = c.adds(0);
  c.k.multiply(p);
}

template <class T>
LayerNormOf<T> layerNormOf(TileCallOf<T>& c) {
  LayerNormOf<T> n{c.rows(), c.width(), c.node().numbers[0], c.in(0)};
  if (c.node().parameters.empty()) return n;
  n.gain = c.parameter(0);
  n.shift = c.parameter(1);
  return n;
}
template <class T>
void layerNormForward(TileCallOf<T>& c) {
  c.k.layerNorm(layerNormOf(c), c.out(), c.kept());
}
template <class T>
void layerNormBackward(TileCallOf<T>& c) {
  const bool parameters = !c.node().parameters.empty() && c.pass.wanted == Wanted::Parameters;
  LayerNormSlopesOf<T> slopes;
  if (parameters) slopes.gain = c.parameterGradient(0);
  if (parameters) slopes.shift = c.parameterGradient(1);
  if (c.wants(0)) slopes.x = c.addableAdjoint(0);
  c.k.layerNormSlopes(layerNormOf(c), c.kept(), c.adjoint(), slopes);
}

template <class T>
void embeddingForward(TileCallOf<T>& c) {
  const std::int64_t w = c.width();
  for (std::int64_t r = 0; r < c.rows(); ++r)
    std::memcpy(c.out() + r * w, c.parameter(0) + c.pass.in.labels[r] * w, sizeof(T) * static_cast<std::size_t>(w));
}
template <class T>
void embeddingBackward(TileCallOf<T>& c) {
  T* table = c.parameterGradient(0);
  if (!table) return;
  const std::int64_t w = c.width();
  for (std::int64_t r = 0; r < c.rows(); ++r) c.k.axpy(T(1), c.adjoint() + r * w, table + c.pass.in.labels[r] * w, w);
}

// Dropout is the identity outside training; training programs with dropout are left to the plain path.
template <class T>
void dropoutForward(TileCallOf<T>& c) {
  std::memcpy(c.out(), c.in(0), sizeof(T) * static_cast<std::size_t>(c.size()));
}
template <class T>
void dropoutBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.k.axpy(T(1), c.adjoint(), c.addableAdjoint(0), c.size());
}

}  // namespace

template <class T>
void addLayerGradient(TileCallOf<T>& c, const T* g, const T* x, T* weight, T* bias) {
  const std::int64_t t = c.rows(), in = c.inWidth(0), out = c.width();
  if (weight && in < kThinInput && out > 1) return c.k.weightedColumns(x, g, weight, bias, t, out, in);
  if (bias) c.k.weightedSum(nullptr, g, bias, t, out);
  if (!weight) return;
  if (out == 1) return c.k.weightedSum(g, x, weight, t, in);
  ProductOf<T> p{.rows = out, .cols = in, .depth = t, .a = g, .lda = out};
  p.turned = true;
  p.b = {x, in, 1};
  p.panel = panelOf(c, t);
  p.c = weight;
  p.add = true;
  c.k.multiply(p);
}

template void addLayerGradient(TileCallOf<float>&, const float*, const float*, float*, float*);
template void addLayerGradient(TileCallOf<double>&, const double*, const double*, double*, double*);

template <class T>
const std::vector<TileOpOf<T>>& layerTileOps() {
  static const std::vector<TileOpOf<T>> table = {
      {"linear", linearForward<T>, linearBackward<T>},
      {"matmul", matmulForward<T>, matmulBackward<T>},
      {"layerNorm", layerNormForward<T>, layerNormBackward<T>, TileKeep::TwoNumbers},
      {"embedding", embeddingForward<T>, embeddingBackward<T>},
      {"dropout", dropoutForward<T>, dropoutBackward<T>},
  };
  return table;
}

template const std::vector<TileOpOf<float>>& layerTileOps();
template const std::vector<TileOpOf<double>>& layerTileOps();

}  // namespace langevin
