// Inner loops compiled once per instruction set (isa/*.cpp) and chosen at run time. Plain arrays of float32, no Torch.
#pragma once

#include <cstdint>
#include <vector>

namespace langevin {

/// Elementwise functions with their derivatives.
enum class Unary : int {
  Silu,
  Gelu,
  Tanh,
  Sigmoid,
  Softplus,
  Relu,
  LeakyRelu,
  Exp,
  Log,
  Sqrt,
  Square,
  Sin,
  Cos,
  Abs,
  Pow,
};

struct Activation {
  Unary f;
  float argument;
};

/// What a second-order pass does at an activation: out = f'(x) s + f''(x) t a, or out += where `add` is set.
struct Bend {
  const float *x, *slope, *t, *a, *s;  // slope: f'(x); a may be null: ones
  float* out;
  bool add;
};

/// A matrix of any strides.
struct Matrix {
  const float* data;
  std::int64_t rowStride, columnStride;
};

/// C[rows, cols] = A[rows, depth] B[depth, cols] with what follows it. C is dense.
struct Product {
  std::int64_t rows = 0, cols = 0, depth = 0;
  const float* a = nullptr;
  std::int64_t lda = 0;
  bool turned = false;            // A(i, k) = a[k lda + i] instead of a[i lda + k]
  const float* packed = nullptr;  // B as pack() made it; else `b`, packed a panel at a time into `panel`
  Matrix b{};
  float* panel = nullptr;  // packedFloats(depth, 1) floats
  float* c = nullptr;
  const float* bias = nullptr;             // [cols], added to every row
  bool add = false;                        // C += A B; excludes bias
  const Activation* activation = nullptr;  // C <- f(C), slope <- f'(C) where it is given
  float* slope = nullptr;
  const float* factor = nullptr;  // C <- C factor, number by number
};

/// Squared distances of rows to centres, each with a scale of its own: |(x[r, :] - m[k, :]) s[k]|^2.
struct Distances {
  std::int64_t rows = 0, cols = 0, count = 0;
  const float* x = nullptr;        // [rows, cols]
  const float* centres = nullptr;  // m [count, cols]
  const float* packed = nullptr;   // m' [cols, count] as pack() made it
  const float* scales = nullptr;   // s [count]
};

/// One step of Adam with its corrections worked out: see optimizers/adam.cpp.
struct AdamStep {
  float beta1, beta2, epsilon;
  float rate;         // lr / (1 - beta1^t)
  float inverseRoot;  // 1 / sqrt(1 - beta2^t)
};

struct TileKernels {
  const char* name;
  /// y[i] = f(x[i]); where d is given, d[i] = f'(x[i]). x and y may be the same array.
  void (*unary)(const Activation& f, const float* x, float* y, float* d, std::int64_t n);
  /// False for functions that have no second derivative here.
  bool (*bend)(const Activation& f, const Bend& b, std::int64_t n);
  /// Floats that B[depth, cols] takes when packed, and packing it.
  std::int64_t (*packedFloats)(std::int64_t depth, std::int64_t cols);
  void (*pack)(const Matrix& b, std::int64_t depth, std::int64_t cols, float* out);
  void (*multiply)(const Product& product);
  /// The same in bfloat16 with float32 sums; A is not turned, `panel` has room for rows x (depth + 1) / 2 words.
  std::int64_t (*packedHalfWords)(std::int64_t depth, std::int64_t cols);
  void (*packHalf)(const Matrix& b, std::int64_t depth, std::int64_t cols, std::uint32_t* out);
  void (*multiplyHalf)(const Product& product, const std::uint32_t* packed);
  void (*mul)(const float* a, const float* b, float* out, std::int64_t n);          // out = a b
  void (*mulAdd)(const float* a, const float* b, float* out, std::int64_t n);       // out += a b
  void (*axpy)(float s, const float* a, float* out, std::int64_t n);                // out += s a
  void (*scale)(float s, float shift, const float* a, float* out, std::int64_t n);  // out = s a + shift
  void (*div)(const float* a, const float* b, float* out, std::int64_t n);          // out = a / b
  /// out[r] = x[r, :] . w (+ bias)
  void (*dotRows)(const float* x, const float* w, float bias, float* out, std::int64_t rows, std::int64_t cols);
  /// out[r, k] = x[r, :] . w[k, :] for 1 to 7 rows k of w
  void (*dotColumns)(const float* x, const float* w, float* out, std::int64_t rows, std::int64_t cols,
                     std::int64_t count);
  /// out[r, :] = s[r] w  (or += when add)
  void (*outer)(const float* s, const float* w, float* out, std::int64_t rows, std::int64_t cols, bool add);
  /// out[r, c] = s[r] w[c] factor[r, c]
  void (*outerTimes)(const float* s, const float* w, const float* factor, float* out, std::int64_t rows,
                     std::int64_t cols);
  /// out[:] += sum_r s[r] x[r, :]   (s may be null: ones)
  void (*weightedSum)(const float* s, const float* x, float* out, std::int64_t rows, std::int64_t cols);
  /// out[c, k] += sum_r s[r, k] x[r, c] for 1 to 7 columns k of s, and ones[c] += sum_r x[r, c] where it is given
  void (*weightedColumns)(const float* s, const float* x, float* out, float* ones, std::int64_t rows, std::int64_t cols,
                          std::int64_t count);
  /// out [rows, count], and out[r, :] = sum_k g[r, k] d|..|^2/dx[r, :] (or += when add)
  void (*distances)(const Distances& d, float* out);
  void (*distanceSlopes)(const Distances& d, const float* g, float* out, bool add);
  /// sum x^2, in float64 from block to block
  double (*squares)(const float* x, std::int64_t n);
  /// x <- x - a g + b xi, the Langevin update
  void (*langevin)(float* x, const float* g, const float* xi, float a, float b, std::int64_t n);
  /// p <- p - rate m / (sqrt(v) inverseRoot + epsilon) after m, v have taken in g
  void (*adam)(const AdamStep& step, const float* g, float* m, float* v, float* p, std::int64_t n);
  /// Philox words and normals: see tensors/random.hpp for what the arguments mean. Same bits in every instruction set.
  void (*words)(std::uint32_t* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                std::uint64_t step, std::uint32_t stream);
  void (*normal)(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                 std::uint64_t step, std::uint32_t stream);
};

/// The best table this processor can run; LANGEVIN_ISA=default|avx2|avx512|avx512_bf16 in the environment forces a
/// lower one.
const TileKernels& tileKernels();
/// Every table this processor can run, the lowest first.
const std::vector<const TileKernels*>& runnableTileKernels();

}  // namespace langevin
