// spandrel.*: samples, log-density, distance, the curve itself, bridges.
#include "data/spandrel.hpp"

#include <cmath>

#include "base/threads.hpp"
#include "data/data.hpp"
#include "tensors/arguments.hpp"
#include "tensors/log_sum.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

template <class F>
at::Tensor overPoints(const at::Tensor& points, int threads, F value) {
  const at::Tensor rows = asRows(points, 2, at::kDouble, at::kCPU, "points");
  requireFinite(rows, "points");
  at::Tensor out = at::empty({rows.size(0)}, at::kDouble);
  const double* p = rows.data_ptr<double>();
  double* q = out.data_ptr<double>();
  const Tiling tiling(rows.size(0));
  parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
    const TileRange r = tiling.range(t);
    for (std::int64_t i = r.first; i < r.last; ++i) q[i] = value(Point{p[2 * i], p[2 * i + 1]});
  });
  return out;
}

const SpandrelShape& readShape(const Spec& a) { return spandrelShape(a.text("shape")); }
double readSigma(const Spec& a) {
  const double sigma = a.positive("sigma", 0.05);
  // The quadrature along curves takes time in 1 / sigma.
  if (sigma < 1e-3) a.at("sigma").invalid("must be at least 0.001");
  return sigma;
}

// { shape, n, seed?, sigma? = 0.05 } -> { x: float32 [n, 2], y: int64 [n] (branch) }. sigma 0 gives points
// on the curve.
Value sampleSpandrel(const Spec& a, Job&) {
  const SpandrelShape& shape = readShape(a);
  const std::int64_t n = a.count("n", 1);
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  const double sigma = a.nonNegative("sigma", 0.05);
  const at::Tensor uniform = random.uniform(n, 2, 0, Stream::Data, at::kDouble).contiguous();
  const at::Tensor noise = random.normal(n, 2, 0, Stream::DataNoise, at::kDouble).contiguous();
  const double *u = uniform.data_ptr<double>(), *e = noise.data_ptr<double>();
  at::Tensor x = at::empty({n, 2}, at::kDouble), y = at::empty({n}, at::kLong);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto which = static_cast<std::size_t>(u[2 * i] * static_cast<double>(shape.pieces.size()));
    const CurvePiece& piece = *shape.pieces[std::min(which, shape.pieces.size() - 1)];
    const double t = piece.first() + u[2 * i + 1] * (piece.last() - piece.first());
    const Point c = piece.at(t);
    x.data_ptr<double>()[2 * i] = c.x + sigma * e[2 * i];
    x.data_ptr<double>()[2 * i + 1] = c.y + sigma * e[2 * i + 1];
    y.data_ptr<std::int64_t>()[i] = piece.label(t);
  }
  return Map{{"x", box(x.to(at::kFloat))}, {"y", box(y)}};
}

// { shape, points, sigma?, threads? } -> float64 [n]
Value logDensityOfSpandrel(const Spec& a, Job&) {
  return box(spandrelLogDensity(readShape(a), unbox(a.at("points")), readSigma(a), a.threads()));
}

// { shape, points, threads? } -> float64 [n]
Value distanceToSpandrel(const Spec& a, Job&) {
  return box(spandrelDistance(readShape(a), unbox(a.at("points")), a.threads()));
}

// { shape, points? = 200 } -> one polyline a piece, float64 [points, 2]
Value spandrelCurves(const Spec& a, Job&) {
  const std::int64_t n = a.count("points", 2, 200);
  List lines;
  for (const auto& piece : readShape(a).pieces) {
    at::Tensor line = at::empty({n, 2}, at::kDouble);
    for (std::int64_t i = 0; i < n; ++i) {
      const double part = static_cast<double>(i) / static_cast<double>(n - 1);
      const Point c = piece->at(piece->first() + part * (piece->last() - piece->first()));
      line.data_ptr<double>()[2 * i] = c.x;
      line.data_ptr<double>()[2 * i + 1] = c.y;
    }
    lines.emplace_back(box(line));
  }
  return lines;
}

// { shape } -> { name, classes, bridges: [{ low: [x, y], high: [x, y] }] }
Value describeSpandrel(const Spec& a, Job&) {
  const SpandrelShape& shape = readShape(a);
  List bridges, classes;
  for (const Rectangle& r : shape.bridges)
    bridges.push_back(Map{{"low", List{r.xLow, r.yLow}}, {"high", List{r.xHigh, r.yHigh}}});
  for (const std::string& c : shape.classes) classes.emplace_back(c);
  return Map{{"name", shape.name}, {"classes", classes}, {"bridges", bridges}};
}

}  // namespace

at::Tensor spandrelLogDensity(const SpandrelShape& shape, const at::Tensor& points, double sigma, int threads) {
  const double share = std::log(static_cast<double>(shape.pieces.size()));
  std::vector<std::function<double(Point)>> pieces;
  for (const auto& piece : shape.pieces) pieces.push_back(piece->logDensity(sigma));
  return overPoints(points, threads, [&](Point z) {
    LogSum sum;
    for (const auto& piece : pieces) sum.add(piece(z));
    return sum.value() - share;
  });
}

at::Tensor spandrelDistance(const SpandrelShape& shape, const at::Tensor& points, int threads) {
  return overPoints(points, threads, [&](Point z) {
    double best = shape.pieces.front()->distance(z);
    for (const auto& piece : shape.pieces) best = std::min(best, piece->distance(z));
    return best;
  });
}

const std::vector<Function>& spandrelFunctions() {
  static const std::vector<Function> table = {
      {"spandrel.sample", Lane::Immediate, sampleSpandrel},
      {"spandrel.logDensity", Lane::Short, logDensityOfSpandrel},
      {"spandrel.distance", Lane::Short, distanceToSpandrel},
      {"spandrel.curve", Lane::Immediate, spandrelCurves},
      {"spandrel.describe", Lane::Immediate, describeSpandrel},
  };
  return table;
}

}  // namespace langevin
