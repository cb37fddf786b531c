// Layers of the tile executor. Matrix products go to LibTorch's brgemm, except where one side is too thin for it.
#include <ATen/native/CPUBlas.h>

#include <cmath>
#include <cstring>

#include "kernels/cpu/tile_ops.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kThin = 8;  // below so many columns a dot product per column beats the blocked kernel

// Above so many weights B leaves the first-level cache, and brgemm, which reads it as it lies, loses to a packing GEMM:
// measured crossover between 128 x 128 (even) and 256 x 256 (half the speed).
constexpr std::int64_t kPackingGemm = 128 * 128;

// C[m, n] (+)= A[m, k] B[k, n], all row-major and dense.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, float* c, bool add) {
  if (n * k > kPackingGemm) {
    // LibTorch exports its GEMM as an operation only; beside so large a product the dispatch is nothing.
    const auto matrix = [](const float* p, std::int64_t rows, std::int64_t cols) {
      return at::from_blob(const_cast<float*>(p), {rows, cols}, at::kFloat);
    };
    at::Tensor target = matrix(c, m, n);
    if (add)
      at::addmm_out(target, target, matrix(a, m, k), matrix(b, k, n));
    else
      at::mm_out(target, matrix(a, m, k), matrix(b, k, n));
    return;
  }
  at::native::cpublas::brgemm(m, n, k, k, n, n, add, a, b, c);
}

void linearForward(TileCall& c) {
  const std::int64_t t = c.rows(), in = c.inWidth(0), out = c.width();
  const bool biased = c.node().parameters.size() > 1;
  const float* bias = biased ? c.parameter(1) : nullptr;
  float* y = c.out();
  if (out == 1) return c.k.dotRows(c.in(0), c.parameter(0), bias ? bias[0] : 0.0f, y, t, in);
  if (bias)
    for (std::int64_t r = 0; r < t; ++r) std::memcpy(y + r * out, bias, sizeof(float) * static_cast<std::size_t>(out));
  if (in < kThin) {
    if (!bias) std::fill_n(y, t * out, 0.0f);
    float* column = c.scratch(static_cast<std::size_t>(t), 0);
    for (std::int64_t i = 0; i < in; ++i) {
      for (std::int64_t r = 0; r < t; ++r) column[r] = c.in(0)[r * in + i];
      c.k.outer(column, c.transposed(0) + i * out, y, t, out, true);
    }
    return;
  }
  gemm(t, out, in, c.in(0), c.transposed(0), y, biased);
}

void linearInputBackward(TileCall& c) {
  const std::int64_t t = c.rows(), in = c.inWidth(0), out = c.width();
  const float* g = c.adjoint();
  float* target = c.adjointOf(0);
  if (out == 1) return c.k.outer(g, c.parameter(0), target, t, in, c.adds(0));
  if (in >= kThin) return gemm(t, in, out, g, c.parameter(0), target, c.adds(0));
  float* column = c.scratch(static_cast<std::size_t>(t), 0);
  for (std::int64_t i = 0; i < in; ++i) {
    c.k.dotRows(g, c.transposed(0) + i * out, 0.0f, column, t, out);
    for (std::int64_t r = 0; r < t; ++r) target[r * in + i] = c.adds(0) ? target[r * in + i] + column[r] : column[r];
  }
}

void linearWeightGradient(TileCall& c, float* gradient) {
  const std::int64_t t = c.rows(), in = c.inWidth(0), out = c.width();
  const float *g = c.adjoint(), *x = c.in(0);
  if (out == 1) return c.k.weightedSum(g, x, gradient, t, in);
  if (in < kThin) {
    float* column = c.scratch(static_cast<std::size_t>(t), 0);
    float* sum = c.scratch(static_cast<std::size_t>(out), 1);
    for (std::int64_t i = 0; i < in; ++i) {
      for (std::int64_t r = 0; r < t; ++r) column[r] = x[r * in + i];
      std::fill_n(sum, out, 0.0f);
      c.k.weightedSum(column, g, sum, t, out);
      for (std::int64_t o = 0; o < out; ++o) gradient[o * in + i] += sum[o];
    }
    return;
  }
  float* turned = c.scratch(static_cast<std::size_t>(t * out), 0);
  // Eight rows at a time: eight short streams to read, one line to write.
  for (std::int64_t first = 0; first < t; first += 8) {
    const std::int64_t last = std::min<std::int64_t>(t, first + 8);
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t r = first; r < last; ++r) turned[o * t + r] = g[r * out + o];
  }
  gemm(out, in, t, turned, x, gradient, true);
}

void linearBackward(TileCall& c) {
  if (c.pass.wanted == Wanted::Parameters) {
    if (float* w = c.parameterGradient(0)) linearWeightGradient(c, w);
    if (c.node().parameters.size() > 1)
      if (float* b = c.parameterGradient(1)) c.k.weightedSum(nullptr, c.adjoint(), b, c.rows(), c.width());
  }
  if (c.wants(0)) linearInputBackward(c);
}

// x C with a constant matrix C [in, out].
void matmulForward(TileCall& c) { gemm(c.rows(), c.width(), c.inWidth(0), c.in(0), c.constant(0), c.out(), false); }
void matmulBackward(TileCall& c) {
  if (!c.wants(0)) return;
  const std::int64_t in = c.inWidth(0), out = c.width();
  float* t = c.addableAdjoint(0);
  float* column = c.scratch(static_cast<std::size_t>(c.rows()), 0);
  for (std::int64_t i = 0; i < in; ++i) {
    c.k.dotRows(c.adjoint(), c.constant(0) + i * out, 0.0f, column, c.rows(), out);
    for (std::int64_t r = 0; r < c.rows(); ++r) t[r * in + i] += column[r];
  }
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

const std::vector<TileOp>& layerTileOps() {
  static const std::vector<TileOp> table = {
      {"linear", linearForward, linearBackward},
      {"matmul", matmulForward, matmulBackward},
      {"layerNorm", layerNormForward, layerNormBackward, TileOp::Keep::TwoNumbers},
      {"embedding", embeddingForward, embeddingBackward},
      {"dropout", dropoutForward, dropoutBackward},
  };
  return table;
}

}  // namespace langevin
