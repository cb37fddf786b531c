// e^x of float32 in as few operations as the activations need it: within bounds, to a few ulp. Included only by the
// per-instruction-set sources.
#pragma once

#include "kernels/isa/vector.hpp"

namespace langevin::LANGEVIN_ISA {

#if LANGEVIN_ISA_LEVEL >= 2

// 2^(i/32) as bits, less i 2^18: adding j 2^18 for a whole number j with j mod 32 = i then leaves 2^(j/32).
alignas(64) constexpr std::uint32_t kPowers[32] = {
    0x3F800000u, 0x3F7ECD87u, 0x3F7DAAC3u, 0x3F7C980Fu, 0x3F7B95C2u, 0x3F7AA43Au, 0x3F79C3D3u, 0x3F78F4F0u,
    0x3F7837F0u, 0x3F778D3Au, 0x3F76F532u, 0x3F767043u, 0x3F75FED7u, 0x3F75A15Bu, 0x3F75583Fu, 0x3F7523F6u,
    0x3F7504F3u, 0x3F74FBAFu, 0x3F7508A4u, 0x3F752C4Du, 0x3F75672Au, 0x3F75B9BEu, 0x3F76248Cu, 0x3F76A81Eu,
    0x3F7744FDu, 0x3F77FBB8u, 0x3F78CCDFu, 0x3F79B907u, 0x3F7AC0C7u, 0x3F7BE4BAu, 0x3F7D257Du, 0x3F7E83B3u};

// e^c = 2^(j/32) 2^(f/32), j whole, |f| <= 1/2: the first from two registers, the second a cubic (minimax, 1e-10). The
// multipliers are what a product's sums wait for: fewer of them than a polynomial alone would take. Relative error
// 1e-7 + 2e-8 |c|. For -87 <= c <= 88; NaN passes through.
LANGEVIN_INLINE Vec exponentialWithin(Vec c) {
  const Vec shifter = all(12582912.0f);  // 1.5 2^23: the sum's last bits are the nearest whole number
  const Vec t = fma(c, all(46.16624131f), shifter);
  const Vec f = fma(c, all(46.16624131f), shifter - t);
  const Vec low = load(reinterpret_cast<const float*>(kPowers));
  const Vec high = load(reinterpret_cast<const float*>(kPowers + 16));
  const Vec power = (Vec)_mm512_permutex2var_ps((__m512)low, (__m512i)t, (__m512)high);
  const Vec whole = (Vec)((Word)power + ((Word)t << 18));
  const Vec p = fma(fma(all(1.693865022e-6f), f, all(2.345980979e-4f)), f, all(2.166084939e-2f));
  return fma(whole * f, p, whole);
}

#else

// e^c = 2^k 2^f, k whole, |f| <= 1/2, a minimax polynomial for 2^f: relative error 1e-7 + 2e-8 |c|. For -87 <= c <= 88;
// NaN passes through.
LANGEVIN_INLINE Vec exponentialWithin(Vec c) {
  const Vec k = nearest(c * 1.44269504f);
  const Vec f = fma(c, all(1.44269504f), -k);
  Vec p = fma(all(1.53473201e-4f), f, all(1.34001545e-3f));
  p = fma(p, f, all(9.61848424e-3f));
  p = fma(p, f, all(5.55032808e-2f));
  p = fma(p, f, all(2.40226469e-1f));
  p = fma(p, f, all(6.93147206e-1f));
  const Int whole = __builtin_convertvector(k, Int);
  return fma(p, f, all(1.0f)) * (Vec)((whole + 127) << 23);
}

#endif

// Saturates below -87, at 2e-38, and above 88: whoever multiplies it by numbers of any size keeps those in bounds.
LANGEVIN_INLINE Vec exponential(Vec x) { return exponentialWithin(least(all(88.0f), most(all(-87.0f), x))); }

}  // namespace langevin::LANGEVIN_ISA
