// rosenbrock: E(x) = scale sum_{i < d} [ b (x_{i+1} - x_i^2)^2 + (a - x_i)^2 ] (Rosenbrock 1960; the chained form for
// d > 2). Minimum 0 at (1, ..., 1) when a = 1.
#include "program/builder.hpp"

namespace langevin {

Program lowerRosenbrock(const Spec& spec) {
  Builder b("rosenbrock");
  const std::int64_t d = spec.count("input", 2, 2);
  const int x = b.input(d);
  const int head = b.slice(x, 0, d - 1), tail = b.slice(x, 1, d - 1);
  const int valley = b.scale(b.square(b.sub(tail, b.square(head))), spec.positive("b", 100.0));
  const int along = b.square(b.affine(head, -1.0, spec.number("a", 1.0)));
  b.setEnergy(b.scale(b.sum(b.add(valley, along)), spec.positive("scale", 1.0)));
  return b.finish();
}

}  // namespace langevin
