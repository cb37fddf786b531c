// The curves themselves. The formulas are this project's reconstruction of a discussion article that gives none.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.hpp"
#include "data/spandrel.hpp"
#include "tensors/log_sum.hpp"

namespace langevin {
namespace {

using std::numbers::pi;

double squared(double v) { return v * v; }
double gap(Point a, Point b) { return std::hypot(a.x - b.x, a.y - b.y); }

// log erfc(v) without underflow: beyond v = 5 by the continued fraction of the Mills ratio (Abramowitz and Stegun
// 7.1.14), which converges to double precision in 60 terms there.
double logErfc(double v) {
  if (v < 5) return std::log(std::erfc(v));
  double fraction = v;
  for (int k = 60; k >= 1; --k) fraction = v + 0.5 * k / fraction;
  return -v * v - std::log(fraction) - 0.5 * std::log(pi);
}

// log of (Phi(b) - Phi(a)), a < b, exact to rounding in the tails.
double logNormalInterval(double a, double b) {
  if (b <= 0) return logNormalInterval(-b, -a);
  if (a < 0) return std::log(0.5 * (std::erf(b / std::numbers::sqrt2) - std::erf(a / std::numbers::sqrt2)));
  const double upper = logErfc(a / std::numbers::sqrt2), lower = logErfc(b / std::numbers::sqrt2);
  return upper + std::log(0.5) + std::log1p(-std::exp(lower - upper));
}

// A straight segment from p to q. Along it the integral of the Gaussian is a difference of two normal distribution
// functions: exact.
class Segment : public CurvePiece {
 public:
  Segment(Point p, Point q, int label) : CurvePiece(0, 1, label), p_(p), q_(q), length_(gap(p, q)) {}
  Point at(double t) const override { return {p_.x + t * (q_.x - p_.x), p_.y + t * (q_.y - p_.y)}; }
  std::function<double(Point)> logDensity(double sigma) const override {
    const double constant = std::log(sigma * std::sqrt(2 * pi)) + std::log(length_);
    return [this, sigma, constant](Point z) {
      const auto [along, across] = coordinates(z);
      return -0.5 * squared(across / sigma) - constant + logNormalInterval(-along / sigma, (length_ - along) / sigma);
    };
  }
  double distance(Point z) const override {
    const auto [along, across] = coordinates(z);
    return std::hypot(across, along - std::clamp(along, 0.0, length_));
  }

 private:
  struct Local {
    double along, across;
  };
  Local coordinates(Point z) const {
    const double ux = (q_.x - p_.x) / length_, uy = (q_.y - p_.y) / length_;
    const double dx = z.x - p_.x, dy = z.y - p_.y;
    return {dx * ux + dy * uy, dy * ux - dx * uy};
  }
  Point p_, q_;
  double length_;
};

// Curved pieces: the integral over t by Gauss-Legendre with 8 nodes on panels no longer than sigma, where a Gaussian of
// width sigma is integrated to about 1e-13.
class Curved : public CurvePiece {
 public:
  /// `fastest`: the largest speed |dc/dt|.
  Curved(double first, double last, int label, double fastest) : CurvePiece(first, last, label), fastest_(fastest) {}

  std::function<double(Point)> logDensity(double sigma) const override {
    const double range = last() - first();
    const auto panels = static_cast<std::size_t>(std::ceil(range * fastest_ / sigma));
    const double width = range / static_cast<double>(panels);
    std::vector<Panel> cut(panels);
    for (std::size_t k = 0; k < panels; ++k) {
      const double middle = first() + (static_cast<double>(k) + 0.5) * width;
      cut[k].middle = at(middle);
      for (std::size_t j = 0; j < 8; ++j) cut[k].nodes[j] = at(middle + 0.5 * kNodes[j] * width);
    }
    const double constant = std::log(0.5 / static_cast<double>(panels)) - std::log(2 * pi * sigma * sigma);
    // No point of a panel is farther from its middle than this.
    const double reach = 0.5 * width * fastest_;
    return [cut = std::move(cut), sigma, constant, reach](Point z) { return constant + logSum(cut, z, sigma, reach); };
  }

 private:
  struct Panel {
    Point middle;
    std::array<Point, 8> nodes;
  };

  static double logSum(const std::vector<Panel>& panels, Point z, double sigma, double reach) {
    double nearest = std::numeric_limits<double>::max();
    for (const Panel& panel : panels)
      nearest = std::min(nearest, squared(z.x - panel.middle.x) + squared(z.y - panel.middle.y));
    // The largest exponent is at least that of the nearest middle; panels that stay 45 below it, under 1e-19 of the
    // sum, are left out.
    const double far = std::sqrt(nearest + 90 * sigma * sigma) + reach;
    LogSum sum;
    for (const Panel& panel : panels) {
      if (squared(z.x - panel.middle.x) + squared(z.y - panel.middle.y) > far * far) continue;
      for (std::size_t j = 0; j < 8; ++j) {
        const double distance = squared(z.x - panel.nodes[j].x) + squared(z.y - panel.nodes[j].y);
        sum.add(-0.5 * distance / (sigma * sigma) + kLogWeights[j]);
      }
    }
    return sum.value();
  }

  static constexpr double kNodes[8] = {-0.9602898564975363, -0.7966664774136267, -0.5255324099163290,
                                       -0.1834346424956498, 0.1834346424956498,  0.5255324099163290,
                                       0.7966664774136267,  0.9602898564975363};
  inline static const double kLogWeights[8] = {std::log(0.1012285362903763), std::log(0.2223810344533745),
                                               std::log(0.3137066458778873), std::log(0.3626837833783620),
                                               std::log(0.3626837833783620), std::log(0.3137066458778873),
                                               std::log(0.2223810344533745), std::log(0.1012285362903763)};
  double fastest_;
};

// A unit half circle: angles [first, first + pi] about a centre.
class HalfCircle : public Curved {
 public:
  HalfCircle(Point centre, double first, int label) : Curved(first, first + pi, label, 1), centre_(centre) {}
  Point at(double t) const override { return {centre_.x + std::cos(t), centre_.y + std::sin(t)}; }
  double distance(Point z) const override {
    const double dx = z.x - centre_.x, dy = z.y - centre_.y;
    const bool facing = first() == 0 ? dy >= 0 : dy <= 0;
    if (facing) return std::abs(std::hypot(dx, dy) - 1);
    return std::min(gap(z, at(first())), gap(z, at(last())));
  }

 private:
  Point centre_;
};

// The lemniscate (1.3 cos t, 1.8 sin t cos t) / (1 + sin^2 t).
class Twist : public Curved {
 public:
  // |dc/dt|^2 is largest at t = 0, where dc/dt = (0, 1.8).
  Twist() : Curved(0, 2 * pi, 0, 1.8) {
    for (std::size_t i = 0; i < kCut; ++i) cut_[i] = at(2 * pi * static_cast<double>(i) / kCut);
  }
  int label(double t) const override { return std::cos(t) < 0 ? 0 : 1; }
  Point at(double t) const override {
    const double s = std::sin(t), c = std::cos(t), d = 1 + s * s;
    return {1.3 * c / d, 1.8 * s * c / d};
  }
  // The squared distance has few minima along the curve; each is bracketed on a fine cut and narrowed
  // by golden section.
  double distance(Point z) const override {
    const auto far = [&](double t) {
      const Point c = at(t);
      return squared(z.x - c.x) + squared(z.y - c.y);
    };
    std::array<double, kCut> values;
    for (std::size_t i = 0; i < kCut; ++i) values[i] = squared(z.x - cut_[i].x) + squared(z.y - cut_[i].y);
    double best = *std::min_element(values.begin(), values.end());
    const double threshold = squared(std::sqrt(best) + 1.8 * 2 * pi / kCut);
    for (int i = 0; i < kCut; ++i) {
      const double here = values[static_cast<std::size_t>(i)];
      const double before = values[static_cast<std::size_t>((i + kCut - 1) % kCut)];
      const double after = values[static_cast<std::size_t>((i + 1) % kCut)];
      // A minimum farther than the best value plus what the curve can move within one cut cannot win.
      if (here > before || here > after || here > threshold) continue;
      best = std::min(best, golden(far, 2 * pi * (i - 1) / kCut, 2 * pi * (i + 1) / kCut));
    }
    return std::sqrt(best);
  }

 private:
  template <class F>
  static double golden(F f, double low, double high) {
    constexpr double kRatio = 0.6180339887498949;
    double a = high - kRatio * (high - low), b = low + kRatio * (high - low), fa = f(a), fb = f(b);
    for (int i = 0; i < 50; ++i) {
      if (fa < fb) {
        high = b;
        b = a;
        fb = fa;
        a = high - kRatio * (high - low);
        fa = f(a);
      } else {
        low = a;
        a = b;
        fa = fb;
        b = low + kRatio * (high - low);
        fb = f(b);
      }
    }
    return std::min(fa, fb);
  }

  static constexpr int kCut = 360;
  std::array<Point, kCut> cut_;
};

// Bridges are those parts of a gap that lie at least 4 sigma (of the default 0.05) from every branch, so that the
// tube's own mass in them is negligible.
SpandrelShape step() {
  SpandrelShape s{"step", {}, {{-0.15, 0.15, -0.4, 0.4}}, {"left", "right"}};
  s.pieces.push_back(std::make_unique<Segment>(Point{-1.2, -0.6}, Point{-0.15, -0.6}, 0));
  s.pieces.push_back(std::make_unique<Segment>(Point{0.15, 0.6}, Point{1.2, 0.6}, 1));
  return s;
}

SpandrelShape splitCircle() {
  SpandrelShape s{"split-circle", {}, {}, {"lower", "upper"}};
  s.pieces.push_back(std::make_unique<HalfCircle>(Point{-0.35, 0}, pi, 0));
  s.pieces.push_back(std::make_unique<HalfCircle>(Point{0.35, 0}, 0, 1));
  return s;
}

SpandrelShape twist() {
  SpandrelShape s{"twist", {}, {}, {"left", "right"}};
  s.pieces.push_back(std::make_unique<Twist>());
  return s;
}

// y = +-(|x| + 0.1) for 0.25 < |x| < 1.2: the kink is left out.
SpandrelShape kissingPyramids() {
  constexpr double kNear = 0.25, kFar = 1.2, kOffset = 0.1;
  SpandrelShape s{"kissing-pyramids", {}, {{-0.1, 0.1, -0.2, 0.2}}, {"lower", "upper"}};
  for (int label : {0, 1}) {
    const double sign = label == 1 ? 1 : -1;
    for (double side : {-1.0, 1.0})
      s.pieces.push_back(std::make_unique<Segment>(Point{side * kNear, sign * (kNear + kOffset)},
                                                   Point{side * kFar, sign * (kFar + kOffset)}, label));
  }
  return s;
}

const std::vector<SpandrelShape>& shapes() {
  static const std::vector<SpandrelShape> all = [] {
    std::vector<SpandrelShape> v;
    v.push_back(step());
    v.push_back(splitCircle());
    v.push_back(twist());
    v.push_back(kissingPyramids());
    return v;
  }();
  return all;
}

}  // namespace

const SpandrelShape& spandrelShape(const std::string& name) {
  std::string known;
  for (const SpandrelShape& s : shapes()) {
    if (s.name == name) return s;
    known += (known.empty() ? "" : ", ") + s.name;
  }
  fail(Code::InvalidOption, "unknown spandrel shape '", name, "'; known: ", known);
}

std::vector<std::string> spandrelNames() {
  std::vector<std::string> names;
  for (const SpandrelShape& s : shapes()) names.push_back(s.name);
  return names;
}

}  // namespace langevin
