// funnel: v = x_1 ~ N(0, sigma^2), x_i | v ~ N(0, e^v) for i > 1 (Neal 2003, section 8), normalised: log Z = 0.
// E(x) = v^2 / (2 sigma^2) + e^-v / 2 sum_{i > 1} x_i^2 + (d - 1) v / 2 + log sigma + d / 2 log(2 pi).
#include <cmath>
#include <numbers>

#include "program/builder.hpp"

namespace langevin {

Program lowerFunnel(const Spec& spec) {
  Builder b("funnel");
  const std::int64_t d = spec.count("input", 2, 10);
  const double sigma = spec.positive("sigma", 3.0);
  const int x = b.input(d);
  const int v = b.slice(x, 0, 1);
  const int squared = b.sum(b.square(b.slice(x, 1, d - 1)));
  const int mouth = b.scale(b.mul(squared, b.apply("exp", {b.apply("neg", {v}, 1)}, 1)), 0.5);
  const double constant = std::log(sigma) + 0.5 * static_cast<double>(d) * std::log(2.0 * std::numbers::pi);
  const int neck = b.affine(v, 0.5 * static_cast<double>(d - 1), constant);
  b.setNormalised();
  b.setEnergy(b.add(b.add(b.scale(b.square(v), 0.5 / (sigma * sigma)), mouth), neck));
  return b.finish();
}

}  // namespace langevin
