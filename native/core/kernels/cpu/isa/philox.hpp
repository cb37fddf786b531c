// The mapping counter -> words, and from a word to a uniform number; normal.hpp makes normals of them. Included by the
// per-instruction-set sources and by base/random.cpp; everything sits in their namespace.
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

}  // namespace langevin::LANGEVIN_ISA
