// Smooth activations with three derivatives, a vector at a time, for every float32 (see functions.hpp). Included only by the per-instruction-set sources.
#pragma once

#include "kernels/isa/functions.hpp"

namespace langevin::LANGEVIN_ISA {

struct Jet {
  Vec y, d1, d2, d3;  // f, f', f'', f'''
};

// s, s' = p, s'' = p (1 - 2 s), s''' = p (1 - 6 p)
LANGEVIN_INLINE Jet sigmoidJet(Vec x) {
  const Pair s = Sigmoid::at(x, x);
  return {s.y, s.d, s.d * fnma(all(2.0f), s.y, all(1.0f)), s.d * fnma(all(6.0f), s.d, all(1.0f))};
}

struct SigmoidJet {
  LANGEVIN_INLINE Jet at(Vec x) { return sigmoidJet(x); }
};

// The derivatives of x s are x s' + s, x s'' + 2 s', x s''' + 3 s''.
struct SiluJet {
  LANGEVIN_INLINE Jet at(Vec x) {
    const Jet s = sigmoidJet(x);
    const Vec y = most(all(-88.0f), x) * s.y, c = bounded(88.0f, x);
    return {y, fma(c, s.d1, s.y), fma(c, s.d2, 2.0f * s.d1), fma(c, s.d3, 3.0f * s.d2)};
  }
};

struct SoftplusJet {
  LANGEVIN_INLINE Jet at(Vec x) {
    const Jet s = sigmoidJet(x);
    return {Softplus::at(x, x).y, s.y, s.d1, s.d2};
  }
};

struct TanhJet {
  LANGEVIN_INLINE Jet at(Vec x) {
    const Pair p = Tanh::at(x, x);
    return {p.y, p.d, -2.0f * p.y * p.d, p.d * fma(6.0f * p.y, p.y, all(-2.0f))};
  }
};

struct GeluJet {
  LANGEVIN_INLINE Jet at(Vec x) {
    const Pair p = Gelu::at(x, x);
    const Vec c = bounded(1e4f, x), square = c * c, density = exponential(-0.5f * square) * 0.398942280f;
    return {p.y, p.d, density * (2.0f - square), c * density * (square - 4.0f)};
  }
};

}  // namespace langevin::LANGEVIN_ISA
