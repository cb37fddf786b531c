// doubleWell: E(x) = barrier ((x_1 / separation)^2 - 1)^2 + tilt x_1 + stiffness / 2 sum_{i > 1} x_i^2. Without tilt
// the wells lie at x_1 = +-separation and the barrier between them is `barrier`.
#include "program/builder.hpp"

namespace langevin {

Program lowerDoubleWell(const Spec& spec) {
  Builder b("doubleWell");
  const std::int64_t d = spec.count("input", 1, 1);
  const double separation = spec.positive("separation", 1.0), tilt = spec.number("tilt", 0.0);
  const int x = b.input(d);
  const int first = b.slice(x, 0, 1);
  const int well = b.square(b.affine(b.square(first), 1.0 / (separation * separation), -1.0));
  int energy = b.scale(well, spec.positive("barrier", 1.0));
  if (tilt != 0) energy = b.add(energy, b.scale(first, tilt));
  if (d > 1)
    energy = b.add(energy, b.scale(b.sum(b.square(b.slice(x, 1, d - 1))), 0.5 * spec.positive("stiffness", 1.0)));
  b.setEnergy(energy);
  return b.finish();
}

}  // namespace langevin
