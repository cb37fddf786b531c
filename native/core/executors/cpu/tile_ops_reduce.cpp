// Sources, reductions over columns and column selection of the tile executor.
#include <cmath>
#include <cstring>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

// Sources: nothing to compute. A parameter value hands its adjoint to the flat gradient.
void parameterBackward(TileCall& c) {
  if (float* g = c.parameterGradient(0)) c.k.axpy(1.0f, c.adjoint(), g, c.node().fixedCount);
}

std::int64_t inputRows(const TileCall& c) { return c.input(0).perRow() ? c.rows() : 1; }

// Ones in scratch: a dot product with them is a sum in vectors, in a fixed order.
const float* ones(TileCall& c, std::int64_t count) {
  float* numbers = c.scratch(static_cast<std::size_t>(count), 0);
  std::fill_n(numbers, count, 1.0f);
  return numbers;
}

// From so many columns on a sum in vectors is the faster one.
constexpr std::int64_t kWideSum = 128;

void sumForward(TileCall& c) {
  const std::int64_t w = c.inWidth(0);
  const float* x = c.in(0);
  float* o = c.out();
  if (w == 1) {
    std::memcpy(o, x, sizeof(float) * static_cast<std::size_t>(inputRows(c)));
    return;
  }
  if (w >= kWideSum) return c.k.dotRows(x, ones(c, w), 0.0f, o, inputRows(c), w);
  for (std::int64_t r = 0; r < inputRows(c); ++r) {
    float s = 0;
    for (std::int64_t i = 0; i < w; ++i) s += x[r * w + i];
    o[r] = s;
  }
}
void spread(TileCall& c, float factor) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.inWidth(0);
  const float* g = c.adjoint();
  float* t = c.adjointOf(0);
  const bool adds = c.adds(0);
  if (w == 1) return adds ? c.k.axpy(factor, g, t, inputRows(c)) : c.k.scale(factor, 0.0f, g, t, inputRows(c));
  for (std::int64_t r = 0; r < inputRows(c); ++r) {
    const float v = g[r] * factor;
    for (std::int64_t i = 0; i < w; ++i) t[r * w + i] = adds ? t[r * w + i] + v : v;
  }
}
void sumBackward(TileCall& c) { spread(c, 1.0f); }

void meanForward(TileCall& c) {
  sumForward(c);
  c.k.scale(1.0f / static_cast<float>(c.inWidth(0)), 0.0f, c.out(), c.out(), inputRows(c));
}
void meanBackward(TileCall& c) { spread(c, 1.0f / static_cast<float>(c.inWidth(0))); }

float rowLogSumExp(const float* x, std::int64_t w) {
  float m = x[0];
  for (std::int64_t i = 1; i < w; ++i) m = x[i] > m || x[i] != x[i] ? x[i] : m;
  if (!(std::fabs(m) <= 3.4e38f)) return m;
  float s = 0;
  for (std::int64_t i = 0; i < w; ++i) s += std::exp(x[i] - m);
  return m + std::log(s);
}
void logsumexpForward(TileCall& c) {
  const std::int64_t w = c.inWidth(0);
  for (std::int64_t r = 0; r < inputRows(c); ++r) c.out()[r] = rowLogSumExp(c.in(0) + r * w, w);
}
void logsumexpBackward(TileCall& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.inWidth(0);
  const float *x = c.in(0), *o = c.out(), *g = c.adjoint();
  float* t = c.addableAdjoint(0);
  for (std::int64_t r = 0; r < inputRows(c); ++r)
    for (std::int64_t i = 0; i < w; ++i) t[r * w + i] += g[r] * std::exp(x[r * w + i] - o[r]);
}

void logSoftmaxForward(TileCall& c) {
  const std::int64_t w = c.width();
  const float* x = c.in(0);
  float* o = c.out();
  for (std::int64_t r = 0; r < inputRows(c); ++r) {
    const float l = rowLogSumExp(x + r * w, w);
    for (std::int64_t i = 0; i < w; ++i) o[r * w + i] = x[r * w + i] - l;
  }
}
void logSoftmaxBackward(TileCall& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.width();
  const float *o = c.out(), *g = c.adjoint();
  float* t = c.addableAdjoint(0);
  for (std::int64_t r = 0; r < inputRows(c); ++r) {
    float total = 0;
    for (std::int64_t i = 0; i < w; ++i) total += g[r * w + i];
    for (std::int64_t i = 0; i < w; ++i) t[r * w + i] += g[r * w + i] - std::exp(o[r * w + i]) * total;
  }
}

// slice and columns: which source column each column of the result is.
std::int64_t sourceColumn(const TileNode& n, std::int64_t c, bool list) {
  return list ? n.integers[static_cast<std::size_t>(c)] : n.integers[0] + c;
}
void pickForward(TileCall& c, bool list) {
  const std::int64_t w = c.width(), from = c.inWidth(0);
  const float* x = c.in(0);
  float* o = c.out();
  for (std::int64_t i = 0; i < w; ++i) {
    const std::int64_t s = sourceColumn(c.node(), i, list);
    for (std::int64_t r = 0; r < inputRows(c); ++r) o[r * w + i] = x[r * from + s];
  }
}
void pickBackward(TileCall& c, bool list) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.width(), from = c.inWidth(0);
  const float* g = c.adjoint();
  float* t = c.addableAdjoint(0);
  for (std::int64_t i = 0; i < w; ++i) {
    const std::int64_t s = sourceColumn(c.node(), i, list);
    for (std::int64_t r = 0; r < inputRows(c); ++r) t[r * from + s] += g[r * w + i];
  }
}

void concatForward(TileCall& c) {
  const std::int64_t w = c.width(), rows = c.node().perRow() ? c.rows() : 1;
  std::int64_t offset = 0;
  for (int i = 0; i < static_cast<int>(c.node().inputs.size()); ++i) {
    const std::int64_t from = c.inWidth(i);
    const float* x = c.in(i);
    for (std::int64_t r = 0; r < rows; ++r)
      std::memcpy(c.out() + r * w + offset, c.input(i).perRow() ? x + r * from : x,
                  sizeof(float) * static_cast<std::size_t>(from));
    offset += from;
  }
}
void concatBackward(TileCall& c) {
  const std::int64_t w = c.width(), rows = c.node().perRow() ? c.rows() : 1;
  std::int64_t offset = 0;
  for (int i = 0; i < static_cast<int>(c.node().inputs.size()); ++i) {
    const std::int64_t from = c.inWidth(i);
    if (c.wants(i)) {
      float* t = c.addableAdjoint(i);
      for (std::int64_t r = 0; r < rows; ++r)
        c.k.axpy(1.0f, c.adjoint() + r * w + offset, c.input(i).perRow() ? t + r * from : t, from);
    }
    offset += from;
  }
}

void gatherForward(TileCall& c) {
  const std::int64_t w = c.inWidth(0);
  for (std::int64_t r = 0; r < c.rows(); ++r) c.out()[r] = c.in(0)[r * w + c.pass.in.labels[r]];
}
void gatherBackward(TileCall& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.inWidth(0);
  float* t = c.addableAdjoint(0);
  for (std::int64_t r = 0; r < c.rows(); ++r) t[r * w + c.pass.in.labels[r]] += c.adjoint()[r];
}

void blockSumsForward(TileCall& c) {
  const std::int64_t w = c.inWidth(0) / c.width();
  c.k.dotRows(c.in(0), ones(c, w), 0.0f, c.out(), inputRows(c) * c.width(), w);
}
void blockSumsBackward(TileCall& c) {
  if (!c.wants(0)) return;
  const std::int64_t w = c.inWidth(0) / c.width();
  c.k.outer(c.adjoint(), ones(c, w), c.adjointOf(0), inputRows(c) * c.width(), w, c.adds(0));
}

}  // namespace

const std::vector<TileOp>& reductionTileOps() {
  static const std::vector<TileOp> table = {
      {"input", nullptr, nullptr},
      {"condition", nullptr, nullptr},
      {"constant", nullptr, nullptr},
      {"parameter", nullptr, parameterBackward},
      {"sum", sumForward, sumBackward},
      {"mean", meanForward, meanBackward},
      {"logsumexp", logsumexpForward, logsumexpBackward, TileOp::Keep::Nothing, std::nullopt, true},
      {"logSoftmax", logSoftmaxForward, logSoftmaxBackward, TileOp::Keep::Nothing, std::nullopt, true},
      {"slice", [](TileCall& c) { pickForward(c, false); }, [](TileCall& c) { pickBackward(c, false); }},
      {"columns", [](TileCall& c) { pickForward(c, true); }, [](TileCall& c) { pickBackward(c, true); }},
      {"concat", concatForward, concatBackward},
      {"gather", gatherForward, gatherBackward},
      {"blockSums", blockSumsForward, blockSumsBackward},
  };
  return table;
}

}  // namespace langevin
