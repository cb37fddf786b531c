// The mapping counter -> normal, defined once. Included only by the per-instruction-set sources; everything sits in
// their namespace. No fused multiply-adds (the files are compiled with -ffp-contract=off), so every vector width gives
// the same bits.
#pragma once

#include <cstdint>

namespace langevin::LANGEVIN_ISA {

constexpr int kLanes = 64;  // Philox blocks per pass; the inner loops over them vectorise

struct Words {
  alignas(64) std::uint32_t w[4][kLanes];
};

// Philox4x32-10 (Salmon et al. 2011) on kLanes counters at once.
[[maybe_unused]] static inline void philox(Words& s, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t p0 = static_cast<std::uint64_t>(0xD2511F53u) * s.w[0][i];
      const std::uint64_t p1 = static_cast<std::uint64_t>(0xCD9E8D57u) * s.w[2][i];
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ s.w[1][i] ^ k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ s.w[3][i] ^ k1;
      s.w[1][i] = static_cast<std::uint32_t>(p1);
      s.w[3][i] = static_cast<std::uint32_t>(p0);
      s.w[0][i] = n0;
      s.w[2][i] = n2;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// Walks the blocks (row, block of 4 columns) of a [rows, cols] matrix, kLanes at a time.
template <class Emit>
[[maybe_unused]] static inline void visitBlocks(std::int64_t rows, std::int64_t cols, std::uint64_t seed,
                                                std::uint64_t firstRow, std::uint64_t step, std::uint32_t stream,
                                                Emit emit) {
  const std::int64_t blocks = (cols + 3) / 4, total = rows * blocks;
  Words s;
  std::int64_t row = 0, block = 0;
  for (std::int64_t base = 0; base < total; base += kLanes) {
    const std::int64_t startRow = row, startBlock = block;
    const int lanes = static_cast<int>(total - base < kLanes ? total - base : kLanes);
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t chain = firstRow + static_cast<std::uint64_t>(row);
      s.w[0][i] = static_cast<std::uint32_t>(block);
      s.w[1][i] = static_cast<std::uint32_t>(chain);
      s.w[2][i] = static_cast<std::uint32_t>(step);
      s.w[3][i] = (stream << 24) | ((static_cast<std::uint32_t>(chain >> 32) & 0xFFu) << 16) |
                  (static_cast<std::uint32_t>(step >> 32) & 0xFFFFu);
      if (++block == blocks) {
        block = 0;
        ++row;
      }
    }
    philox(s, static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
    emit(s, lanes, startRow, startBlock);
  }
}

// Uniform on (0, 1) from the upper 24 bits.
[[maybe_unused]] static inline float toUniform(std::uint32_t word) {
  return (static_cast<float>(static_cast<std::int32_t>(word >> 8)) + 0.5f) * 0x1p-24f;
}

[[maybe_unused]] static inline float bitsToFloat(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }

// ln(u) for u in (0, 1], about 1 ulp: mantissa in [sqrt(1/2), sqrt(2)), series in s = f / (2 + f).
[[maybe_unused]] static inline float logUnit(float u) {
  const std::uint32_t shifted = __builtin_bit_cast(std::uint32_t, u) - 0x3F3504F3u;
  const float k = static_cast<float>(static_cast<std::int32_t>(shifted) >> 23);
  const float f = bitsToFloat((shifted & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
  const float s = f / (2.0f + f);
  const float z = s * s;
  const float w = z * z;
  const float r = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
  const float h = 0.5f * f * f;
  return k * 0.693138063f - ((h - (s * (h + r) + k * 9.05800061e-6f)) - f);
}

// cos and sin of 2 pi v for v in (0, 1): nearest quarter turn, then two short polynomials.
[[maybe_unused]] static inline void turn(float v, float& c, float& s) {
  const float t = v * 4.0f;
  const std::int32_t q = static_cast<std::int32_t>(t + 0.5f);
  const float a = (t - static_cast<float>(q)) * 1.57079632679f;
  const float z = a * a;
  const float sine = a + a * z * (-0.16666654611f + z * (0.0083321608736f + z * -0.00019515295891f));
  const float cosine = 1.0f - 0.5f * z + z * z * (0.041666645683f + z * (-0.001388731625f + z * 0.000024433157118f));
  const float x = (q & 1) ? sine : cosine;
  const float y = (q & 1) ? cosine : sine;
  c = ((q + 1) & 2) ? -x : x;
  s = (q & 2) ? -y : y;
}

[[maybe_unused]] static void normalFill(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed,
                                        std::uint64_t firstRow, std::uint64_t step, std::uint32_t stream) {
  alignas(64) float v[4][kLanes];
  visitBlocks(rows, cols, seed, firstRow, step, stream,
              [&](const Words& s, int lanes, std::int64_t row, std::int64_t block) {
                for (int pair = 0; pair < 4; pair += 2)
                  for (int i = 0; i < kLanes; ++i) {
                    const float radius = __builtin_sqrtf(-2.0f * logUnit(toUniform(s.w[pair][i])));
                    float c, n;
                    turn(toUniform(s.w[pair + 1][i]), c, n);
                    v[pair][i] = radius * c;
                    v[pair + 1][i] = radius * n;
                  }
                const std::int64_t blocks = (cols + 3) / 4;
                for (int i = 0; i < lanes; ++i) {
                  float* target = out + row * cols + block * 4;
                  const std::int64_t width = cols - block * 4 < 4 ? cols - block * 4 : 4;
                  for (std::int64_t j = 0; j < width; ++j) target[j] = v[j][i];
                  if (++block == blocks) {
                    block = 0;
                    ++row;
                  }
                }
              });
}

}  // namespace langevin::LANGEVIN_ISA
