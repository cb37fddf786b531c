// Random directions v with E[v v'] = I, so that E[v' A v] = tr A and E[(v . a)^2] = |a|^2 (Hutchinson 1990).
#pragma once

#include <cmath>
#include <string>

#include "base/spec.hpp"
#include "tensors/random.hpp"

namespace langevin {

struct Projections {
  enum class Law { Gaussian, Rademacher, Sphere };
  Law law = Law::Rademacher;
  std::int64_t count = 1;  // directions per row

  static Projections read(const Spec& spec) {
    Projections p;
    p.count = spec.count("projections", 1, 1);
    const std::string law = spec.text("law", "rademacher");
    if (law == "gaussian")
      p.law = Law::Gaussian;
    else if (law == "sphere")
      p.law = Law::Sphere;
    else if (law != "rademacher")
      spec.at("law").invalid("must be gaussian, rademacher or sphere");
    return p;
  }

  /// [n, count, d] for rows x of a step; row i * count + m of Stream::Project is direction m of row i.
  at::Tensor draw(const at::Tensor& x, std::int64_t step, const Random& random) const {
    const std::int64_t n = x.size(0), d = x.size(1);
    const auto counter = static_cast<std::uint64_t>(step);
    at::Tensor v;
    if (law == Law::Rademacher) {
      v = random.uniform(n * count, d, counter, Stream::Project, x.options()).lt(0.5).to(x.scalar_type()) * 2 - 1;
    } else {
      v = random.normal(n * count, d, counter, Stream::Project, x.options());
      // On the sphere of radius sqrt(d).
      if (law == Law::Sphere) v = v * (std::sqrt(static_cast<double>(d)) / v.norm(2, {1}, true));
    }
    return v.view({n, count, d});
  }
};

}  // namespace langevin
