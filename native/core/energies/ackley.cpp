// ackley: E(x) = scale [ -a exp(-b sqrt(mean x_i^2)) - exp(mean cos(c x_i)) + a + e ] (Ackley 1987). Minimum 0 at the
// origin, where it has a cone (the gradient there is taken as 0). E is bounded, so exp(-E) is integrable only within a
// box or with a Gaussian base term.
#include <cmath>
#include <numbers>

#include "program/builder.hpp"

namespace langevin {

Program lowerAckley(const Spec& spec) {
  Builder b("ackley");
  const std::int64_t d = spec.count("input", 1, 2);
  const double a = spec.number("a", 20.0), decay = spec.positive("b", 0.2);
  const double c = spec.number("c", 2.0 * std::numbers::pi);
  const int x = b.input(d);
  const int radius = b.scale(b.apply("norm", {x}, 1), -decay / std::sqrt(static_cast<double>(d)));
  const int bowl = b.scale(b.apply("exp", {radius}, 1), -a);
  const int waves = b.apply("exp", {b.apply("mean", {b.apply("cos", {b.scale(x, c)}, d)}, 1)}, 1);
  const int total = b.scale(b.affine(b.sub(bowl, waves), 1.0, a + std::numbers::e), spec.positive("scale", 1.0));
  b.setEnergy(b.withGaussianBase(total, x, spec));
  return b.finish();
}

}  // namespace langevin
