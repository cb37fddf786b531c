#include <cmath>
#include <limits>
#include <memory>
#include <numbers>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "data/toys.hpp"
#include "tensors/log_sum.hpp"

namespace langevin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using std::numbers::pi;

// The noiseless point of component k at the parameters (u, v).
ToyRow noiseless(const Toy& toy, std::int64_t k, double u, double v) {
  const double uniform[4] = {(static_cast<double>(k) + 0.5) / static_cast<double>(toy.components), u, v, 0.5};
  const double normal[2] = {0, 0};
  return toy.draw({uniform, normal, 0, toy.components});
}

void requireNoise(double noise) {
  if (!(noise > 0)) fail(Code::InvalidOption, "without noise the rows lie on a curve, which has no density: noise > 0");
}

// Nodes of a mixture of equal Gaussians, in blocks with a bounding box so that far ones are passed over.
class Nodes {
 public:
  Nodes(std::vector<ToyRow> nodes, std::vector<double> weights, double noise)
      : nodes_(std::move(nodes)), weights_(std::move(weights)), variance_(noise * noise) {
    for (std::size_t first = 0; first < nodes_.size(); first += kBlock) {
      Box box{kInfinity, -kInfinity, kInfinity, -kInfinity, first, std::min(nodes_.size(), first + kBlock)};
      for (std::size_t i = box.first; i < box.last; ++i) {
        box.left = std::min(box.left, nodes_[i].x);
        box.right = std::max(box.right, nodes_[i].x);
        box.low = std::min(box.low, nodes_[i].y);
        box.high = std::max(box.high, nodes_[i].y);
      }
      boxes_.push_back(box);
    }
  }

  double logDensity(double x, double y) const {
    double nearest = kInfinity;
    for (const Box& box : boxes_)
      if (box.squaredDistance(x, y) < nearest)
        for (std::size_t i = box.first; i < box.last; ++i) nearest = std::min(nearest, squaredDistance(i, x, y));
    // Nodes that add less than exp(-45) of the nearest one's share do not count.
    const double reach = nearest + 90 * variance_;
    double sum = 0;
    for (const Box& box : boxes_)
      if (box.squaredDistance(x, y) < reach)
        for (std::size_t i = box.first; i < box.last; ++i)
          sum += weights_[i] * std::exp((nearest - squaredDistance(i, x, y)) / (2 * variance_));
    return std::log(sum) - nearest / (2 * variance_) - std::log(2 * pi * variance_);
  }

 private:
  static constexpr std::size_t kBlock = 32;
  struct Box {
    double left, right, low, high;
    std::size_t first, last;
    double squaredDistance(double x, double y) const {
      const double dx = std::max({left - x, x - right, 0.0}), dy = std::max({low - y, y - high, 0.0});
      return dx * dx + dy * dy;
    }
  };
  double squaredDistance(std::size_t i, double x, double y) const {
    return (nodes_[i].x - x) * (nodes_[i].x - x) + (nodes_[i].y - y) * (nodes_[i].y - y);
  }

  std::vector<ToyRow> nodes_;
  std::vector<double> weights_;
  double variance_;
  std::vector<Box> boxes_;
};

// Midpoints of component k's curve, doubled until neighbours are at most `gap` apart.
std::vector<ToyRow> curveNodes(const Toy& toy, std::int64_t k, double gap) {
  constexpr std::int64_t kMost = 1 << 16;
  for (std::int64_t m = 2;; m *= 2) {
    std::vector<ToyRow> nodes;
    double widest = 0;
    for (std::int64_t j = 0; j < m; ++j) {
      nodes.push_back(noiseless(toy, k, (static_cast<double>(j) + 0.5) / static_cast<double>(m), 0.5));
      if (j > 0)
        widest = std::max(widest,
                          std::hypot(nodes[static_cast<std::size_t>(j)].x - nodes[static_cast<std::size_t>(j - 1)].x,
                                     nodes[static_cast<std::size_t>(j)].y - nodes[static_cast<std::size_t>(j - 1)].y));
    }
    if (widest <= gap || m >= kMost) return nodes;
  }
}

double gaussian(double z) { return -0.5 * z * z - 0.5 * std::log(2 * pi); }

// Share of N(v, noise^2) in [low, low + 1].
double share(double v, double low, double noise) {
  if (noise == 0) return v >= low && v < low + 1 ? 1 : 0;
  const double scale = noise * std::numbers::sqrt2;
  return 0.5 * (std::erf((v - low) / scale) - std::erf((v - low - 1) / scale));
}

}  // namespace

LogDensity curveDensity(const Toy& toy, double noise) {
  requireNoise(noise);
  std::vector<ToyRow> all;
  std::vector<double> weights;
  for (std::int64_t k = 0; k < toy.components; ++k) {
    const std::vector<ToyRow> nodes = curveNodes(toy, k, noise / 8);
    all.insert(all.end(), nodes.begin(), nodes.end());
    weights.resize(all.size(), 1 / static_cast<double>(toy.components) / static_cast<double>(nodes.size()));
  }
  const auto nodes = std::make_shared<const Nodes>(std::move(all), std::move(weights), noise);
  return [nodes](double x, double y) { return nodes->logDensity(x, y); };
}

LogDensity squaresDensity(const Toy& toy, double noise) {
  std::vector<ToyRow> corners;
  for (std::int64_t k = 0; k < toy.components; ++k) corners.push_back(noiseless(toy, k, 0, 0));
  return [corners, noise](double x, double y) {
    double sum = 0;
    for (const ToyRow& c : corners) sum += share(x, c.x, noise) * share(y, c.y, noise);
    return std::log(sum / static_cast<double>(corners.size()));
  };
}

// (x, y) = R(t) (a, b) with t = t_k + exp(a) / 4. Turned back by t, a point must have a as its first coordinate: the
// roots of g(a) = x cos t + y sin t - a. The Jacobian of (a, b) -> (x, y) is 1 - b dt/da = -g'(a).
LogDensity pinwheelDensity(const Toy& toy, double noise) {
  requireNoise(noise);
  constexpr double kSd = 0.3, kFirst = 1 - 8 * kSd, kStep = 0.01;
  constexpr int kSteps = static_cast<int>(16 * kSd / kStep);
  struct Turn {
    double a, cosine, sine;
  };
  const auto turnAt = [](double start, double a) {
    const double t = start + 0.25 * std::exp(a);
    return Turn{a, std::cos(t), std::sin(t)};
  };
  // The turns of every arm at the steps where g is looked at for a change of sign, computed once.
  std::vector<double> starts;
  std::vector<std::vector<Turn>> arms;
  for (std::int64_t k = 0; k < toy.components; ++k) {
    starts.push_back(2 * pi * static_cast<double>(k) / static_cast<double>(toy.components));
    arms.emplace_back();
    for (int i = 0; i <= kSteps; ++i) arms.back().push_back(turnAt(starts.back(), kFirst + kStep * i));
  }
  return [starts, arms, turnAt, noise](double x, double y) {
    const auto g = [x, y](const Turn& turn) { return x * turn.cosine + y * turn.sine - turn.a; };
    LogSum sum;
    bool any = false;
    for (std::size_t k = 0; k < arms.size(); ++k)
      for (std::size_t i = 1; i < arms[k].size(); ++i) {
        const bool above = g(arms[k][i - 1]) > 0;
        if (above == (g(arms[k][i]) > 0)) continue;
        double low = arms[k][i - 1].a, high = arms[k][i].a;
        for (int bisection = 0; bisection < 48; ++bisection) {
          const double middle = 0.5 * (low + high);
          ((g(turnAt(starts[k], middle)) > 0) == above ? low : high) = middle;
        }
        const Turn root = turnAt(starts[k], 0.5 * (low + high));
        const double b = y * root.cosine - x * root.sine;
        sum.add(gaussian((root.a - 1) / kSd) - std::log(kSd) + gaussian(b / noise) - std::log(noise) -
                std::log(std::abs(1 - 0.25 * std::exp(root.a) * b)));
        any = true;
      }
    return any ? sum.value() - std::log(static_cast<double>(arms.size())) : -kInfinity;
  };
}

at::Tensor toyLogDensity(const Toy& toy, double noise, const at::Tensor& points, int threads) {
  const LogDensity density = toy.density(toy, noise);
  at::Tensor result = at::empty({points.size(0)}, at::kDouble);
  const double* p = points.data_ptr<double>();
  double* out = result.data_ptr<double>();
  const Tiling tiling(points.size(0));
  parallelTiles(tiling.count(), threads, [&](std::int64_t tile) {
    const TileRange r = tiling.range(tile);
    for (std::int64_t i = r.first; i < r.last; ++i) out[i] = density(p[2 * i], p[2 * i + 1]);
  });
  return result;
}

}  // namespace langevin
