// toys.sample: two-dimensional distributions for first experiments. x float32 [n, 2], y int64 [n] (component).
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "base/registry.hpp"
#include "data/data.hpp"
#include "data/toys.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

using std::numbers::pi;

using Draw = ToyDraw;
using Row = ToyRow;

Row blurred(double x, double y, std::int64_t label, const Draw& d) {
  return {x + d.noise * d.normal[0], y + d.noise * d.normal[1], label};
}

// Four concentric circles of radius 0.5, 1, 1.5, 2.
Row rings(const Draw& d) {
  const std::int64_t k = d.component();
  const double r = 0.5 * static_cast<double>(k + 1), t = 2 * pi * d.uniform[1];
  return blurred(r * std::cos(t), r * std::sin(t), k, d);
}

// Two interleaved half circles of radius 1, moved so that their common mean is 0.
Row moons(const Draw& d) {
  const std::int64_t k = d.component();
  const double t = pi * d.uniform[1];
  if (k == 0) return blurred(std::cos(t) - 0.5, std::sin(t) - 0.25, 0, d);
  return blurred(0.5 - std::cos(t), 0.25 - std::sin(t), 1, d);
}

// Eight modes on a circle of radius 2.
Row eightGaussians(const Draw& d) {
  const std::int64_t k = d.component();
  const double t = pi * static_cast<double>(k) / 4;
  return blurred(2 * std::cos(t), 2 * std::sin(t), k, d);
}

// Modes at {-2, -1, 0, 1, 2}^2.
Row twentyFiveGaussians(const Draw& d) {
  const std::int64_t k = d.component();
  return blurred(static_cast<double>(k / 5) - 2, static_cast<double>(k % 5) - 2, k, d);
}

// Uniform on the eight dark squares of a 4 x 4 board on [-2, 2]^2.
Row checkerboard(const Draw& d) {
  const std::int64_t k = d.component(), row = k / 2, column = 2 * (k % 2) + row % 2;
  return blurred(static_cast<double>(column) - 2 + d.uniform[1], static_cast<double>(row) - 2 + d.uniform[2], k, d);
}

// Five arms: radius 1 + 0.3 z, across 0.05 z (noise scales it), each turned by an angle that grows with the radius
// (Johnson et al. 2016).
Row pinwheel(const Draw& d) {
  const std::int64_t k = d.component();
  const double along = 1 + 0.3 * d.normal[0], across = d.noise * d.normal[1];
  const double t = 2 * pi * static_cast<double>(k) / 5 + 0.25 * std::exp(along);
  return {along * std::cos(t) - across * std::sin(t), along * std::sin(t) + across * std::cos(t), k};
}

// The planar roll t (cos t, sin t) for t in [1.5 pi, 4.5 pi], scaled to radius 2.
Row swissRoll(const Draw& d) {
  const double t = 1.5 * pi * (1 + 2 * d.uniform[1]), r = 2 * t / (4.5 * pi);
  return blurred(r * std::cos(t), r * std::sin(t), 0, d);
}

// Two arms of a spiral, radius growing to 2 over 1.5 turns.
Row twoSpirals(const Draw& d) {
  const std::int64_t k = d.component();
  const double root = std::sqrt(d.uniform[1]), r = 2 * root, t = 3 * pi * root + (k == 1 ? pi : 0);
  return blurred(r * std::cos(t), r * std::sin(t), k, d);
}

// One period and a half of a cosine wave.
Row cosine(const Draw& d) {
  const double x = 4 * d.uniform[1] - 2;
  return blurred(x, std::cos(1.5 * pi * x / 2), 0, d);
}

// Two modes ten deviations apart, four fifths of the rows in the left one: what cannot be learned from scores.
Row unequalModes(const Draw& d) {
  const std::int64_t right = d.component() == 4 ? 1 : 0;
  return blurred(right == 1 ? 1.5 : -1.5, 0, right, d);
}

// { kind, n, seed?, noise? } -> { x, y }
Value sampleToy(const Spec& a, Job&) {
  const Toy& toy = toys().find(a);
  const std::int64_t n = a.count("n", 1);
  const double noise = a.nonNegative("noise", toy.noise);
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  const at::Tensor uniform = random.uniform(n, 4, 0, Stream::Data, at::kDouble).contiguous();
  const at::Tensor normal = random.normal(n, 2, 0, Stream::DataNoise, at::kDouble).contiguous();
  at::Tensor x = at::empty({n, 2}, at::kFloat), y = at::empty({n}, at::kLong);
  for (std::int64_t i = 0; i < n; ++i) {
    const Row r =
        toy.draw({uniform.data_ptr<double>() + 4 * i, normal.data_ptr<double>() + 2 * i, noise, toy.components});
    x.data_ptr<float>()[2 * i] = static_cast<float>(r.x);
    x.data_ptr<float>()[2 * i + 1] = static_cast<float>(r.y);
    y.data_ptr<std::int64_t>()[i] = r.label;
  }
  return Map{{"x", box(x)}, {"y", box(y)}};
}

// { n, seed?, noise? = 1, means?: [[..], ..] = [[0, 0]] } -> { x: [n, d], y }: equally likely isotropic Gaussians.
Value gaussians(const Spec& a, Job&) {
  const std::int64_t n = a.count("n", 1);
  const double noise = a.nonNegative("noise", 1);
  std::vector<std::vector<double>> means = {{0, 0}};
  if (a.has("means")) {
    means.clear();
    for (const Spec& m : a.at("means").items()) {
      means.push_back(m.numbers());
      if (means.back().empty() || means.back().size() != means.front().size())
        m.invalid("must have as many coordinates as the first mean, at least one");
    }
    if (means.empty()) a.at("means").invalid("needs at least one mean");
  }
  const auto d = static_cast<std::int64_t>(means.front().size());
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  const at::Tensor uniform = random.uniform(n, 1, 0, Stream::Data, at::kDouble).contiguous();
  at::Tensor x = random.normal(n, d, 0, Stream::DataNoise, at::kDouble).mul(noise).contiguous();
  at::Tensor y = at::empty({n}, at::kLong);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto k = std::min(
        means.size() - 1, static_cast<std::size_t>(uniform.data_ptr<double>()[i] * static_cast<double>(means.size())));
    for (std::int64_t j = 0; j < d; ++j) x.data_ptr<double>()[i * d + j] += means[k][static_cast<std::size_t>(j)];
    y.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(k);
  }
  return Map{{"x", box(x.to(at::kFloat))}, {"y", box(y)}};
}

// { kind, points: [n, 2], noise?, threads? } -> float64 [n]
Value logDensityOfToy(const Spec& a, Job&) {
  const Toy& toy = toys().find(a);
  const at::Tensor points = asRows(unbox(a.at("points")), 2, at::kDouble, at::kCPU, "points").contiguous();
  requireFinite(points, "points");
  const double noise = a.nonNegative("noise", toy.noise);
  return box(toyLogDensity(toy, noise, points, a.threads()));
}

}  // namespace

const Registry<Toy>& toys() {
  static const Registry<Toy> registry = {
      "toy distribution",
      {
          {"rings", {rings, 0.05, 4, curveDensity}},
          {"moons", {moons, 0.1, 2, curveDensity}},
          {"eightGaussians", {eightGaussians, 0.1, 8, curveDensity}},
          {"twentyFiveGaussians", {twentyFiveGaussians, 0.05, 25, curveDensity}},
          {"checkerboard", {checkerboard, 0, 8, squaresDensity}},
          {"pinwheel", {pinwheel, 0.05, 5, pinwheelDensity}},
          {"swissRoll", {swissRoll, 0.05, 1, curveDensity}},
          {"twoSpirals", {twoSpirals, 0.05, 2, curveDensity}},
          {"cosine", {cosine, 0.1, 1, curveDensity}},
          {"unequalModes", {unequalModes, 0.3, 5, curveDensity}},
      },
  };
  return registry;
}

const std::vector<Function>& toyFunctions() {
  static const std::vector<Function> table = {
      {"toys.sample", Lane::Immediate, sampleToy},
      {"toys.gaussians", Lane::Immediate, gaussians},
      {"toys.logDensity", Lane::Short, logDensityOfToy},
  };
  return table;
}

}  // namespace langevin
