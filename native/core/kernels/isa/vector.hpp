// One vector of numbers as wide as the instruction set allows, with the few operations the kernels need: of float32, or of
// float64 where LANGEVIN_DOUBLE is set. Included only by the per-instruction-set sources. Fused multiply-adds are explicit
// (the files are compiled with -ffp-contract=off): what must be the same bits everywhere (the normals) uses plain products
// and sums.
#pragma once

#include <cstdint>
#include <cstring>

#if LANGEVIN_ISA_LEVEL >= 1
#include <immintrin.h>
#endif

namespace langevin::LANGEVIN_ISA {

// LANGEVIN_OF(_mm256_max) is the processor's function for the number type.
#ifdef LANGEVIN_DOUBLE
using Number = double;
using Whole = std::int64_t;
using Bits = std::uint64_t;
#define LANGEVIN_OF(name) name##_pd
#else
using Number = float;
using Whole = std::int32_t;
using Bits = std::uint32_t;
#define LANGEVIN_OF(name) name##_ps
#endif

// What the processor's functions take.
#if LANGEVIN_ISA_LEVEL >= 2 && defined(LANGEVIN_DOUBLE)
using Raw = __m512d;
using Mask = __mmask8;
#elif LANGEVIN_ISA_LEVEL >= 2
using Raw = __m512;
using Mask = __mmask16;
#elif LANGEVIN_ISA_LEVEL == 1 && defined(LANGEVIN_DOUBLE)
using Raw = __m256d;
#elif LANGEVIN_ISA_LEVEL == 1
using Raw = __m256;
#endif

constexpr int kBytes = LANGEVIN_ISA_LEVEL >= 2 ? 64 : LANGEVIN_ISA_LEVEL == 1 ? 32 : 16;  // of a vector
constexpr int kWidth = kBytes / static_cast<int>(sizeof(Number));                         // numbers in it
using Vec = Number __attribute__((vector_size(kBytes)));
using Int = Whole __attribute__((vector_size(kBytes)));
using Word = Bits __attribute__((vector_size(kBytes)));

#define LANGEVIN_INLINE [[gnu::always_inline, maybe_unused]] static inline

LANGEVIN_INLINE Vec load(const Number* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
LANGEVIN_INLINE void store(Number* p, Vec v) { std::memcpy(p, &v, sizeof v); }
// x in every lane. The difference, since 0 + x is not -0 for -0: an addition the compiler may not leave out, in front of
// every product, where a load could have done it.
LANGEVIN_INLINE Vec all(Number x) { return x - Vec{}; }

#if LANGEVIN_ISA_LEVEL == 1
// Which lanes _mm256_maskload takes: the first `count`.
LANGEVIN_INLINE __m256i firstLanesMask(int count) {
  alignas(32) static constexpr Whole kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMasks + 8 - count));
}
#endif

// The first `count` < kWidth numbers; the others are 0 and not touched in memory.
LANGEVIN_INLINE Vec loadPart(const Number* p, int count) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)LANGEVIN_OF(_mm512_maskz_loadu)(static_cast<Mask>((1u << count) - 1u), p);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)LANGEVIN_OF(_mm256_maskload)(p, firstLanesMask(count));
#else
  Vec v{};
  std::memcpy(&v, p, sizeof(Number) * static_cast<std::size_t>(count));
  return v;
#endif
}
LANGEVIN_INLINE void storePart(Number* p, Vec v, int count) {
#if LANGEVIN_ISA_LEVEL >= 2
  LANGEVIN_OF(_mm512_mask_storeu)(p, static_cast<Mask>((1u << count) - 1u), (Raw)v);
#elif LANGEVIN_ISA_LEVEL == 1
  LANGEVIN_OF(_mm256_maskstore)(p, firstLanesMask(count), (Raw)v);
#else
  std::memcpy(p, &v, sizeof(Number) * static_cast<std::size_t>(count));
#endif
}

// The first `count` numbers, which may be more than there are lanes, or none.
LANGEVIN_INLINE Vec loadSome(const Number* p, int count) {
  return count >= kWidth ? load(p) : count > 0 ? loadPart(p, count) : Vec{};
}
LANGEVIN_INLINE void storeSome(Number* p, Vec v, int count) {
  if (count >= kWidth)
    store(p, v);
  else if (count > 0)
    storePart(p, v, count);
}

// a b + c, in one rounding where the instruction set has it.
LANGEVIN_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)LANGEVIN_OF(_mm512_fmadd)((Raw)a, (Raw)b, (Raw)c);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)LANGEVIN_OF(_mm256_fmadd)((Raw)a, (Raw)b, (Raw)c);
#else
  return a * b + c;
#endif
}
// c - a b
LANGEVIN_INLINE Vec fnma(Vec a, Vec b, Vec c) { return fma(-a, b, c); }

// The smaller and the larger; a NaN in x passes through.
LANGEVIN_INLINE Vec least(Vec limit, Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)LANGEVIN_OF(_mm512_min)((Raw)limit, (Raw)x);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)LANGEVIN_OF(_mm256_min)((Raw)limit, (Raw)x);
#else
  return limit < x ? limit : x;
#endif
}
LANGEVIN_INLINE Vec most(Vec limit, Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)LANGEVIN_OF(_mm512_max)((Raw)limit, (Raw)x);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)LANGEVIN_OF(_mm256_max)((Raw)limit, (Raw)x);
#else
  return limit > x ? limit : x;
#endif
}
// x where it is within +- limit, else the limit.
LANGEVIN_INLINE Vec bounded(Number limit, Vec x) { return least(all(limit), most(all(-limit), x)); }

// Whether a comparison holds for one lane or more.
LANGEVIN_INLINE bool any(Int holds) {
#if LANGEVIN_ISA_LEVEL >= 2 && defined(LANGEVIN_DOUBLE)
  return _mm512_movepi64_mask((__m512i)holds) != 0;
#elif LANGEVIN_ISA_LEVEL >= 2
  return _mm512_movepi32_mask((__m512i)holds) != 0;
#elif LANGEVIN_ISA_LEVEL == 1
  return LANGEVIN_OF(_mm256_movemask)((Raw)holds) != 0;
#else
  Whole found = 0;
  for (int i = 0; i < kWidth; ++i) found |= holds[i];
  return found != 0;
#endif
}

LANGEVIN_INLINE Vec magnitude(Vec x) { return (Vec)((Word)x & (~Bits{0} >> 1)); }

// Adding it rounds to a whole number, which is then in the last bits: 1.5 times 2 to the digits of the mantissa.
constexpr Number kShifter = sizeof(Number) == 8 ? static_cast<Number>(0x1.8p52) : static_cast<Number>(0x1.8p23);

LANGEVIN_INLINE Vec nearest(Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)LANGEVIN_OF(_mm512_roundscale)((Raw)x, 0x08);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)LANGEVIN_OF(_mm256_round)((Raw)x, 0x08);
#else
  const Vec shifter = all(kShifter);
  return (x + shifter) - shifter;
#endif
}

// p 2^k for p near 1 and any whole k: denormals, 0 and infinity beyond.
LANGEVIN_INLINE Vec scaled(Vec p, Vec k) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)LANGEVIN_OF(_mm512_scalef)((Raw)p, (Raw)k);
#else
  constexpr int kMantissa = sizeof(Number) == 8 ? 52 : 23, kBias = sizeof(Number) == 8 ? 1023 : 127;
  const Vec half = nearest(k * 0.5f), rest = k - half;
  const Word first = ((Word)(half + kShifter) + kBias) << kMantissa;
  const Word second = ((Word)(rest + kShifter) + kBias) << kMantissa;
  return p * (Vec)first * (Vec)second;
#endif
}

// 1 / x within 1 ulp for normal x below a quarter of the largest number.
LANGEVIN_INLINE Vec reciprocal(Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  const Vec r = (Vec)LANGEVIN_OF(_mm512_rcp14)((Raw)x);
  const Vec better = fma(r, fnma(x, r, all(1)), r);
#ifdef LANGEVIN_DOUBLE
  return fma(better, fnma(x, better, all(1)), better);
#else
  return better;
#endif
#else
  return 1.0f / x;
#endif
}

LANGEVIN_INLINE Vec squareRoot(Vec x) {
#if LANGEVIN_ISA_LEVEL >= 2
  return (Vec)LANGEVIN_OF(_mm512_sqrt)((Raw)x);
#elif LANGEVIN_ISA_LEVEL == 1
  return (Vec)LANGEVIN_OF(_mm256_sqrt)((Raw)x);
#else
  Vec r;
  for (int i = 0; i < kWidth; ++i) r[i] = sizeof(Number) == 8 ? __builtin_sqrt(x[i]) : __builtin_sqrtf(x[i]);
  return r;
#endif
}

// The sum of the lanes, halves first: a fixed order.
LANGEVIN_INLINE Number total(Vec v) {
#if LANGEVIN_ISA_LEVEL >= 2
  return LANGEVIN_OF(_mm512_reduce_add)((Raw)v);
#else
  Number part[kWidth];
  store(part, v);
  for (int width = kWidth / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) part[i] += part[i + width];
  return part[0];
#endif
}

}  // namespace langevin::LANGEVIN_ISA
