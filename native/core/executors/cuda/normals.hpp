// The mapping counter -> normal of kernels/isa/normal.hpp, one block of four numbers at a time: Philox4x32-10
// (Salmon et al. 2011) and Box-Muller from the upper 24 bits of two words. Sums and products in the same order and
// without contraction, IEEE division and square root, so a counter gives the same bits on host and device; a test
// holds this header to fillNormal.
#pragma once

#include "executors/cuda/portable.hpp"

namespace langevin::cuda {

struct Words {
  std::uint32_t w[4];
};

/// The four words of block `block` (columns 4 block .. 4 block + 3) of one row.
LANGEVIN_HD Words randomWords(std::uint64_t seed, std::uint64_t row, std::uint64_t step, std::uint32_t stream,
                              std::uint32_t block) {
  std::uint32_t c0 = block, c1 = static_cast<std::uint32_t>(row), c2 = static_cast<std::uint32_t>(step);
  std::uint32_t c3 = (stream << 24) | ((static_cast<std::uint32_t>(row >> 32) & 0xFFu) << 16) |
                     (static_cast<std::uint32_t>(step >> 32) & 0xFFFFu);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  LANGEVIN_UNROLL
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(0xD2511F53u) * c0;
    const std::uint64_t p1 = static_cast<std::uint64_t>(0xCD9E8D57u) * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// Uniform on (0, 1) from the upper 24 bits.
LANGEVIN_HD float uniformOf(std::uint32_t word) {
  return (static_cast<float>(static_cast<std::int32_t>(word >> 8)) + 0.5f) * 0x1p-24f;
}

/// ln(u) for u in (0, 1], about 1 ulp: mantissa in [sqrt(1/2), sqrt(2)), series in s = f / (2 + f).
LANGEVIN_HD float logUnit(float u) {
  const std::uint32_t shifted = bitsOf(u) - 0x3F3504F3u;
  const float k = static_cast<float>(static_cast<std::int32_t>(shifted) >> 23);
  const float f = floatOf((shifted & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
  const float s = f / (2.0f + f);
  const float z = s * s;
  const float w = z * z;
  const float r = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
  const float h = 0.5f * f * f;
  return k * 0.693138063f - ((h - (s * (h + r) + k * 9.05800061e-6f)) - f);
}

/// cos and sin of 2 pi v for v in (0, 1): nearest quarter turn, then two short polynomials.
LANGEVIN_HD void turn(float v, float& c, float& s) {
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

/// The four standard normals of a block.
LANGEVIN_HD Quad normalsOf(const Words& words) {
  Quad out;
  LANGEVIN_UNROLL
  for (int pair = 0; pair < 4; pair += 2) {
    const float radius = sqrtf(-2.0f * logUnit(uniformOf(words.w[pair])));
    float c, s;
    turn(uniformOf(words.w[pair + 1]), c, s);
    out.v[pair] = radius * c;
    out.v[pair + 1] = radius * s;
  }
  return out;
}

}  // namespace langevin::cuda
