// Inner loops compiled once per instruction set (isa/*.cpp) and chosen at run time. Plain arrays of
// float32 or float64, no Torch.
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

template <class T>
struct ActivationOf {
  Unary f;
  T argument;
};

/// What a second-order pass does at an activation: out = f'(x) s + f''(x) t a, or out += where `add` is set.
template <class T>
struct BendOf {
  const T *x, *slope, *t, *a, *s;  // slope: f'(x); a may be null: ones
  T* out;
  bool add;
};

/// A matrix of any strides.
template <class T>
struct MatrixOf {
  const T* data;
  std::int64_t rowStride, columnStride;
};

/// C[rows, cols] = A[rows, depth] B[depth, cols] with what follows it. C is dense.
template <class T>
struct ProductOf {
  std::int64_t rows = 0, cols = 0, depth = 0;
  const T* a = nullptr;
  std::int64_t lda = 0;
  bool turned = false;        // A(i, k) = a[k lda + i] instead of a[i lda + k]
  const T* packed = nullptr;  // B as pack() made it; else `b`, packed a panel at a time into `panel`
  MatrixOf<T> b{};
  T* panel = nullptr;  // packedFloats(depth, 1) numbers
  T* c = nullptr;
  const T* bias = nullptr;                      // [cols], added to every row
  bool add = false;                             // C += A B; excludes bias
  const ActivationOf<T>* activation = nullptr;  // C <- f(C), slope <- f'(C) where it is given
  T* slope = nullptr;
  const T* factor = nullptr;  // C <- C factor, number by number
};

/// Squared distances of rows to centres, each with a scale of its own: |(x[r, :] - m[k, :]) s[k]|^2.
template <class T>
struct DistancesOf {
  std::int64_t rows = 0, cols = 0, count = 0;
  const T* x = nullptr;        // [rows, cols]
  const T* centres = nullptr;  // m [count, cols]
  const T* packed = nullptr;   // m' [cols, count] as pack() made it
  const T* scales = nullptr;   // s [count]
};

/// What distances made of products are settled with.
template <class T>
struct SettledDistancesOf {
  std::int64_t rows = 0, count = 0;
  const T* xx = nullptr;      // |x[r]|^2
  const T* mm = nullptr;      // |m[k]|^2
  const T* scales = nullptr;  // s[k]
  T most = 0;
};

/// Layer normalisation of rows: y = gain z + shift with z = (x - mean) / sqrt(variance + epsilon).
template <class T>
struct LayerNormOf {
  std::int64_t rows = 0, cols = 0;
  double epsilon = 0;
  const T* x = nullptr;      // [rows, cols]
  const T* gain = nullptr;   // [cols]; null: ones
  const T* shift = nullptr;  // [cols]; null: zeros
};

/// Where its gradients are added to; null: not wanted.
template <class T>
struct LayerNormSlopesOf {
  T* x = nullptr;      // [rows, cols]
  T* gain = nullptr;   // [cols]
  T* shift = nullptr;  // [cols]
};

/// One step of Adam with its corrections worked out: see optimizers/adam.cpp.
template <class T>
struct AdamStepOf {
  T beta1, beta2, epsilon;
  T rate;         // lr / (1 - beta1^t)
  T inverseRoot;  // 1 / sqrt(1 - beta2^t)
};

template <class T>
struct LoopStepOf;  // loop_steps.hpp
template <class T>
struct LoopFrameOf;

/// The loops that exist for float32 and for float64.
template <class T>
struct CommonKernelsOf {
  const char* name;
  /// y[i] = f(x[i]); where d is given, d[i] = f'(x[i]). x and y may be the same array.
  void (*unary)(const ActivationOf<T>& f, const T* x, T* y, T* d, std::int64_t n);
  /// False for functions that have no second derivative here.
  bool (*bend)(const ActivationOf<T>& f, const BendOf<T>& b, std::int64_t n);
  /// Numbers that B[depth, cols] takes when packed, and packing it.
  std::int64_t (*packedFloats)(std::int64_t depth, std::int64_t cols);
  void (*pack)(const MatrixOf<T>& b, std::int64_t depth, std::int64_t cols, T* out);
  void (*multiply)(const ProductOf<T>& product);
  void (*mul)(const T* a, const T* b, T* out, std::int64_t n);      // out = a b
  void (*mulAdd)(const T* a, const T* b, T* out, std::int64_t n);   // out += a b
  void (*axpy)(T s, const T* a, T* out, std::int64_t n);            // out += s a
  void (*scale)(T s, T shift, const T* a, T* out, std::int64_t n);  // out = s a + shift
  void (*div)(const T* a, const T* b, T* out, std::int64_t n);      // out = a / b
  /// out[r] (+)= a[r, :] . b[r, :]
  void (*rowDots)(const T* a, const T* b, T* out, std::int64_t rows, std::int64_t cols, bool add);
  /// out[r] = sum of x[r, :]
  void (*rowSums)(const T* x, T* out, std::int64_t rows, std::int64_t cols);
  /// out[r, :] = factor s[r] a[r, :]  (or += when add); a may be null: ones
  void (*scaleRows)(T factor, const T* s, const T* a, T* out, std::int64_t rows, std::int64_t cols, bool add);
  /// out[r, :] = x[r, :] - row[:]
  void (*subtractRow)(const T* x, const T* row, T* out, std::int64_t rows, std::int64_t cols);
  /// out[r] = x[r, :] . w (+ bias)
  void (*dotRows)(const T* x, const T* w, T bias, T* out, std::int64_t rows, std::int64_t cols);
  /// out[r, k] = x[r, :] . w[k, :] for 1 to 7 rows k of w
  void (*dotColumns)(const T* x, const T* w, T* out, std::int64_t rows, std::int64_t cols, std::int64_t count);
  /// out[r, :] = s[r] w  (or += when add)
  void (*outer)(const T* s, const T* w, T* out, std::int64_t rows, std::int64_t cols, bool add);
  /// out[r, c] = s[r] w[c] factor[r, c]
  void (*outerTimes)(const T* s, const T* w, const T* factor, T* out, std::int64_t rows, std::int64_t cols);
  /// out[:] += sum_r s[r] x[r, :]   (s may be null: ones)
  void (*weightedSum)(const T* s, const T* x, T* out, std::int64_t rows, std::int64_t cols);
  /// out[c, k] += sum_r s[r, k] x[r, c] for 1 to 7 columns k of s, and ones[c] += sum_r x[r, c] where it is given
  void (*weightedColumns)(const T* s, const T* x, T* out, T* ones, std::int64_t rows, std::int64_t cols,
                          std::int64_t count);
  /// out[:] (+)= sum_k s[k] x[rows[k], :] for k < count, x of `cols` columns (s may be null: ones): one row of a sparse
  /// matrix times a dense one
  void (*gatherRows)(const T* s, const std::int64_t* rows, std::int64_t count, const T* x, T* out, std::int64_t cols,
                     bool add);
  /// out [rows, count], and out[r, :] = sum_k g[r, k] d|..|^2/dx[r, :] (or += when add)
  void (*distances)(const DistancesOf<T>& d, T* out);
  void (*distanceSlopes)(const DistancesOf<T>& d, const T* g, T* out, bool add);
  /// Squared distances by products. v[r, k] = |m[k]|^2 - 2 x[r] . m[k] becomes (v + xx[r]) s[k]^2; close[r] is set where
  /// one of the row has lost digits: xx[r] + mm[k] is more than `most` times as large, or is not finite.
  void (*distancesOfProducts)(const SettledDistancesOf<T>& d, T* v, std::uint8_t* close);
  /// w[r, k] = 2 g[r, k] s[k]^2, and sums[r] of them.
  void (*distanceFactors)(const SettledDistancesOf<T>& d, const T* g, T* w, T* sums);
  /// out[r] = log sum_c exp x[r, c]
  void (*logSumExp)(const T* x, T* out, std::int64_t rows, std::int64_t cols);
  /// out[r, c] += g[r] exp(x[r, c] - y[r]) with y from logSumExp()
  void (*logSumExpSlopes)(const T* x, const T* y, const T* g, T* out, std::int64_t rows, std::int64_t cols);
  /// out[r, c] = x[r, c] - log sum_k exp x[r, k]
  void (*logSoftmax)(const T* x, T* out, std::int64_t rows, std::int64_t cols);
  /// out[r, c] += g[r, c] - exp(y[r, c]) sum_k g[r, k] with y from logSoftmax()
  void (*logSoftmaxSlopes)(const T* y, const T* g, T* out, std::int64_t rows, std::int64_t cols);
  /// y [rows, cols]; kept [rows, 2]: the mean and 1 / sqrt(variance + epsilon)
  void (*layerNorm)(const LayerNormOf<T>& n, T* y, T* kept);
  void (*layerNormSlopes)(const LayerNormOf<T>& n, const T* kept, const T* g, const LayerNormSlopesOf<T>& out);
  /// sum x^2, in float64 from block to block
  double (*squares)(const T* x, std::int64_t n);
  /// x <- x - a g + b xi, the Langevin update
  void (*langevin)(T* x, const T* g, const T* xi, T a, T b, std::int64_t n);
  /// p <- p - rate m / (sqrt(v) inverseRoot + epsilon) after m, v have taken in g
  void (*adam)(const AdamStepOf<T>& step, const T* g, T* m, T* v, T* p, std::int64_t n);
  /// The steps of a program without products, one after another.
  void (*loops)(const LoopStepOf<T>* steps, std::int64_t count, const LoopFrameOf<T>& frame);
};

/// The loops that exist for float32 only.
struct FloatKernels {
  /// The same in bfloat16 with float32 sums; A is not turned, `panel` has room for rows x (depth + 1) / 2 words.
  std::int64_t (*packedHalfWords)(std::int64_t depth, std::int64_t cols);
  void (*packHalf)(const MatrixOf<float>& b, std::int64_t depth, std::int64_t cols, std::uint32_t* out);
  void (*multiplyHalf)(const ProductOf<float>& product, const std::uint32_t* packed);
  /// Philox words and normals: see tensors/random.hpp for what the arguments mean. Same bits in every instruction set.
  void (*words)(std::uint32_t* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                std::uint64_t step, std::uint32_t stream);
  void (*normal)(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                 std::uint64_t step, std::uint32_t stream);
};

/// The loops of one instruction set.
template <class T>
struct TileKernelsOf : CommonKernelsOf<T> {};
template <>
struct TileKernelsOf<float> : CommonKernelsOf<float>, FloatKernels {};

using Activation = ActivationOf<float>;
using Bend = BendOf<float>;
using Matrix = MatrixOf<float>;
using Product = ProductOf<float>;
using Distances = DistancesOf<float>;
using AdamStep = AdamStepOf<float>;
using TileKernels = TileKernelsOf<float>;

/// The best table this processor can run; LANGEVIN_ISA=default|avx2|avx512|avx512_bf16 in the environment forces a
/// lower one. Those of float64 have the instruction set of those of float32, avx512 for avx512_bf16.
const TileKernels& tileKernels();
template <class T>
const TileKernelsOf<T>& tileKernelsOf();
template <>
const TileKernelsOf<float>& tileKernelsOf<float>();
template <>
const TileKernelsOf<double>& tileKernelsOf<double>();

/// Every table this processor can run, the lowest first.
const std::vector<const TileKernels*>& runnableTileKernels();
template <class T>
const std::vector<const TileKernelsOf<T>*>& runnableKernelsOf();
template <>
const std::vector<const TileKernelsOf<float>*>& runnableKernelsOf<float>();
template <>
const std::vector<const TileKernelsOf<double>*>& runnableKernelsOf<double>();

}  // namespace langevin
