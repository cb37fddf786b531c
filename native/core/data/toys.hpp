// Toy distributions of the plane: how a row is made of random numbers, and the density that follows from it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/registry.hpp"
#include "base/torch.hpp"

namespace langevin {

/// What a row is made of: four uniforms and two standard normals of its own.
struct ToyDraw {
  const double* uniform;
  const double* normal;
  double noise;
  std::int64_t components;  // equally likely ones
  std::int64_t component() const {
    return std::min(components - 1, static_cast<std::int64_t>(uniform[0] * static_cast<double>(components)));
  }
};

struct ToyRow {
  double x, y;
  std::int64_t label;
};

/// log p at a point of the plane; -infinity where there is nothing.
using LogDensity = std::function<double(double x, double y)>;

struct Toy {
  ToyRow (*draw)(const ToyDraw&);
  double noise;  // default
  std::int64_t components;
  LogDensity (*density)(const Toy&, double noise);
};

/// Every toy by its name.
const Registry<Toy>& toys();

/// Toys whose rows are a curve c_k(u1), u1 uniform, blurred by N(0, noise^2 I): a sum of Gaussians over nodes of each
/// curve an eighth of the noise apart or closer, placed by the toy's own draw().
LogDensity curveDensity(const Toy& toy, double noise);
/// Toys uniform on unit squares, whose lower corner draw() gives for u1 = u2 = 0: products of error functions, or plain
/// areas without noise.
LogDensity squaresDensity(const Toy& toy, double noise);
/// pinwheel: rows are (a, b) turned by an angle that depends on a. The density is that of (a, b), a ~ N(1, 0.3^2),
/// b ~ N(0, noise^2), over the Jacobian, summed over the (a, b) that lead to a point.
LogDensity pinwheelDensity(const Toy& toy, double noise);

/// log p at points float64 [n, 2]: float64 [n].
at::Tensor toyLogDensity(const Toy& toy, double noise, const at::Tensor& points, int threads);

}  // namespace langevin
