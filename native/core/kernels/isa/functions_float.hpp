// Smooth functions of float32 with their derivatives, a vector at a time, see functions.hpp.
#pragma once

#include "kernels/isa/exp_log.hpp"
#include "kernels/isa/exponential.hpp"

namespace langevin::LANGEVIN_ISA {

// ln(u) for u in (0, 1], about 1 ulp: mantissa in [sqrt(1/2), sqrt(2)), series in s = f / (2 + f). Without fused
// multiply-adds: the normals are made of it.
LANGEVIN_INLINE Vec logUnit(Vec u) {
  const Word shifted = (Word)u - 0x3F3504F3u;
  const Vec k = __builtin_convertvector((Int)shifted >> 23, Vec);
  const Vec f = (Vec)((shifted & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
  const Vec s = f / (2.0f + f);
  const Vec z = s * s;
  const Vec w = z * z;
  const Vec r = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
  const Vec h = 0.5f * f * f;
  return k * 0.693138063f - ((h - (s * (h + r) + k * 9.05800061e-6f)) - f);
}

// ln(1 + u) = 2 atanh(s) for u in [0, 1], s = u / (2 + u) in [0, 1/3]: the odd series, fitted to 5e-9.
LANGEVIN_INLINE Vec log1pUnit(Vec u) {
  const Vec s = u * reciprocal(2.0f + u);
  const Vec z = s * s;
  const Vec p = fma(z, fma(z, fma(z, all(0.28024631f), all(0.27999109f)), all(0.40021701f)), all(0.66666413f));
  return fma(s * z, p, s + s);
}

// Above so large an angle the parts that sinCos() takes off are no longer whole turns to 1e-7: without fused
// multiply-adds their products are rounded.
constexpr float kFarAngle = LANGEVIN_ISA_LEVEL >= 1 ? 1e5f : 8192.0f;

// The angles beyond: seconds since 1970, say. The library knows pi to as many digits as they take.
[[gnu::noinline, gnu::cold, maybe_unused]] static void sinCosFar(const Vec& x, Vec& s, Vec& c) {
  for (int i = 0; i < kWidth; ++i) {
    if (!(__builtin_fabsf(x[i]) > kFarAngle)) continue;
    s[i] = __builtin_sinf(x[i]);
    c[i] = __builtin_cosf(x[i]);
  }
}

// sin and cos of any angle: whole turns are taken off in parts.
LANGEVIN_INLINE void sinCos(Vec x, Vec& s, Vec& c) {
  const Vec k = nearest(x * 0.636619772f);
  const Vec a = fnma(k, all(7.54978942e-8f), fnma(k, all(4.83751297e-4f), fnma(k, all(1.5703125f), x)));
  const Int q = __builtin_convertvector(k, Int);
  const Vec z = a * a;
  const Vec sine = a + a * z * (-0.16666654611f + z * (0.0083321608736f + z * -0.00019515295891f));
  const Vec cosine = 1.0f - 0.5f * z + z * z * (0.041666645683f + z * (-0.001388731625f + z * 0.000024433157118f));
  const Int odd = (q & 1) != 0;
  const Vec u = odd ? cosine : sine;
  const Vec v = odd ? sine : cosine;
  s = (q & 2) != 0 ? -u : u;
  c = ((q + 1) & 2) != 0 ? -v : v;
  if (any(magnitude(x) > kFarAngle)) sinCosFar(x, s, c);
}

// s = 1 / (1 + e^-x) and s' = s (1 - s) = e^-x s^2, which cancels nowhere.
struct Sigmoid {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec e = exponential(-x);
    const Vec s = reciprocal(1.0f + e);
    return {s, e * s * s};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair p = at(x, x);
    return p.d * (1.0f - 2.0f * p.y);
  }
};

struct Silu {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec c = most(all(-88.0f), x);  // below, x s is nothing
    const Vec e = exponentialWithin(most(all(-87.0f), -c));
    const Vec s = reciprocal(1.0f + e);
    const Vec y = c * s;
    return {y, fma(least(all(87.0f), y), e * s, s)};  // s + x s (1 - s)
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair s = Sigmoid::at(x, x);  // s' (2 + x (1 - 2 s))
    return s.d * fma(bounded(88.0f, x), fnma(all(2.0f), s.y, all(1.0f)), all(2.0f));
  }
};

struct Tanh {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec a = magnitude(x);
    const Vec e = exponential(-2.0f * a);
    const Vec large = (1.0f - e) * reciprocal(1.0f + e);
    const Vec z = a * a;  // below 0.3 the quotient cancels: Taylor series to a^9
    Vec p = fma(z, all(0.0218694885f), all(-0.0539682540f));
    p = fma(z, fma(z, p, all(0.133333333f)), all(-0.333333333f));
    const Vec m = a < 0.3f ? fma(a * z, p, a) : large;
    const Vec y = x < 0.0f ? -m : m;
    return {y, fnma(y, y, all(1.0f))};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Pair p = at(x, x);
    return -2.0f * p.y * p.d;
  }
};

// Phi by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7).
struct Gelu {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec a = least(all(1e18f), magnitude(x) * 0.707106781f);
    const Vec t = reciprocal(fma(a, all(0.3275911f), all(1.0f)));
    const Vec g = exponential(-a * a);
    Vec p = fma(t, all(1.061405429f), all(-1.453152027f));
    p = fma(t, fma(t, fma(t, p, all(1.421413741f)), all(-0.284496736f)), all(0.254829592f));
    const Vec tail = 0.5f * g * t * p;
    const Vec phi = x < 0.0f ? tail : 1.0f - tail;
    return {x * phi, fma(bounded(1e4f, x) * g, all(0.398942280f), phi)};
  }
  LANGEVIN_INLINE Vec bend(Vec x) {
    const Vec c = bounded(1e4f, x);
    return exponential(-0.5f * c * c) * 0.398942280f * (2.0f - c * c);
  }
};

struct Softplus {
  LANGEVIN_INLINE Pair at(Vec x, Vec) {
    const Vec e = exponential(-magnitude(x));
    const Vec s = reciprocal(1.0f + e);
    const Vec m = most(all(0.0f), x) + log1pUnit(e);
    return {x > 20.0f ? x : m, x > 20.0f ? all(1.0f) : (x < 0.0f ? e * s : s)};
  }
  LANGEVIN_INLINE Vec bend(Vec x) { return Sigmoid::at(x, x).d; }
};

}  // namespace langevin::LANGEVIN_ISA
