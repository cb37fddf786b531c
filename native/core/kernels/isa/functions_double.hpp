// Smooth functions of float64 with their derivatives, see functions.hpp.
#pragma once
#include "kernels/isa/vector.hpp"

namespace langevin::LANGEVIN_ISA {

template <class F>
LANGEVIN_INLINE Pair lanes(Vec x, F f) {
  Pair r{};
  for (int i = 0; i < kWidth; ++i) {
    const double v = x[i];
    double y, d;
    f(v, y, d);
    r.y[i] = y;
    r.d[i] = d;
  }
  return r;
}
LANGEVIN_INLINE void sinCos(Vec x, Vec& s, Vec& c) {
  for (int i = 0; i < kWidth; ++i) {
    s[i] = __builtin_sin(x[i]);
    c[i] = __builtin_cos(x[i]);
  }
}
struct Sigmoid {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    return lanes(x, [](double v, double& y, double& d) {
      const double e = __builtin_exp(v < 0 ? v : -v), r = 1 / (1 + e);
      y = v < 0 ? e * r : r;
      d = e * r * r;
    });
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair p = at(x, x);
    return p.d * (1.0 - 2.0 * p.y);
  }
};
struct Silu {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Pair s = Sigmoid::at(x, x);
    return {most(all(-800.0), x) * s.y, fma(bounded(800.0, x), s.d, s.y)};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair s = Sigmoid::at(x, x);
    return s.d * fma(bounded(800.0, x), fnma(all(2.0), s.y, all(1.0)), all(2.0));
  }
};
struct Tanh {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    return lanes(x, [](double v, double& y, double& d) {
      y = __builtin_tanh(v);
      d = 1 - y * y;
    });
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair p = at(x, x);
    return -2.0 * p.y * p.d;
  }
};
struct Gelu {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    return lanes(x, [](double v, double& y, double& d) {
      const double phi = 0.5 * __builtin_erfc(-v * 0.70710678118654752), w = v < -1e4 ? -1e4 : v > 1e4 ? 1e4 : v;
      y = v < -1e4 ? -0.0 : v * phi;
      d = phi + w * __builtin_exp(-0.5 * w * w) * 0.3989422804014327;
    });
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    return lanes(bounded(1e4, x),
                 [](double v, double& y, double& d) {
                   y = d = __builtin_exp(-0.5 * v * v) * 0.3989422804014327 * (2 - v * v);
                 })
        .y;
  }
};
struct Softplus {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Pair s = Sigmoid::at(x, x);
    const Pair y = lanes(x, [](double v, double& l, double& d) {
      l = v > 20 ? v : (v > 0 ? v : 0) + __builtin_log1p(__builtin_exp(v > 0 ? -v : v));
      d = v > 20 ? 1.0 : 0.0;
    });
    return {y.y, x > 20.0 ? all(1.0) : s.y};
  }
  LANGEVIN_INLINE Vec bend(Vec x) { return Sigmoid::at(x, x).d; }
};
}  // namespace langevin::LANGEVIN_ISA
