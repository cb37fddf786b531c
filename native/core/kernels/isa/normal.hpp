// Words and normals from counters, a vector of Philox4x32-10 blocks at a time (Salmon et al. 2011): the mapping counter
// -> number is defined here. Plain products and sums only, so every vector width gives the same bits.
#pragma once

#include "kernels/isa/functions.hpp"

namespace langevin::LANGEVIN_ISA {

struct Block4 {
  Word w[4];
};

// Low and high words of m x, lane by lane.
LANGEVIN_INLINE void multiplyWide(Word x, std::uint32_t m, Word& low, Word& high) {
#if LANGEVIN_ISA_LEVEL >= 2
  const __m512i f = _mm512_set1_epi32(static_cast<int>(m));
  const __m512i even = _mm512_mul_epu32((__m512i)x, f), odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)x, 32), f);
  low = (Word)_mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
  high = (Word)_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
#elif LANGEVIN_ISA_LEVEL == 1
  const __m256i f = _mm256_set1_epi32(static_cast<int>(m));
  const __m256i even = _mm256_mul_epu32((__m256i)x, f), odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)x, 32), f);
  low = (Word)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
  high = (Word)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
#else
  for (int i = 0; i < kWidth; ++i) {
    const std::uint64_t p = static_cast<std::uint64_t>(m) * x[i];
    low[i] = static_cast<std::uint32_t>(p);
    high[i] = static_cast<std::uint32_t>(p >> 32);
  }
#endif
}

LANGEVIN_INLINE void philoxVector(Block4& s, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    Word low0, high0, low1, high1;
    multiplyWide(s.w[0], 0xD2511F53u, low0, high0);
    multiplyWide(s.w[2], 0xCD9E8D57u, low1, high1);
    s.w[0] = high1 ^ s.w[1] ^ k0;
    s.w[2] = high0 ^ s.w[3] ^ k1;
    s.w[1] = low1;
    s.w[3] = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// Uniform on (0, 1) from the upper 24 bits.
LANGEVIN_INLINE Vec toUniformVector(Word w) { return (__builtin_convertvector((Int)(w >> 8), Vec) + 0.5f) * 0x1p-24f; }

// cos and sin of 2 pi v for v in (0, 1): nearest quarter turn, then two short polynomials.
LANGEVIN_INLINE void turnVector(Vec v, Vec& c, Vec& s) {
  const Vec t = v * 4.0f;
  const Int q = __builtin_convertvector(t + 0.5f, Int);
  const Vec a = (t - __builtin_convertvector(q, Vec)) * 1.57079632679f;
  const Vec z = a * a;
  const Vec sine = a + a * z * (-0.16666654611f + z * (0.0083321608736f + z * -0.00019515295891f));
  const Vec cosine = 1.0f - 0.5f * z + z * z * (0.041666645683f + z * (-0.001388731625f + z * 0.000024433157118f));
  const Int odd = (q & 1) != 0;
  const Vec x = odd ? sine : cosine;
  const Vec y = odd ? cosine : sine;
  c = (Vec)((Word)x ^ ((Word)((q + 1) & 2) << 30));
  s = (Vec)((Word)y ^ ((Word)(q & 2) << 30));
}

// Two normals from two words (Box and Muller 1958).
LANGEVIN_INLINE void boxMuller(Word first, Word second, Vec& a, Vec& b) {
  const Vec radius = squareRoot(-2.0f * logUnit(toUniformVector(first)));
  Vec c, s;
  turnVector(toUniformVector(second), c, s);
  a = radius * c;
  b = radius * s;
}

// The counters of kWidth blocks in a row: (row, block of 4 columns), blocks of a row first.
struct Walk {
  Word block, row;
  std::uint32_t blocks, stepBlock, stepRow;
  explicit Walk(std::uint32_t perRow)
      : block{}, row{}, blocks(perRow), stepBlock(kWidth % perRow), stepRow(kWidth / perRow) {
    for (int i = 0; i < kWidth; ++i) {
      block[i] = static_cast<std::uint32_t>(i) % perRow;
      row[i] = static_cast<std::uint32_t>(i) / perRow;
    }
  }
  void next() {
    block += stepBlock;
    row += stepRow;
    const Word wrapped = (Word)(block >= blocks);
    block -= wrapped & blocks;
    row -= wrapped;
  }
};

// The four normals of each of `lanes` blocks, block after block.
LANGEVIN_INLINE void interleave4(const Vec (&v)[4], float* out) {
#if LANGEVIN_ISA_LEVEL >= 2
  const __m512 a = _mm512_unpacklo_ps((__m512)v[0], (__m512)v[1]), b = _mm512_unpackhi_ps((__m512)v[0], (__m512)v[1]);
  const __m512 c = _mm512_unpacklo_ps((__m512)v[2], (__m512)v[3]), d = _mm512_unpackhi_ps((__m512)v[2], (__m512)v[3]);
  const auto pair = [](__m512 x, __m512 y, bool high) {
    return high ? (__m512)_mm512_unpackhi_pd((__m512d)x, (__m512d)y)
                : (__m512)_mm512_unpacklo_pd((__m512d)x, (__m512d)y);
  };
  // Lanes 0 4 8 12, 1 5 9 13, 2 6 10 14, 3 7 11 15, each four numbers long.
  const __m512 e = pair(a, c, false), f = pair(a, c, true), g = pair(b, d, false), h = pair(b, d, true);
  const __m512 ef0 = _mm512_shuffle_f32x4(e, f, 0x44), ef1 = _mm512_shuffle_f32x4(e, f, 0xEE);
  const __m512 gh0 = _mm512_shuffle_f32x4(g, h, 0x44), gh1 = _mm512_shuffle_f32x4(g, h, 0xEE);
  _mm512_storeu_ps(out, _mm512_shuffle_f32x4(ef0, gh0, 0x88));
  _mm512_storeu_ps(out + 16, _mm512_shuffle_f32x4(ef0, gh0, 0xDD));
  _mm512_storeu_ps(out + 32, _mm512_shuffle_f32x4(ef1, gh1, 0x88));
  _mm512_storeu_ps(out + 48, _mm512_shuffle_f32x4(ef1, gh1, 0xDD));
#else
  for (int i = 0; i < kWidth; ++i)
    for (int j = 0; j < 4; ++j) out[4 * i + j] = v[j][i];
#endif
}

// The two normals of each block where rows have two columns: rows lie side by side.
LANGEVIN_INLINE void interleave2(Vec first, Vec second, float* out) {
#if LANGEVIN_ISA_LEVEL >= 2
  const __m512 a = _mm512_unpacklo_ps((__m512)first, (__m512)second);
  const __m512 b = _mm512_unpackhi_ps((__m512)first, (__m512)second);
  const __m512 low = _mm512_shuffle_f32x4(a, b, 0x44), high = _mm512_shuffle_f32x4(a, b, 0xEE);
  _mm512_storeu_ps(out, _mm512_shuffle_f32x4(low, low, 0xD8));
  _mm512_storeu_ps(out + 16, _mm512_shuffle_f32x4(high, high, 0xD8));
#else
  for (int i = 0; i < kWidth; ++i) {
    out[2 * i] = first[i];
    out[2 * i + 1] = second[i];
  }
#endif
}

// Numbers out[r * cols + c] of rows firstRow + r; tensors/random.hpp says what the rest means.
struct NumberCall {
  std::int64_t rows, cols;
  std::uint64_t seed, firstRow, step;
  std::uint32_t stream;
  std::int64_t blocks() const { return (cols + 3) / 4; }
};

// Calls use(words, base, lanes) for the blocks base .. base + lanes - 1 of `rows` rows from `first` on, which share the
// upper words of their counters.
template <class Use>
LANGEVIN_INLINE void visitBlocks(const NumberCall& n, std::int64_t first, std::int64_t rows, Use use) {
  const std::int64_t total = rows * n.blocks();
  const std::uint64_t chain = n.firstRow + static_cast<std::uint64_t>(first);
  const std::uint32_t upper = (n.stream << 24) | ((static_cast<std::uint32_t>(chain >> 32) & 0xFFu) << 16) |
                              (static_cast<std::uint32_t>(n.step >> 32) & 0xFFFFu);
  Walk walk(static_cast<std::uint32_t>(n.blocks()));
  for (std::int64_t base = 0; base < total; base += kWidth, walk.next()) {
    Block4 s;
    s.w[0] = walk.block;
    s.w[1] = walk.row + static_cast<std::uint32_t>(chain);
    s.w[2] = Word{} + static_cast<std::uint32_t>(n.step);
    s.w[3] = Word{} + upper;
    philoxVector(s, static_cast<std::uint32_t>(n.seed), static_cast<std::uint32_t>(n.seed >> 32));
    use(s, base, base + kWidth <= total ? kWidth : total - base);
  }
}

// Four vectors, a number of every block each, to where the blocks' columns lie; columns beyond the last are dropped.
template <class T, class V>
LANGEVIN_INLINE void scatter(const V (&v)[4], std::int64_t base, std::int64_t lanes, const NumberCall& n, T* out) {
  T numbers[4][kWidth];
  std::memcpy(numbers, v, sizeof numbers);
  std::int64_t row = base / n.blocks(), block = base % n.blocks();
  for (std::int64_t i = 0; i < lanes; ++i) {
    const std::int64_t width = n.cols - block * 4 < 4 ? n.cols - block * 4 : 4;
    for (std::int64_t j = 0; j < width; ++j) out[row * n.cols + block * 4 + j] = numbers[j][i];
    if (++block == n.blocks()) {
      block = 0;
      ++row;
    }
  }
}

// Normals of rows whose blocks are used whole (four columns, or two with Pairs) are stored as vectors.
template <bool Pairs>
static void normalRows(const NumberCall& n, float* all, std::int64_t first, std::int64_t rows) {
  float* out = all + first * n.cols;
  visitBlocks(n, first, rows, [&](const Block4& s, std::int64_t base, std::int64_t lanes) {
    Vec v[4]{};
    boxMuller(s.w[0], s.w[1], v[0], v[1]);
    if constexpr (!Pairs) boxMuller(s.w[2], s.w[3], v[2], v[3]);
    constexpr int kNumbers = Pairs ? 2 : 4;
    const bool whole = Pairs ? n.cols == 2 : n.cols % 4 == 0;
    if (!whole) return scatter(v, base, lanes, n, out);
    float buffer[kNumbers * kWidth];
    float* target = lanes == kWidth ? out + base * kNumbers : buffer;
    if constexpr (Pairs)
      interleave2(v[0], v[1], target);
    else
      interleave4(v, target);
    if (target == buffer)
      std::memcpy(out + base * kNumbers, buffer, sizeof(float) * static_cast<std::size_t>(kNumbers * lanes));
  });
}

static void wordRows(const NumberCall& n, std::uint32_t* all, std::int64_t first, std::int64_t rows) {
  std::uint32_t* out = all + first * n.cols;
  visitBlocks(n, first, rows,
              [&](const Block4& s, std::int64_t base, std::int64_t lanes) { scatter(s.w, base, lanes, n, out); });
}

// Counters carry the lower word of the chain's number in a lane: a call across 2^32 is cut there.
template <class T>
static void fillRows(const NumberCall& n, T* out, void (*fill)(const NumberCall&, T*, std::int64_t, std::int64_t)) {
  const std::uint64_t room = (std::uint64_t{1} << 32) - (n.firstRow & 0xFFFFFFFFu);
  const std::int64_t near = static_cast<std::uint64_t>(n.rows) < room ? n.rows : static_cast<std::int64_t>(room);
  fill(n, out, 0, near);
  if (near < n.rows) fill(n, out, near, n.rows - near);
}

[[maybe_unused]] static void normalFill(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed,
                                        std::uint64_t firstRow, std::uint64_t step, std::uint32_t stream) {
  fillRows({rows, cols, seed, firstRow, step, stream}, out, cols <= 2 ? normalRows<true> : normalRows<false>);
}

[[maybe_unused]] static void wordFill(std::uint32_t* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed,
                                      std::uint64_t firstRow, std::uint64_t step, std::uint32_t stream) {
  fillRows({rows, cols, seed, firstRow, step, stream}, out, wordRows);
}

}  // namespace langevin::LANGEVIN_ISA
