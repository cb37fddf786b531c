// e^x and ln x of every number, denormals, infinities and NaN included, to about 1 ulp. Included only by the
// per-instruction-set sources.
#pragma once

#include "kernels/isa/vector.hpp"

namespace langevin::LANGEVIN_ISA {

// What differs between the number types: ln 2 in two parts, of which the first has room for k; where e^x has long become
// infinite and 0; the bits of sqrt(1/2); what lifts a denormal.
#ifdef LANGEVIN_DOUBLE
constexpr double kLn2High = 0x1.62e42fefa3800p-1, kLn2Low = 0x1.ef35793c76730p-45;
constexpr double kExpMost = 710, kExpLeast = -746, kSmallestNormal = 0x1p-1022, kLift = 0x1p54;
constexpr Bits kRootHalf = 0x3FE6A09E667F3BCDull;
constexpr int kMantissaBits = 52, kLiftBits = 54;

// (e^f - 1 - f) / f^2 for |f| <= ln 2 / 2; e^f is then good to 7.7e-18.
LANGEVIN_INLINE Vec exponentialSeries(Vec f) {
  Vec p = fma(all(2.511003086448314e-08), f, all(2.7632653813943203e-07));
  p = fma(p, f, all(2.755724239252037e-06));
  p = fma(p, f, all(2.4801487331710507e-05));
  p = fma(p, f, all(0.0001984126988653446));
  p = fma(p, f, all(0.0013888888947815134));
  p = fma(p, f, all(0.00833333333332223));
  p = fma(p, f, all(0.041666666666522016));
  p = fma(p, f, all(0.16666666666666674));
  return fma(p, f, all(0.500000000000001));
}

// (2 atanh(s) / s - 2) / z with z = s^2 <= 0.04; the logarithm is then good to 2.6e-19.
LANGEVIN_INLINE Vec logarithmSeries(Vec z) {
  Vec p = fma(all(0.13860440559483056), z, all(0.13171925745474183));
  p = fma(p, z, all(0.15391138788011474));
  p = fma(p, z, all(0.18181668120782626));
  p = fma(p, z, all(0.22222224187397185));
  p = fma(p, z, all(0.2857142855769595));
  p = fma(p, z, all(0.40000000000043456));
  return fma(p, z, all(0.6666666666666663));
}
#else
constexpr float kLn2High = 0.693145751953125f, kLn2Low = 1.42860682031e-6f;
constexpr float kExpMost = 89, kExpLeast = -104, kSmallestNormal = 0x1p-126f, kLift = 0x1p25f;
constexpr Bits kRootHalf = 0x3F3504F3u;
constexpr int kMantissaBits = 23, kLiftBits = 25;

// As above, to 3e-9.
LANGEVIN_INLINE Vec exponentialSeries(Vec f) {
  Vec p = fma(all(0.001381455122f), f, all(0.008368715241f));
  p = fma(p, f, all(0.04166838843f));
  p = fma(p, f, all(0.1666652065f));
  return fma(p, f, all(0.4999999345f));
}

// As above, to 5e-10.
LANGEVIN_INLINE Vec logarithmSeries(Vec z) {
  Vec p = fma(all(0.24279078841f), z, all(0.28498786688f));
  p = fma(p, z, all(0.40000972152f));
  return fma(p, z, all(0.66666662693f));
}
#endif

// e^x = (1 + q) 2^k, |q| < 1/2.
struct Exponential {
  Vec q, k;
  Vec value() const { return scaled(1.0f + q, k); }
  Vec lessOne() const { return scaled(q, k) + (scaled(all(1), k) - 1.0f); }  // e^x - 1, nothing cancels
};

LANGEVIN_INLINE Exponential exponentialParts(Vec x) {
  const Vec c = least(all(kExpMost), most(all(kExpLeast), x));
  const Vec k = nearest(c * static_cast<Number>(1.4426950408889634));
  const Vec f = fnma(k, all(kLn2Low), fnma(k, all(kLn2High), c));
  return {fma(f * f, exponentialSeries(f), f), k};
}

LANGEVIN_INLINE Vec fullExponential(Vec x) { return exponentialParts(x).value(); }

// The same, and 0 where it would be no normal number: of shares of a sum those are nothing, and what is done with them takes
// a hundred times as long.
LANGEVIN_INLINE Vec normalExponential(Vec x) {
  constexpr Number kLeastNormal = sizeof(Number) == 8 ? static_cast<Number>(-708.39) : static_cast<Number>(-87.33);
  const Vec e = fullExponential(most(all(kLeastNormal), x));
  return x < kLeastNormal ? Vec{} : e;
}

// k ln 2 + ln(1 + f) for f from sqrt(1/2) - 1 to 1/2.
LANGEVIN_INLINE Vec logarithmOf(Vec f, Vec k) {
  const Vec s = f * reciprocal(2.0f + f);
  const Vec z = s * s, half = 0.5f * f * f;
  const Vec rest = fma(s, fma(z, logarithmSeries(z), half), k * kLn2Low);
  return fma(k, all(kLn2High), f - (half - rest));
}

LANGEVIN_INLINE Vec fullLogarithm(Vec x) {
  const Int small = x < kSmallestNormal;
  const Word shifted = (Word)(small ? x * kLift : x) - kRootHalf;
  const Word mantissa = shifted & ((Bits{1} << kMantissaBits) - 1);
#ifdef LANGEVIN_DOUBLE
  // No conversion of 64-bit numbers before AVX-512: the exponent goes below the digits of 2^52.
  const Vec power = (Vec)(((shifted + (Bits{1} << 62)) >> 52) | (Word)all(0x1p52)) - (0x1p52 + 1024);
#else
  const Vec power = __builtin_convertvector((Int)shifted >> kMantissaBits, Vec);
#endif
  const Vec k = power - (small ? all(kLiftBits) : Vec{});
  const Vec value = logarithmOf((Vec)(mantissa + kRootHalf) - 1.0f, k);
  const Number infinity = static_cast<Number>(__builtin_inf());
  const Vec edge = x == 0.0f ? all(-infinity) : (x < 0.0f ? all(static_cast<Number>(__builtin_nan(""))) : x);
  return (x > 0.0f) & (x < infinity) ? value : edge;
}

}  // namespace langevin::LANGEVIN_ISA
