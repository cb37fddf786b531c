// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011), keyed by the seed, counted by (row, step, stream,
// block). A number depends on nothing else: not on threads, tiles, or what was drawn before. Runs resume exactly.
#pragma once

#include <cstdint>

#include "base/torch.hpp"

namespace langevin {

/// What a number is for. Two uses never share a stream.
enum class Stream : std::uint32_t {
  Init = 1,        // initial positions of chains
  Noise = 2,       // Langevin noise xi, momenta
  Accept = 3,      // Metropolis uniforms
  Reinit = 4,      // which buffer chains restart
  ReinitRows = 5,  // where they restart
  BufferIndex = 6,
  Batch = 7,        // shuffling of data rows
  NoiseSample = 8,  // negatives of noise-contrastive objectives
  Corrupt = 9,      // corruption of denoising objectives
  Dropout = 10,
  Data = 11,  // toy data sets
  DataNoise = 12,
  Evaluation = 13,
  Project = 14,  // projections, directions
  User = 15,
  Auxiliary = 16,
};

/// out[r * cols + c]: uniform on (0, 1), for rows firstRow + r.
void fillUniform(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                 std::uint64_t step, Stream stream);
/// out[r * cols + c]: standard normal by Box-Muller. The mapping counter -> normal is defined here once; every executor
/// uses it.
void fillNormal(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                std::uint64_t step, Stream stream);
/// out[r * cols + c]: raw 32-bit words.
void fillBits(std::uint32_t* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
              std::uint64_t step, Stream stream);

/// One seed; numbers as tensors [rows, cols] of the wanted options. They carry float32 resolution in every dtype.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t seed() const { return seed_; }

  at::Tensor normal(std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream, at::TensorOptions options,
                    std::uint64_t firstRow = 0) const;
  at::Tensor uniform(std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream, at::TensorOptions options,
                     std::uint64_t firstRow = 0) const;
  /// int64 [count], each uniform on 0 .. range - 1 (bias below range / 2^64).
  at::Tensor index(std::int64_t count, std::int64_t range, std::uint64_t step, Stream stream) const;
  /// A permutation of 0 .. n - 1.
  at::Tensor permutation(std::int64_t n, std::uint64_t step, Stream stream) const;
  /// An independent generator for a named part of a run.
  Random fork(std::uint64_t salt) const;

 private:
  std::uint64_t seed_;
};

}  // namespace langevin
