// Products of bfloat16 numbers with float32 sums: A is rounded to bfloat16 a block of rows at a time, B was rounded
// when it was packed. Pairs of numbers along the depth lie side by side, as the processor's dot product of pairs wants
// them; an instruction set without it multiplies the same rounded numbers in float32.
#pragma once

#include "kernels/isa/gemm.hpp"

namespace langevin::LANGEVIN_ISA {

// Nearest, ties to even; a NaN stays one.
LANGEVIN_INLINE std::uint32_t roundedBits(float x) {
  const std::uint32_t u = __builtin_bit_cast(std::uint32_t, x);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (u >> 16) | 0x40u;
  return (u + 0x7FFFu + ((u >> 16) & 1u)) >> 16;
}

LANGEVIN_INLINE std::int64_t pairsOf(std::int64_t depth) { return (depth + 1) / 2; }

// A panel holds, pair by pair along the depth, kPanel words of two numbers each.
[[maybe_unused]] static std::int64_t packedHalfWords(std::int64_t depth, std::int64_t cols) {
  return (cols + kPanel - 1) / kPanel * kPanel * pairsOf(depth);
}

[[maybe_unused]] static void packHalf(const Matrix& b, std::int64_t depth, std::int64_t cols, std::uint32_t* out) {
  const auto at = [&](std::int64_t k, std::int64_t j) -> std::uint32_t {
    return k < depth && j < cols ? roundedBits(b.data[k * b.rowStride + j * b.columnStride]) : 0u;
  };
  for (std::int64_t first = 0; first < cols; first += kPanel)
    for (std::int64_t k = 0; k < pairsOf(depth); ++k)
      for (std::int64_t j = first; j < first + kPanel; ++j) *out++ = at(2 * k, j) | (at(2 * k + 1, j) << 16);
}

// Rows of A as pairs, pairsOf(depth) words per row.
LANGEVIN_INLINE void roundRow(const float* a, std::int64_t depth, std::uint32_t* out) {
  std::int64_t k = 0;
#if LANGEVIN_ISA_LEVEL >= 3
  for (; k + 32 <= depth; k += 32) {
    const __m512bh pair = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(a + k + 16), _mm512_loadu_ps(a + k));
    std::memcpy(out + k / 2, &pair, sizeof pair);
  }
#endif
  for (; k < depth; k += 2) out[k / 2] = roundedBits(a[k]) | (k + 1 < depth ? roundedBits(a[k + 1]) << 16 : 0u);
}

LANGEVIN_INLINE Vec addPairs(Vec sum, Word a, Word b) {
#if LANGEVIN_ISA_LEVEL >= 3
  return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
  const Vec low = fma((Vec)(a << 16), (Vec)(b << 16), sum);
  return fma((Vec)(a & 0xFFFF0000u), (Vec)(b & 0xFFFF0000u), low);
#endif
}

LANGEVIN_INLINE Word loadWords(const std::uint32_t* p) {
  Word w;
  std::memcpy(&w, p, sizeof w);
  return w;
}

template <int MR>
LANGEVIN_INLINE void accumulateHalf(Vec (&sums)[MR][2], const std::uint32_t* a, const std::uint32_t* panel,
                                    std::int64_t pairs) {
  const std::uint32_t* at[4] = {a, a + 3 * pairs, a + 6 * pairs, a + 9 * pairs};
  for (std::int64_t k = 0; k < pairs; ++k) {
    const Word b0 = loadWords(panel), b1 = loadWords(panel + kWidth);
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      const Word x = Word{} + at[i / 3][(i % 3) * pairs];
      sums[i][0] = addPairs(sums[i][0], x, b0);
      sums[i][1] = addPairs(sums[i][1], x, b1);
    }
    panel += kPanel;
    for (auto& p : at) ++p;
  }
}

template <int MR>
static void multiplyHalfBlock(const std::uint32_t* a, const std::uint32_t* panel, std::int64_t pairs, const Block& b) {
  Vec sums[MR][2];
  startSums(sums, b);
  accumulateHalf(sums, a, panel, pairs);
  storeSums(sums, b);
}

template <int MR>
static void multiplyHalfRest(std::int64_t rows, const std::uint32_t* a, const std::uint32_t* panel, std::int64_t pairs,
                             const Block& b) {
  if constexpr (MR > 0) {
    if (rows == MR) return multiplyHalfBlock<MR>(a, panel, pairs, b);
    multiplyHalfRest<MR - 1>(rows, a, panel, pairs, b);
  }
}

// multiply() in bfloat16: `packed` is what packHalf() made, p.panel holds the rounded rows, pairsOf(depth)
// per row.
[[maybe_unused]] static void multiplyHalf(const Product& p, const std::uint32_t* packed) {
  const std::int64_t pairs = pairsOf(p.depth);
  auto* rounded = reinterpret_cast<std::uint32_t*>(p.panel);
  for (std::int64_t i = 0; i < p.rows; ++i) roundRow(p.a + i * p.lda, p.depth, rounded + i * pairs);
  for (std::int64_t first = 0; first < p.cols; first += kPanel)
    for (std::int64_t i = 0; i < p.rows; i += kBlock) {
      const std::int64_t rows = p.rows - i < kBlock ? p.rows - i : kBlock;
      const Block block = blockOf(p, i, first);
      const std::uint32_t *a = rounded + i * pairs, *panel = packed + first * pairs;
      const auto fill = [&]<int MR>(Vec(&sums)[MR][2]) { accumulateHalf(sums, a, panel, pairs); };
      if (finishedWhole(p, block, rows, fill)) continue;
      multiplyHalfRest<kBlock>(rows, a, panel, pairs, block);
      finish(p, block, rows);
    }
}

}  // namespace langevin::LANGEVIN_ISA
