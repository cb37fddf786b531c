// Smooth functions of float64 with their derivatives, a vector at a time, see functions.hpp: values and first derivatives
// to about 2 ulp wherever nothing cancels in them.
#pragma once

#include "kernels/isa/exp_log.hpp"

namespace langevin::LANGEVIN_ISA {

// ln(1 + u) for u in [0, 1].
LANGEVIN_INLINE Vec log1pUnit(Vec u) {
  const Int large = u > 0.5;
  return logarithmOf(large ? (u - 1.0) * 0.5 : u, large ? all(1.0) : Vec{});
}

// Up to such an angle the parts that sinCos() takes off are exact: 33 digits of pi / 2 times 20 of a whole number.
constexpr double kFarAngle = 1e6;

// The angles beyond. The library knows pi to as many digits as they take.
[[gnu::noinline, gnu::cold, maybe_unused]] static void sinCosFar(const Vec& x, Vec& s, Vec& c) {
  for (int i = 0; i < kWidth; ++i) {
    if (!(__builtin_fabs(x[i]) > kFarAngle)) continue;
    s[i] = __builtin_sin(x[i]);
    c[i] = __builtin_cos(x[i]);
  }
}

// x less the nearest multiple k of pi / 2, taken off in three parts; what the second rounds off goes into the third.
LANGEVIN_INLINE Vec withoutTurns(Vec x, Vec k) {
  const Vec first = fnma(k, all(0x1.921fb544p+0), x), second = k * 0x1.0b4611a6p-34;
  const Vec a = first - second, lost = (first - a) - second;
  return a + fnma(k, all(0x1.3198a2e037073p-69), lost);
}

// sin and cos of any angle; the series are good to 6e-18 and 1.5e-19 up to pi / 4.
LANGEVIN_INLINE void sinCos(Vec x, Vec& s, Vec& c) {
  const Vec k = nearest(x * 0.6366197723675814);
  const Vec a = withoutTurns(x, k), z = a * a;
  Vec p = fma(all(1.5894579781530364e-10), z, all(-2.5050732379646736e-08));
  p = fma(fma(p, z, all(2.755731363850439e-06)), z, all(-0.00019841269830108826));
  p = fma(fma(p, z, all(0.008333333333323624)), z, all(-0.1666666666666664));
  const Vec sine = fma(a * z, p, a);
  Vec r = fma(all(-1.1367900041939653e-11), z, all(2.087589636756931e-09));
  r = fma(fma(r, z, all(-2.7557315730261363e-07)), z, all(2.480158729460575e-05));
  r = fma(fma(r, z, all(-0.0013888888888882816)), z, all(0.04166666666666665));
  const Vec half = 0.5 * z, most = 1.0 - half;
  const Vec cosine = most + fma(z * z, r, (1.0 - most) - half);
  const Int q = (Int)(k + kShifter);
  const Int odd = (q & 1) != 0;
  const Vec u = odd ? cosine : sine;
  const Vec v = odd ? sine : cosine;
  s = (q & 2) != 0 ? -u : u;
  c = ((q + 1) & 2) != 0 ? -v : v;
  if (any(magnitude(x) > kFarAngle)) sinCosFar(x, s, c);
}

// From e^-|x|, which neither overflows nor cancels.
struct Sigmoid {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec e = fullExponential(-magnitude(x));
    const Vec s = reciprocal(1.0 + e);
    return {x < 0.0 ? e * s : s, e * s * s};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair p = at(x, x);
    return p.d * (1.0 - 2.0 * p.y);
  }
};

struct Silu {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Pair s = Sigmoid::at(x, x);  // 0 below -750, s' beyond on either side
    return {most(all(-800.0), x) * s.y, fma(bounded(800.0, x), s.d, s.y)};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair s = Sigmoid::at(x, x);  // s' (2 + x (1 - 2 s))
    return s.d * fma(bounded(800.0, x), fnma(all(2.0), s.y, all(1.0)), all(2.0));
  }
};

// -m / (2 + m) of |x| with m = e^(-2 |x|) - 1.
struct Tanh {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Exponential parts = exponentialParts(-2.0 * magnitude(x));
    const Vec e = parts.value(), m = parts.lessOne(), r = reciprocal(2.0 + m);
    const Word sign = (Word)x & (Bits{1} << 63);
    return {(Vec)((Word)(-m * r) | sign), 4.0 * e * r * r};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair p = at(x, x);
    return -2.0 * p.y * p.d;
  }
};

// e^(-a^2 / 2): what a^2 rounds off is put back.
LANGEVIN_INLINE Vec bell(Vec a) {
  const Vec square = a * a;
#if LANGEVIN_ISA_LEVEL >= 1
  const Vec lost = fma(a, a, -square);
#else
  const Vec high = (Vec)((Word)a & ~((Bits{1} << 27) - 1)), low = a - high;
  const Vec lost = ((high * high - square) + 2.0 * high * low) + low * low;
#endif
  const Vec g = fullExponential(-0.5 * square);
  return fnma(0.5 * lost, g, g);
}

// Phi(-a) = e^(-a^2 / 2) t P(u) with t = 5 / (5 + a), u = (5 - a) / (5 + a); P to 6e-18 of it for a in [0, 39].
LANGEVIN_INLINE Vec normalTail(Vec a, Vec g) {
  constexpr double kSeries[] = {
      -6.059851936174267e-11,  -2.8633481794042905e-10, 1.5884483662780473e-09, 1.6587895419513613e-09,
      -1.3202267968777817e-08, -8.17587674556723e-09,   8.657676973252496e-08,  6.710726663538633e-08,
      -5.537904812682022e-07,  -7.960768483284494e-07,  3.336208255555464e-06,  9.952530947162566e-06,
      -1.1875134968631485e-05, -0.00010897980666914255, -0.0001595738815985292, 0.0005986753533396923,
      0.004159013360166966,    0.013823727741314127,    0.03300407323406753,    0.06270663133425923,
      0.09906112319399546,     0.13307650057801135,     0.15383860995001258};
  const Vec r = reciprocal(5.0 + a), u = (5.0 - a) * r;
  Vec p = all(kSeries[0]);
#pragma GCC unroll 24
  for (int i = 1; i < 23; ++i) p = fma(p, u, all(kSeries[i]));
  return g * (5.0 * r) * p;
}

struct Gelu {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec a = least(all(39.0), magnitude(x)), g = bell(a);
    const Vec tail = normalTail(a, g);
    const Vec phi = x < 0.0 ? tail : 1.0 - tail;
    return {most(all(-39.0), x) * phi, fma(bounded(39.0, x) * g, all(0.3989422804014327), phi)};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Vec c = bounded(39.0, x);
    return bell(c) * 0.3989422804014327 * (2.0 - c * c);
  }
};

struct Softplus {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec e = fullExponential(-magnitude(x));
    const Vec s = reciprocal(1.0 + e);
    const Vec m = most(all(0.0), x) + log1pUnit(e);
    return {x > 20.0 ? x : m, x > 20.0 ? all(1.0) : (x < 0.0 ? e * s : s)};
  }
  LANGEVIN_INLINE Vec bend(Vec x) { return Sigmoid::at(x, x).d; }
};

}  // namespace langevin::LANGEVIN_ISA
