// The f-divergences D_f(p, q) = E_q f(p / q) by what their variational form needs of f: with u = log p / q,
// f'(e^u) and F(u) = f*(f'(e^u)) = e^u f'(e^u) - f(e^u), and their derivatives w and e^u w.
#pragma once

#include <functional>
#include <string>

#include "base/spec.hpp"

namespace langevin {

struct FDivergence {
  using Function = std::function<double(double u)>;
  std::string name;
  Function slope;      // f'(e^u)
  Function conjugate;  // F(u)
  Function weight;     // w(u), the derivative of slope
  Function force;      // e^u w(u), that of F
};

/// kl, reverseKl, jensenShannon, squaredHellinger, pearson, neyman, or { alpha } with alpha neither 0 nor 1, as they
/// are for |u| <= `clip`. Beyond it another generator takes over, see f_divergences.cpp.
FDivergence readFDivergence(const Spec& spec, double clip);

}  // namespace langevin
