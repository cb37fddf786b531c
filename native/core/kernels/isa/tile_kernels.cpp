// Inner loops of the tile executor, compiled once per instruction set and number type.
#include "kernels/tile_kernels.hpp"

#include "kernels/isa/distances.hpp"
#include "kernels/isa/gather.hpp"
#include "kernels/isa/rows.hpp"
#ifndef LANGEVIN_DOUBLE
#include "kernels/isa/half.hpp"
#include "kernels/isa/normal.hpp"
#endif

namespace langevin::LANGEVIN_ISA {

void runLoops(const LoopStepOf<Number>* steps, std::int64_t count,
              const LoopFrameOf<Number>& frame);  // loop_kernels.cpp

namespace {

using AdamStep = AdamStepOf<Number>;

void unary(const Activation& f, const Number* x, Number* y, Number* d, std::int64_t n) {
  activate(f, x, y, d, n, 1, n);
}

// Calls f(i) for whole vectors and rest(i, count) for what is left.
template <class F, class Rest>
LANGEVIN_INLINE void each(std::int64_t n, F f, Rest rest) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) f(i);
  if (i < n) rest(i, static_cast<int>(n - i));
}

// out[i] = f(a[i], b[i]), vector by vector.
template <class F>
LANGEVIN_INLINE void binary(const Number* a, const Number* b, Number* out, std::int64_t n, F f) {
  each(
      n, [&](std::int64_t i) { store(out + i, f(load(a + i), load(b + i))); },
      [&](std::int64_t i, int rest) { storePart(out + i, f(loadPart(a + i, rest), loadPart(b + i, rest)), rest); });
}

void mul(const Number* a, const Number* b, Number* out, std::int64_t n) {
  binary(a, b, out, n, [](Vec x, Vec y) { return x * y; });
}

void mulAdd(const Number* a, const Number* b, Number* out, std::int64_t n) {
  each(
      n, [&](std::int64_t i) { store(out + i, fma(load(a + i), load(b + i), load(out + i))); },
      [&](std::int64_t i, int rest) {
        storePart(out + i, fma(loadPart(a + i, rest), loadPart(b + i, rest), loadPart(out + i, rest)), rest);
      });
}

void axpy(Number s, const Number* a, Number* out, std::int64_t n) {
  const Vec f = all(s);
  binary(a, out, out, n, [f](Vec x, Vec y) { return fma(f, x, y); });
}

void scale(Number s, Number shift, const Number* a, Number* out, std::int64_t n) {
  const Vec f = all(s), t = all(shift);
  binary(a, a, out, n, [f, t](Vec x, Vec) { return fma(f, x, t); });
}

void div(const Number* a, const Number* b, Number* out, std::int64_t n) {
  binary(a, b, out, n, [](Vec x, Vec y) { return x / y; });
}

// Two partial sums, then the lanes: a fixed order.
LANGEVIN_INLINE Number dot(const Number* a, const Number* b, std::int64_t n) {
  Vec s0{}, s1{};
  std::int64_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
    s0 = fma(load(a + i), load(b + i), s0);
    s1 = fma(load(a + i + kWidth), load(b + i + kWidth), s1);
  }
  for (; i < n; i += kWidth) {
    const int rest = static_cast<int>(n - i);
    s0 = fma(loadSome(a + i, rest), loadSome(b + i, rest), s0);
  }
  return total(s0 + s1);
}

// Calls f<count>() for a count of 1 to 7, so that its sums are registers.
template <int K = 1, class F>
LANGEVIN_INLINE void withCount(std::int64_t count, F f) {
  if constexpr (K < 7) {
    if (count != K) return withCount<K + 1>(count, f);
  }
  f.template operator()<K>();
}

// Rows of fewer columns are taken several at a time: the compiler sees how many numbers a row has.
constexpr std::int64_t kNarrow = 8;

template <int K>
void narrowDots(const Number* a, const Number* b, Number* out, std::int64_t rows, bool add) {
  for (std::int64_t r = 0; r < rows; ++r) {
    Number sum = a[r * K] * b[r * K];
    for (int k = 1; k < K; ++k) sum += a[r * K + k] * b[r * K + k];
    out[r] = add ? out[r] + sum : sum;
  }
}

void rowDots(const Number* a, const Number* b, Number* out, std::int64_t rows, std::int64_t cols, bool add) {
  if (cols < kNarrow) return withCount(cols, [&]<int K>() { narrowDots<K>(a, b, out, rows, add); });
  for (std::int64_t r = 0; r < rows; ++r) {
    const Number sum = dot(a + r * cols, b + r * cols, cols);
    out[r] = add ? out[r] + sum : sum;
  }
}

template <int K>
void narrowSums(const Number* x, Number* out, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r) {
    Number sum = x[r * K];
    for (int k = 1; k < K; ++k) sum += x[r * K + k];
    out[r] = sum;
  }
}

void rowSums(const Number* x, Number* out, std::int64_t rows, std::int64_t cols) {
  if (cols < kNarrow) return withCount(cols, [&]<int K>() { narrowSums<K>(x, out, rows); });
  for (std::int64_t r = 0; r < rows; ++r) out[r] = sumOf(x + r * cols, cols);
}

template <int K>
void narrowScales(Number factor, const Number* s, const Number* a, Number* out, std::int64_t rows, bool add) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (int k = 0; k < K; ++k) {
      const Number f = factor * s[r], v = a ? f * a[r * K + k] : f;
      out[r * K + k] = add ? out[r * K + k] + v : v;
    }
}

void scaleRows(Number factor, const Number* s, const Number* a, Number* out, std::int64_t rows, std::int64_t cols,
               bool add) {
  if (cols < kNarrow) return withCount(cols, [&]<int K>() { narrowScales<K>(factor, s, a, out, rows, add); });
  for (std::int64_t r = 0; r < rows; ++r, out += cols) {
    const Vec f = all(factor * s[r]);
    const Number* row = a ? a + r * cols : out;
    if (!a && add)
      binary(row, out, out, cols, [f](Vec, Vec y) { return y + f; });
    else if (!a)
      each(
          cols, [&](std::int64_t i) { store(out + i, f); },
          [&](std::int64_t i, int rest) { storePart(out + i, f, rest); });
    else if (add)
      binary(row, out, out, cols, [f](Vec x, Vec y) { return fma(f, x, y); });
    else
      binary(row, row, out, cols, [f](Vec x, Vec) { return f * x; });
  }
}

template <int K>
void narrowDifferences(const Number* x, const Number* row, Number* out, std::int64_t rows) {
  Number taken[K];
  for (int k = 0; k < K; ++k) taken[k] = row[k];
  for (std::int64_t r = 0; r < rows; ++r)
    for (int k = 0; k < K; ++k) out[r * K + k] = x[r * K + k] - taken[k];
}

void subtractRow(const Number* x, const Number* row, Number* out, std::int64_t rows, std::int64_t cols) {
  if (cols < kNarrow) return withCount(cols, [&]<int K>() { narrowDifferences<K>(x, row, out, rows); });
  for (std::int64_t r = 0; r < rows; ++r)
    binary(x + r * cols, row, out + r * cols, cols, [](Vec a, Vec b) { return a - b; });
}

void dotRows(const Number* x, const Number* w, Number bias, Number* out, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; ++r) out[r] = bias + dot(x + r * cols, w, cols);
}

// K columns at once: a row of x is read once.
template <int K>
void dotColumnsOf(const Number* x, const Number* w, Number* out, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; ++r, x += cols, out += K) {
    Vec sums[K]{};
    std::int64_t c = 0;
    for (; c + kWidth <= cols; c += kWidth) {
      const Vec v = load(x + c);
      for (int k = 0; k < K; ++k) sums[k] = fma(v, load(w + k * cols + c), sums[k]);
    }
    if (const int rest = static_cast<int>(cols - c))
      for (int k = 0; k < K; ++k) sums[k] = fma(loadPart(x + c, rest), loadPart(w + k * cols + c, rest), sums[k]);
    for (int k = 0; k < K; ++k) out[k] = total(sums[k]);
  }
}

void dotColumns(const Number* x, const Number* w, Number* out, std::int64_t rows, std::int64_t cols,
                std::int64_t count) {
  withCount(count, [&]<int K>() { dotColumnsOf<K>(x, w, out, rows, cols); });
}

void outer(const Number* s, const Number* w, Number* out, std::int64_t rows, std::int64_t cols, bool add) {
  for (std::int64_t r = 0; r < rows; ++r, out += cols) {
    const Vec f = all(s[r]);
    if (add)
      binary(w, out, out, cols, [f](Vec x, Vec y) { return fma(f, x, y); });
    else
      binary(w, w, out, cols, [f](Vec x, Vec) { return f * x; });
  }
}

void outerTimes(const Number* s, const Number* w, const Number* factor, Number* out, std::int64_t rows,
                std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const Vec f = all(s[r]);
    binary(w, factor + r * cols, out + r * cols, cols, [f](Vec x, Vec y) { return f * x * y; });
  }
}

// Sums of four vectors of columns stay in registers while the rows go by.
void weightedSum(const Number* s, const Number* x, Number* out, std::int64_t rows, std::int64_t cols) {
  constexpr int kWide = 4 * kWidth;
  std::int64_t c = 0;
  for (; c + kWide <= cols; c += kWide) {
    Vec sums[4];
    for (int k = 0; k < 4; ++k) sums[k] = Vec{};
    for (std::int64_t r = 0; r < rows; ++r) {
      const Vec f = all(s ? s[r] : 1.0f);
      for (int k = 0; k < 4; ++k) sums[k] = fma(f, load(x + r * cols + c + k * kWidth), sums[k]);
    }
    for (int k = 0; k < 4; ++k) store(out + c + k * kWidth, load(out + c + k * kWidth) + sums[k]);
  }
  for (; c < cols; c += kWidth) {
    const int rest = static_cast<int>(cols - c);
    Vec sum{};
    for (std::int64_t r = 0; r < rows; ++r) sum = fma(all(s ? s[r] : 1.0f), loadSome(x + r * cols + c, rest), sum);
    storeSome(out + c, loadSome(out + c, rest) + sum, rest);
  }
}

// Columns c and those of the vector behind them; a row of x is read once for all K columns of s.
template <int K>
void weightedColumnsOf(const Number* s, const Number* x, Number* out, Number* ones, std::int64_t rows,
                       std::int64_t cols) {
  for (std::int64_t c = 0; c < cols; c += 2 * kWidth) {
    const int left = static_cast<int>(cols - c), right = left - kWidth;
    Vec sums[K + 1][2]{};
    for (std::int64_t r = 0; r < rows; ++r) {
      const Vec v[2] = {loadSome(x + r * cols + c, left), loadSome(x + r * cols + c + kWidth, right)};
      for (int j = 0; j < 2; ++j) {
        for (int k = 0; k < K; ++k) sums[k][j] = fma(all(s[r * K + k]), v[j], sums[k][j]);
        sums[K][j] = sums[K][j] + v[j];
      }
    }
    for (int i = 0; i < 2 * kWidth && i < left; ++i)
      for (int k = 0; k < K; ++k) out[(c + i) * K + k] += sums[k][i / kWidth][i % kWidth];
    if (!ones) continue;
    storeSome(ones + c, loadSome(ones + c, left) + sums[K][0], left);
    storeSome(ones + c + kWidth, loadSome(ones + c + kWidth, right) + sums[K][1], right);
  }
}

void weightedColumns(const Number* s, const Number* x, Number* out, Number* ones, std::int64_t rows, std::int64_t cols,
                     std::int64_t count) {
  withCount(count, [&]<int K>() { weightedColumnsOf<K>(s, x, out, ones, rows, cols); });
}

double squares(const Number* x, std::int64_t n) {
  constexpr std::int64_t kBlock = 4096;
  double sum = 0;
  for (std::int64_t first = 0; first < n; first += kBlock)
    sum += dot(x + first, x + first, n - first < kBlock ? n - first : kBlock);
  return sum;
}

void langevinUpdate(Number* x, const Number* g, const Number* xi, Number a, Number b, std::int64_t n) {
  const Vec drift = all(-a), noise = all(b);
  each(
      n, [&](std::int64_t i) { store(x + i, fma(noise, load(xi + i), fma(drift, load(g + i), load(x + i)))); },
      [&](std::int64_t i, int rest) {
        const Vec moved = fma(drift, loadPart(g + i, rest), loadPart(x + i, rest));
        storePart(x + i, fma(noise, loadPart(xi + i, rest), moved), rest);
      });
}

struct AdamNumbers {
  Vec g, m, v, p;
};

LANGEVIN_INLINE void adamVector(const AdamStep& s, AdamNumbers& x) {
  x.m = fma(all(1.0f - s.beta1), x.g - x.m, x.m);
  x.v = fma(x.v, all(s.beta2), all(1.0f - s.beta2) * x.g * x.g);
  const Vec denominator = squareRoot(x.v) * s.inverseRoot + s.epsilon;
  x.p = x.p - s.rate * x.m / denominator;
}

void adam(const AdamStep& s, const Number* g, Number* m, Number* v, Number* p, std::int64_t n) {
  each(
      n,
      [&](std::int64_t i) {
        AdamNumbers x{load(g + i), load(m + i), load(v + i), load(p + i)};
        adamVector(s, x);
        store(m + i, x.m);
        store(v + i, x.v);
        store(p + i, x.p);
      },
      [&](std::int64_t i, int rest) {
        AdamNumbers x{loadPart(g + i, rest), loadPart(m + i, rest), loadPart(v + i, rest), loadPart(p + i, rest)};
        adamVector(s, x);
        storePart(m + i, x.m, rest);
        storePart(v + i, x.v, rest);
        storePart(p + i, x.p, rest);
      });
}

}  // namespace

using Table = TileKernelsOf<Number>;
extern const Table kernels;
const Table kernels = {{.name = LANGEVIN_ISA_NAME,
                        .unary = unary,
                        .bend = bend,
                        .packedFloats = packedFloats,
                        .pack = pack,
                        .multiply = multiply,
                        .mul = mul,
                        .mulAdd = mulAdd,
                        .axpy = axpy,
                        .scale = scale,
                        .div = div,
                        .rowDots = rowDots,
                        .rowSums = rowSums,
                        .scaleRows = scaleRows,
                        .subtractRow = subtractRow,
                        .dotRows = dotRows,
                        .dotColumns = dotColumns,
                        .outer = outer,
                        .outerTimes = outerTimes,
                        .weightedSum = weightedSum,
                        .weightedColumns = weightedColumns,
                        .gatherRows = gatherRows,
                        .distances = distances,
                        .distanceSlopes = distanceSlopes,
                        .distancesOfProducts = distancesOfProducts,
                        .distanceFactors = distanceFactors,
                        .logSumExp = logSumExp,
                        .logSumExpSlopes = logSumExpSlopes,
                        .logSoftmax = logSoftmax,
                        .logSoftmaxSlopes = logSoftmaxSlopes,
                        .layerNorm = layerNorm,
                        .layerNormSlopes = layerNormSlopes,
                        .squares = squares,
                        .langevin = langevinUpdate,
                        .adam = adam,
                        .loops = runLoops},
#ifndef LANGEVIN_DOUBLE
                       {.packedHalfWords = packedHalfWords,
                        .packHalf = packHalf,
                        .multiplyHalf = multiplyHalf,
                        .words = wordFill,
                        .normal = normalFill}
#endif
};

}  // namespace langevin::LANGEVIN_ISA
