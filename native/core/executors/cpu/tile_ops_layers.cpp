// Layers of the tile executor.
#include <cmath>
#include <cstring>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

float* panelOf(TileCall& c, std::int64_t depth) {
  return c.scratch(static_cast<std::size_t>(c.k.packedFloats(depth, 1)), 2);
}

// In bfloat16 where the pass asks for it and the layer has such weights.
void multiplyPacked(TileCall& c, Product& p, const AlignedFloats& packed, const AlignedFloats& half) {
  if (!c.pass.half || half.size() == 0) {
    p.packed = packed.data();
    return c.k.multiply(p);
  }
  p.panel = c.scratch(static_cast<std::size_t>(p.rows * ((p.depth + 1) / 2)), 2);
  c.k.multiplyHalf(p, reinterpret_cast<const std::uint32_t*>(half.data()));
}

void linearForward(TileCall& c) {
  const TileNode& n = c.node();
  const float* bias = n.parameters.size() > 1 ? c.parameter(1) : nullptr;
  if (c.width() == 1)
    return c.k.dotRows(c.in(0), c.parameter(0), bias ? bias[0] : 0.0f, c.out(), c.rows(), c.inWidth(0));
  Product p{.rows = c.rows(), .cols = c.width(), .depth = c.inWidth(0), .a = c.in(0), .lda = c.inWidth(0)};
  p.c = c.out();
  p.bias = bias;
  Activation activation{};
  if (n.activation >= 0) {
    const TileNode& next = c.nodes[static_cast<std::size_t>(n.activation)];
    activation = activationOf(next, *next.op->unary);
    p.activation = &activation;
    if (c.pass.derivatives) p.slope = c.keptOf(next);
  }
  multiplyPacked(c, p, c.weights().forward, c.weights().forwardHalf);
}

void linearInputBackward(TileCall& c) {
  const std::int64_t t = c.rows(), in = c.inWidth(0), out = c.width();
  const float* g = c.adjoint();
  float* target = c.adjointOf(0);
  const float* factor = c.input(0).multiplied ? c.keptOf(c.input(0)) : nullptr;
  if (out == 1) {
    if (factor) return c.k.outerTimes(g, c.parameter(0), factor, target, t, in);
    return c.k.outer(g, c.parameter(0), target, t, in, c.adds(0));
  }
  if (in < kThinInput) {
    const float* weights = c.weights().columns.data();
    float* found = c.adds(0) || factor ? c.scratch(static_cast<std::size_t>(t * in), 0) : target;
    c.k.dotColumns(g, weights, found, t, out, in);
    if (found == target) return;
    if (factor) c.k.mul(found, factor, found, t * in);
    if (c.adds(0))
      c.k.axpy(1.0f, found, target, t * in);
    else
      std::memcpy(target, found, sizeof(float) * static_cast<std::size_t>(t * in));
    return;
  }
  Product p{.rows = t, .cols = in, .depth = out, .a = g, .lda = out};
  p.c = target;
  p.add = c.adds(0);
  p.factor = factor;
  multiplyPacked(c, p, c.weights().backward, c.weights().backwardHalf);
}

void linearBackward(TileCall& c) {
  if (c.pass.wanted == Wanted::Parameters) {
    float* bias = c.node().parameters.size() > 1 ? c.parameterGradient(1) : nullptr;
    addLayerGradient(c, c.adjoint(), c.in(0), c.parameterGradient(0), bias);
  }
  if (c.wants(0)) linearInputBackward(c);
}

// x C with a constant matrix C [in, out].
void matmulForward(TileCall& c) {
  Product p{.rows = c.rows(), .cols = c.width(), .depth = c.inWidth(0), .a = c.in(0), .lda = c.inWidth(0)};
  p.b = {c.constant(0), c.width(), 1};
  p.panel = panelOf(c, p.depth);
  p.c = c.out();
  c.k.multiply(p);
}
void matmulBackward(TileCall& c) {
  if (!c.wants(0)) return;
  Product p{.rows = c.rows(), .cols = c.inWidth(0), .depth = c.width(), .a = c.adjoint(), .lda = c.width()};
  p.b = {c.constant(0), 1, c.width()};
  p.panel = panelOf(c, p.depth);
  p.c = c.adjointOf(0);
  p.add = c.adds(0);
  c.k.multiply(p);
}

void layerNormForward(TileCall& c) {
  const std::int64_t w = c.width();
  const bool affine = !c.node().parameters.empty();
  const float *x = c.in(0), *gain = affine ? c.parameter(0) : nullptr, *shift = affine ? c.parameter(1) : nullptr;
  float *y = c.out(), *kept = c.kept();
  for (std::int64_t r = 0; r < c.rows(); ++r) {
    double mean = 0, square = 0;
    for (std::int64_t i = 0; i < w; ++i) mean += x[r * w + i];
    mean /= static_cast<double>(w);
    for (std::int64_t i = 0; i < w; ++i) square += (x[r * w + i] - mean) * (x[r * w + i] - mean);
    const double inverse = 1.0 / std::sqrt(square / static_cast<double>(w) + c.node().numbers[0]);
    const auto m = static_cast<float>(mean), s = static_cast<float>(inverse);
    kept[2 * r] = m;
    kept[2 * r + 1] = s;
    for (std::int64_t i = 0; i < w; ++i) {
      const float z = (x[r * w + i] - m) * s;
      y[r * w + i] = affine ? z * gain[i] + shift[i] : z;
    }
  }
}
void layerNormBackward(TileCall& c) {
  const std::int64_t w = c.width();
  const bool affine = !c.node().parameters.empty();
  const bool parameters = affine && c.pass.wanted == Wanted::Parameters;
  const float *x = c.in(0), *gain = affine ? c.parameter(0) : nullptr, *g = c.adjoint(), *kept = c.kept();
  float* dGain = parameters ? c.parameterGradient(0) : nullptr;
  float* dShift = parameters ? c.parameterGradient(1) : nullptr;
  float* t = c.wants(0) ? c.addableAdjoint(0) : nullptr;
  for (std::int64_t r = 0; r < c.rows(); ++r) {
    const float m = kept[2 * r], s = kept[2 * r + 1];
    float sum = 0, dot = 0;
    for (std::int64_t i = 0; i < w; ++i) {
      const float z = (x[r * w + i] - m) * s, v = affine ? g[r * w + i] * gain[i] : g[r * w + i];
      sum += v;
      dot += v * z;
      if (dGain) dGain[i] += g[r * w + i] * z;
      if (dShift) dShift[i] += g[r * w + i];
    }
    sum /= static_cast<float>(w);
    dot /= static_cast<float>(w);
    if (!t) continue;
    for (std::int64_t i = 0; i < w; ++i) {
      const float z = (x[r * w + i] - m) * s, v = affine ? g[r * w + i] * gain[i] : g[r * w + i];
      t[r * w + i] += s * (v - sum - z * dot);
    }
  }
}

void embeddingForward(TileCall& c) {
  const std::int64_t w = c.width();
  for (std::int64_t r = 0; r < c.rows(); ++r)
    std::memcpy(c.out() + r * w, c.parameter(0) + c.pass.in.labels[r] * w, sizeof(float) * static_cast<std::size_t>(w));
}
void embeddingBackward(TileCall& c) {
  float* table = c.parameterGradient(0);
  if (!table) return;
  const std::int64_t w = c.width();
  for (std::int64_t r = 0; r < c.rows(); ++r) c.k.axpy(1.0f, c.adjoint() + r * w, table + c.pass.in.labels[r] * w, w);
}

// Dropout is the identity outside training; training programs with dropout are left to the plain path.
void dropoutForward(TileCall& c) { std::memcpy(c.out(), c.in(0), sizeof(float) * static_cast<std::size_t>(c.size())); }
void dropoutBackward(TileCall& c) {
  if (c.wants(0)) c.k.axpy(1.0f, c.adjoint(), c.addableAdjoint(0), c.size());
}

}  // namespace

void addLayerGradient(TileCall& c, const float* g, const float* x, float* weight, float* bias) {
  const std::int64_t t = c.rows(), in = c.inWidth(0), out = c.width();
  if (weight && in < kThinInput && out > 1) return c.k.weightedColumns(x, g, weight, bias, t, out, in);
  if (bias) c.k.weightedSum(nullptr, g, bias, t, out);
  if (!weight) return;
  if (out == 1) return c.k.weightedSum(g, x, weight, t, in);
  Product p{.rows = out, .cols = in, .depth = t, .a = g, .lda = out};
  p.turned = true;
  p.b = {x, in, 1};
  p.panel = panelOf(c, t);
  p.c = weight;
  p.add = true;
  c.k.multiply(p);
}

const std::vector<TileOp>& layerTileOps() {
  static const std::vector<TileOp> table = {
      {"linear", linearForward, linearBackward},
      {"matmul", matmulForward, matmulBackward},
      {"layerNorm", layerNormForward, layerNormBackward, TileOp::Keep::TwoNumbers, std::nullopt, true},
      {"embedding", embeddingForward, embeddingBackward},
      {"dropout", dropoutForward, dropoutBackward},
  };
  return table;
}

}  // namespace langevin
