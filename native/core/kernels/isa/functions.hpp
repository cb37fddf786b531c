// Elementary functions and activations with their derivatives, a vector at a time. Included only by the
// per-instruction-set sources.
#pragma once

#include "kernels/isa/vector.hpp"

namespace langevin::LANGEVIN_ISA {

// A function f has at(x): value and derivative; smooth ones have bend(x): the second derivative. All hold for every
// number of its type: the exponential() of float32 ends at 2e-38, which is no 0 beside 3e38, so what it is multiplied by is bounded first. NaN
// stays NaN.
struct Pair {
  Vec y, d;  // f(x), f'(x)
};

}  // namespace langevin::LANGEVIN_ISA

#ifdef LANGEVIN_DOUBLE
#include "kernels/isa/functions_double.hpp"
#else
#include "kernels/isa/functions_float.hpp"
#endif

namespace langevin::LANGEVIN_ISA {

struct Relu {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    return {most(all(0.0f), x) + 0.0f, x > 0.0f ? all(1.0f) : all(0.0f)};  // + 0: no -0
  }
};

struct LeakyRelu {
  LANGEVIN_INLINE Pair at(Vec x, Vec slope) { return {x > 0.0f ? x : slope * x, x > 0.0f ? all(1.0f) : slope}; }
};

struct Exp {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec e = fullExponential(x);
    return {e, e};
  }
};

struct Log {
  LANGEVIN_INLINE Pair at(Vec x, Vec) { return {fullLogarithm(x), 1.0f / x}; }
};

struct SquareRoot {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec r = squareRoot(x);
    return {r, 0.5f / r};
  }
};

struct Square {
  LANGEVIN_INLINE Pair at(Vec x, Vec) { return {x * x, 2.0f * x}; }
  LANGEVIN_INLINE Vec bend(Vec x) { return x == x ? all(2.0f) : x; }
};

struct Sin {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    Vec s, c;
    sinCos(x, s, c);
    return {s, c};
  }
  LANGEVIN_INLINE Vec bend(Vec x) { return -at(x, x).y; }
};

struct Cos {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    Vec s, c;
    sinCos(x, s, c);
    return {c, -s};
  }
  LANGEVIN_INLINE Vec bend(Vec x) { return -at(x, x).y; }
};

struct Abs {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    return {magnitude(x), x > 0.0f ? all(1.0f) : (x < 0.0f ? all(-1.0f) : all(0.0f))};
  }
};

}  // namespace langevin::LANGEVIN_ISA
