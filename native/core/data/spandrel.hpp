// The four shapes of the spandrel study: a support curve in the plane, blurred by isotropic Gaussian noise. Everything
// about them is known in closed form: samples, density, distance to the curve. float64 throughout.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/torch.hpp"

namespace langevin {

struct Point {
  double x, y;
};

/// An axis-parallel rectangle.
struct Rectangle {
  double xLow, xHigh, yLow, yHigh;
};

/// One smooth piece of the support curve, run through with its parameter uniform on [first, last].
class CurvePiece {
 public:
  CurvePiece(double first, double last, int label) : first_(first), last_(last), label_(label) {}
  virtual ~CurvePiece() = default;

  double first() const { return first_; }
  double last() const { return last_; }
  /// Class of points drawn from this piece (or from the part at t, where one piece has two classes).
  virtual int label(double) const { return label_; }
  virtual Point at(double t) const = 0;
  /// z -> log of the mean over t of N(z; c(t), sigma^2 I), with whatever depends on sigma alone worked out once.
  virtual std::function<double(Point)> logDensity(double sigma) const = 0;
  /// Distance from z to the piece.
  virtual double distance(Point z) const = 0;

 private:
  double first_, last_;
  int label_;
};

struct SpandrelShape {
  std::string name;
  std::vector<std::unique_ptr<CurvePiece>> pieces;  // equally likely
  std::vector<Rectangle> bridges;                   // unsampled gaps between branches
  std::vector<std::string> classes;
};

/// 'step', 'split-circle', 'twist' or 'kissing-pyramids'; ERR_LANGEVIN_INVALID_OPTION for any other name.
const SpandrelShape& spandrelShape(const std::string& name);
std::vector<std::string> spandrelNames();

/// log of the density of the tube at rows [n, 2], float64 [n]. Finite everywhere, also 80 sigma away.
at::Tensor spandrelLogDensity(const SpandrelShape& shape, const at::Tensor& points, double sigma, int threads);
/// Distance of rows [n, 2] to the curve, float64 [n].
at::Tensor spandrelDistance(const SpandrelShape& shape, const at::Tensor& points, int threads);

}  // namespace langevin
