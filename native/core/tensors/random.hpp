// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011), keyed by the seed, counted by (row, step, stream,
// block). A number depends on nothing else: not on threads, tiles, or what was drawn before. Runs resume exactly.
#pragma once

#include <cstdint>

#include "base/torch.hpp"

namespace langevin {

/// What a number is for. Two uses of one generator draw from different streams; where a use is a run of its own (a
/// network's weights, a pilot, a replica), it has a generator of its own, forked by a Salt, and may use every stream.
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
  Augment = 17,  // which training rows are mirrored
  AugmentNoise = 18,
};

/// Which part of a run a generator is forked for. Two forks of one parent have different salts, or streams that do not
/// meet; below each parent is checked. Forks of different parents may share one: a fork depends on its parent's seed
/// too. A salt with "+ i" is the first of as many as there are parts: fork(salt, i).
enum class Salt : std::uint64_t {
  // Of the generator of a training step, of a sampling run, of an estimate of log Z: seeds a caller gives.
  Record = 0,                   // + record: dropout masks of a step's records; draws from Stream::Dropout alone
  TreeUniforms = 0,             // + lot: choices in the trees of nuts; from Stream::Accept alone
  NoiseEstimate = 1,            // noise rows of the first log Z (noiseContrastive); never from the two streams above
  Role = 0x4E7,                 // + role: weights of the networks an objective trains beside the energy
  PilotLadder = 0x7E39,         // pilot runs of parallelTempering
  Swaps = 0x7E3A,               // swaps of neighbouring replicas
  Probe = 0x9B0B,               // rows of the training probe
  Buffer = 0xB0FF,              // everything a replay buffer draws
  ConditionalChains = 0xC0D17,  // chains of p(x | y) beside those of p(x)
  Unlabelled = 0x0B5E1,         // batches of rows without labels
  Recovery = 0x4EC0000,         // + recovery: chains that start again after a divergence
  Starts = 0x57A27,             // rows contrastiveDivergence starts from, where it has starts of its own
  AnnealedRestarts = 0x4EA7ED,  // + level: restarted chains at higher temperatures
  MixedStart = 0x57A7E,         // discrete columns of a start with real ones
  BlockKernel = 0xB10C0000,     // + k: kernel k of blockwise
  Replica = 0x7E3B0000,         // + k: replica k of parallelTempering
  ProposalFit = 1,              // the mixture fitted for importance sampling, the only fork of its estimate
  AnnealingPilot = 0xA15,       // the plan of annealed importance sampling
  AnnealingReverse = 0x4E7,     // chains down the annealing path: no training step is their parent
  // Of a buffer's generator.
  BufferFill = 1,         // the chains' start
  Reservoir = 0x4E5,      // which slots are kept
  ClassCounts = 0xC1A55,  // how many chains of each class
  ClassSlots = 0xC1A56,   // + class: which of them
  // Of a record's generator (Record above).
  Layer = 0,  // + place in the program: one dropout layer
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
  /// An independent generator for a part of a run; `part` where a salt has several.
  Random fork(Salt salt, std::uint64_t part = 0) const;

 private:
  std::uint64_t seed_;
};

}  // namespace langevin
