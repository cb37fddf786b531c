// rastrigin: E(x) = scale [ a d + sum_i (x_i^2 - a cos(2 pi x_i)) ] (Rastrigin 1974). Minimum 0 at the origin.
#include <numbers>

#include "program/builder.hpp"

namespace langevin {

Program lowerRastrigin(const Spec& spec) {
  Builder b("rastrigin");
  const std::int64_t d = spec.count("input", 1, 2);
  const double a = spec.number("a", 10.0);
  const int x = b.input(d);
  const int wave = b.scale(b.apply("cos", {b.scale(x, 2.0 * std::numbers::pi)}, d), a);
  const int total = b.affine(b.sum(b.sub(b.square(x), wave)), 1.0, a * static_cast<double>(d));
  b.setEnergy(b.scale(total, spec.positive("scale", 1.0)));
  return b.finish();
}

}  // namespace langevin
