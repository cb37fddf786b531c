// Quadratic forms and squared distances of the tile executor.
#include <vector>

#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

// z = x - m in scratch
const float* centred(TileCall& c) {
  const std::int64_t d = c.inWidth(0);
  const float *x = c.in(0), *m = c.in(1);
  float* z = c.scratch(static_cast<std::size_t>(c.rows() * d), 0);
  for (std::int64_t r = 0; r < c.rows(); ++r)
    for (std::int64_t i = 0; i < d; ++i) z[r * d + i] = x[r * d + i] - m[i];
  return z;
}

// (x - m)' P (x - m) / 2 = z' S z / 2 with S = (P + P') / 2: one product. S z is the gradient as well, and kept.
void quadraticForward(TileCall& c) {
  const std::int64_t d = c.inWidth(0);
  const float* z = centred(c);
  Product p{.rows = c.rows(), .cols = d, .depth = d, .a = z, .lda = d};
  p.packed = c.weightsOf(2).forward.data();
  p.c = c.kept();
  c.k.multiply(p);
  for (std::int64_t r = 0; r < c.rows(); ++r) c.k.dotRows(z + r * d, c.kept() + r * d, 0.0f, c.out() + r, 1, d);
  c.k.scale(0.5f, 0.0f, c.out(), c.out(), c.rows());
}

// sum_r g z z' / 2 for P
void quadraticMatrixBackward(TileCall& c, const float* g) {
  const std::int64_t d = c.inWidth(0), n = c.rows();
  const float* z = centred(c);
  float* weighted = c.scratch(static_cast<std::size_t>(n * d), 1);
  for (std::int64_t r = 0; r < n; ++r) c.k.scale(0.5f * g[r], 0.0f, z + r * d, weighted + r * d, d);
  Product p{.rows = d, .cols = d, .depth = n, .a = weighted, .lda = d};
  p.turned = true;
  p.b = {z, d, 1};
  p.panel = c.scratch(static_cast<std::size_t>(c.k.packedFloats(n, 1)), 2);
  p.c = c.adjointOf(2);
  p.add = c.adds(2);
  c.k.multiply(p);
}

void quadraticBackward(TileCall& c) {
  const std::int64_t d = c.inWidth(0), n = c.rows();
  const float *g = c.adjoint(), *slope = c.kept();
  if (c.wants(0)) {
    float* t = c.adjointOf(0);
    for (std::int64_t r = 0; r < n; ++r) {
      if (c.adds(0))
        c.k.axpy(g[r], slope + r * d, t + r * d, d);
      else
        c.k.scale(g[r], 0.0f, slope + r * d, t + r * d, d);
    }
  }
  if (c.wants(1)) {
    float* sum = c.scratch(static_cast<std::size_t>(d), 1);
    std::fill_n(sum, d, 0.0f);
    c.k.weightedSum(g, slope, sum, n, d);
    c.k.axpy(-1.0f, sum, c.addableAdjoint(1), d);
  }
  if (c.wants(2)) quadraticMatrixBackward(c, g);
}

Distances distancesOf(TileCall& c) {
  const std::vector<double>& numbers = c.node().numbers;
  float* scales = c.scratch(numbers.size(), 0);
  std::transform(numbers.begin(), numbers.end(), scales, [](double s) { return static_cast<float>(s); });
  Distances d{.rows = c.rows(), .cols = c.inWidth(0), .count = c.width()};
  d.x = c.in(0);
  d.centres = c.constant(0);
  d.packed = c.packedConstant(0);
  d.scales = scales;
  return d;
}
void distancesForward(TileCall& c) { c.k.distances(distancesOf(c), c.out()); }
void distancesBackward(TileCall& c) {
  if (c.wants(0)) c.k.distanceSlopes(distancesOf(c), c.adjoint(), c.adjointOf(0), c.adds(0));
}

}  // namespace

const std::vector<TileOp>& quadraticTileOps() {
  static const std::vector<TileOp> table = {
      {"quadratic", quadraticForward, quadraticBackward, TileOp::Keep::InputWidth},
      {"distances", distancesForward, distancesBackward},
  };
  return table;
}

}  // namespace langevin
