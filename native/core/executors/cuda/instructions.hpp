// What the kernel runs: a list of instructions on a tile of R chains, in constant memory (the kernel's parameters).
// Values live in shared memory, one row per chain; what is the same for all chains lives in one read-only array, the
// arena. executors/cuda/lower.hpp makes the list, executors/cuda/machine.hpp obeys it.
#pragma once

#include <cstdint>

#include "kernels/tile_kernels.hpp"

namespace langevin::cuda {

/// Elementwise: out[r, c] from operands a, b, c (a column or a row is stretched over what is missing).
enum class Operation : std::uint8_t {
  Fill,             // n0
  Affine,           // n0 a + n1
  Add,              // a + b
  Sub,              // a - b
  Mul,              // n0 a b
  Div,              // a / b
  DivBackward,      // -(a / c) b: a = adjoint, b = quotient, c = divisor
  Maximum,          // max(a, b)
  Minimum,          // min(a, b)
  SelectBackward,   // a times the share of side n1 of max (n0 = 0) or min (n0 = 1) of b and c; ties share half and half
  Greater,          // a > b
  GreaterEqual,     // a >= b
  Less,             // a < b
  LessEqual,        // a <= b
  Where,            // a != 0 ? b : c
  WhereBackward,    // (a != 0) == (n0 != 0) ? b : 0
  ExpDifference,    // a exp(b - c)
  SoftmaxBackward,  // a - exp(b) c
  NormBackward,     // a b / c, 0 where c = 0
  // Rows.
  Function,           // out = f(a), keep = f'(a)
  LogSumExp,          // out[r] over the columns of a
  Norm,               // out[r] = |a[r]|
  LayerNorm,          // a with gain b and shift c; keep = mean, 1 / deviation
  LayerNormBackward,  // a = adjoint, b = input, c = gain
  Gather,             // out[r] = a[r, label r]
  GatherBackward,     // out[r, label r] += a[r]
  Embedding,          // out[r] = table[label r]
  Columns,            // out[r, c] = a[r, list c]
  ColumnsBackward,    // out[r, list c] += a[r, c]
  // All lanes together.
  Product,  // out = a W' + bias (ByRows: W [n, k]) or a W (W [k, n]);
            // with a function and its derivative, or times `keep`
};

enum Flag : std::uint8_t {
  kAccumulate = 1,  // out += instead of =
  kReduce = 2,      // the sum over the columns, into a column
  kByRows = 4,      // Product: rows of W are the columns of the result
  kFunction = 8,    // Product: the function is applied to the result
  kTimesKeep = 16,  // Product: the result is multiplied by `keep`
};

/// stride 0: a row of the arena at `at`; else a value of the tile, row r at `at` + r stride. width 1 is stretched.
struct Operand {
  std::int32_t at = 0, stride = 0, width = 0;
};

struct Instruction {
  Operation operation = Operation::Fill;
  std::uint8_t flags = 0;
  std::uint8_t function = 0;  // Unary
  std::int32_t columns = 0;   // elementwise: columns gone through; Product: columns of the result
  Operand out, a, b, c, keep;
  std::int32_t weights = -1, weightStride = 0;  // arena: matrix of Product, table of Embedding, list of Columns
  std::int32_t bias = -1;
  float n0 = 0, n1 = 0;
};

constexpr int kMaxInstructions = 192;

/// One step of the schedule: x' = x - drift g + noise xi, and the temperature of the Metropolis test.
struct StepNumbers {
  double drift, noise, temperature;
};

/// Sums over the chains of a block.
enum Count : int { kAcceptance, kAccepted, kProposals, kDivergences, kClipped, kClamped, kCounts };

/// The streams of tensors/random.hpp the kernel draws from.
constexpr std::uint32_t kNoiseStream = 2, kAcceptStream = 3;

/// What was not finite, as a key that sorts by step: (step << 40) | (row << 2) | Lost. Step 0 is the start.
enum Lost : int { kLostEnergy, kLostPosition, kLostGradient };
constexpr std::uint64_t kNothingLost = ~std::uint64_t{0};

/// Everything a launch is told: the kernel's one parameter.
struct Launch {
  // Global memory.
  const float* arena = nullptr;
  float* x = nullptr;         // [rows, columns]
  float* energy = nullptr;    // [rows]
  float* gradient = nullptr;  // [rows, columns]
  const float* y = nullptr;   // [rows, condition.width] or null
  const std::int64_t* labels = nullptr;
  const StepNumbers* schedule = nullptr;  // [steps]
  double* counts = nullptr;               // [blocks, kCounts]
  unsigned long long* lost = nullptr;     // smallest key of all blocks
  std::uint64_t seed = 0, firstChain = 0, counter = 0;
  std::int64_t rows = 0;
  std::int32_t columns = 0, steps = 0;
  // The tile: R rows, `lanes` threads per row.
  std::int32_t tileRows = 0, lanes = 0, threads = 0;
  Operand position, slope, level, condition;  // x, dE/dx, E, y
  // Shared floats: the arena kept there (0: streamed through the stage), and the stage.
  std::int32_t resident = 0, residentAt = 0, stageAt = 0, sharedFloats = 0;
  bool fresh = false;     // energy and gradient are to be computed first
  bool adjusted = false;  // Metropolis test
  bool monitor = false;   // tally what a Metropolis test would have said
  bool boxed = false, reflect = false;
  double low = 0, high = 0, clip = 0;
  std::int32_t count = 0;
  Instruction list[kMaxInstructions];
};

// The matrix product: a thread holds kRowsEach rows times 4 or 8 columns in registers; k goes in chunks.
constexpr int kRowsEach = 4, kChunk = 32, kBand = 128;
constexpr int kStageFloats = kBand * (kChunk + 4);  // one of two halves of the stage
constexpr int kArenaSlack = 256;                    // a chunk may read past the end of the last matrix
constexpr int kMaxThreads = 256;

/// Row stride of a tile or matrix of `width` columns: an odd multiple of four floats, so that rows are 16-byte aligned
/// and eight of them lie in different banks.
constexpr std::int32_t strideOf(std::int64_t width) {
  const std::int64_t quads = (width + 3) / 4;
  return static_cast<std::int32_t>(4 * (quads + (quads % 2 == 0 ? 1 : 0)));
}

}  // namespace langevin::cuda
