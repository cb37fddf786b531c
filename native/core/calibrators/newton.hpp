// Newton's method with a line search, for smooth convex functions of a few numbers.
#pragma once

#include <cmath>
#include <functional>

#include "base/torch.hpp"

namespace langevin {

/// A function at a point: its value, gradient [p] and Hessian [p, p], float64.
struct SecondOrder {
  double value = 0;
  at::Tensor gradient, hessian;
};

/// The minimiser of a convex function from `start` [p] on, to a largest gradient entry of `tolerance`; where `steps` steps do not
/// suffice the last point (its gradient says so). Singular directions are damped.
struct NewtonResult {
  at::Tensor at;
  SecondOrder there;
  bool converged = false;
};
inline NewtonResult minimiseConvex(const std::function<SecondOrder(const at::Tensor&)>& f, const at::Tensor& start,
                                   double tolerance = 1e-11, int steps = 200) {
  NewtonResult r{start.clone(), f(start), false};
  const at::Tensor eye = at::eye(start.numel(), at::kDouble);
  for (int s = 0; s < steps; ++s) {
    const double slope = r.there.gradient.abs().max().item<double>();
    if (slope <= tolerance) return r.converged = true, r;
    const double damping = 1e-12 * (1 + r.there.hessian.diagonal().abs().max().item<double>());
    const at::Tensor step = at::linalg_solve(r.there.hessian + damping * eye, r.there.gradient.unsqueeze(1)).squeeze(1);
    const double decrease = step.dot(r.there.gradient).item<double>();
    double t = 1;
    for (; t > 1e-12; t /= 2) {
      const at::Tensor next = r.at - t * step;
      SecondOrder there = f(next);
      // Near the minimum the value no longer changes in its last digit: the gradient decides.
      const bool lower = there.value <= r.there.value - 1e-4 * t * decrease;
      if (!lower && !(t == 1 && there.gradient.abs().max().item<double>() < slope / 2)) continue;
      r.at = next;
      r.there = std::move(there);
      break;
    }
    if (t <= 1e-12) break;
  }
  r.converged = r.there.gradient.abs().max().item<double>() <= std::sqrt(tolerance) * 1e-3;
  return r;
}

}  // namespace langevin
