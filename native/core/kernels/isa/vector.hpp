// One vector of float32 as wide as the instruction set allows, with the few operations the kernels need. Included only
// by the per-instruction-set sources. Fused multiply-adds are explicit (the files are compiled with -ffp-contract=off):
// what must be the same bits everywhere (the normals) uses plain products and sums.
#pragma once

#include <cstdint>
#include <cstring>

#if LANGEVIN_ISA_LEVEL >= 1
#include <immintrin.h>
#endif

namespace langevin::LANGEVIN_ISA {

constexpr int kWidth = LANGEVIN_ISA_LEVEL >= 2 ? 16 : LANGEVIN_ISA_LEVEL == 1 ? 8 : 4;  // floats in a vector
using Vec = float __attribute__((vector_size(4 * kWidth)));
using Int = std::int32_t __attribute__((vector_size(4 * kWidth)));
using Word = std::uint32_t __attribute__((vector_size(4 * kWidth)));

#define LANGEVIN_INLINE [[gnu::always_inline, maybe_unused]] static inline

LANGEVIN_INLINE Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
LANGEVIN_INLINE void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
LANGEVIN_INLINE Vec all(float x) { return Vec{} + x; }

// The first `count` < kWidth floats; the others are 0 and not touched in memory.
LANGEVIN_INLINE Vec loadPart(const float* p, int count) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1u), p);
#else
  Vec v{};
  std::memcpy(&v, p, sizeof(float) * static_cast<std::size_t>(count));
  return v;
#endif
}
LANGEVIN_INLINE void storePart(float* p, Vec v, int count) {
#if LANGEVIN_ISA_LEVEL >= 2
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1u), (__m512)v);
#else
  std::memcpy(p, &v, sizeof(float) * static_cast<std::size_t>(count));
#endif
}

// a b + c, in one rounding where the instruction set has it.
LANGEVIN_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
// c - a b
LANGEVIN_INLINE Vec fnma(Vec a, Vec b, Vec c) { return fma(-a, b, c); }

// The smaller and the larger; a NaN in x passes through.
LANGEVIN_INLINE Vec least(Vec limit, Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)_mm512_min_ps((__m512)limit, (__m512)x);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)_mm256_min_ps((__m256)limit, (__m256)x);
#else
  return limit < x ? limit : x;
#endif
}
LANGEVIN_INLINE Vec most(Vec limit, Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)_mm512_max_ps((__m512)limit, (__m512)x);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)_mm256_max_ps((__m256)limit, (__m256)x);
#else
  return limit > x ? limit : x;
#endif
}
// x where it is within +- limit, else the limit.
LANGEVIN_INLINE Vec bounded(float limit, Vec x) { return least(all(limit), most(all(-limit), x)); }

// Whether a comparison holds for one lane or more.
LANGEVIN_INLINE bool any(Int holds) {
#if LANGEVIN_ISA_LEVEL >= 2
  return _mm512_movepi32_mask((__m512i)holds) != 0;
#elif LANGEVIN_ISA_LEVEL == 1
  return _mm256_movemask_ps((__m256)holds) != 0;
#else
  std::int32_t found = 0;
  for (int i = 0; i < kWidth; ++i) found |= holds[i];
  return found != 0;
#endif
}

LANGEVIN_INLINE Vec magnitude(Vec x) { return (Vec)((Word)x & 0x7FFFFFFFu); }

LANGEVIN_INLINE Vec nearest(Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)_mm512_roundscale_ps((__m512)x, 0x08);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)_mm256_round_ps((__m256)x, 0x08);
#else
  const Vec shifter = all(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  return (x + shifter) - shifter;
#endif
}

// p 2^k for whole k in [-126, 127].
LANGEVIN_INLINE Vec scaled(Vec p, Vec k) {
  const Int whole = __builtin_convertvector(k, Int);
  return p * (Vec)((whole + 127) << 23);
}

// 1 / x within 1 ulp for normal x below 2^126.
LANGEVIN_INLINE Vec reciprocal(Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  const Vec r = (Vec)_mm512_rcp14_ps((__m512)x);
  return fma(r, fnma(x, r, all(1.0f)), r);
#else
  return 1.0f / x;
#endif
}

LANGEVIN_INLINE Vec squareRoot(Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)_mm512_sqrt_ps((__m512)x);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)_mm256_sqrt_ps((__m256)x);
#else
  Vec r;
  for (int i = 0; i < kWidth; ++i) r[i] = __builtin_sqrtf(x[i]);
  return r;
#endif
}

// The sum of the lanes, halves first: a fixed order.
LANGEVIN_INLINE float total(Vec v) {
#if LANGEVIN_ISA_LEVEL >= 2
  return _mm512_reduce_add_ps((__m512)v);
#else
  float part[kWidth];
  store(part, v);
  for (int width = kWidth / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) part[i] += part[i + width];
  return part[0];
#endif
}

}  // namespace langevin::LANGEVIN_ISA
