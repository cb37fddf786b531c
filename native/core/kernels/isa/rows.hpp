// Reductions of rows: log of a sum of exponentials, softmax, layer normalisation. Included only by the
// per-instruction-set sources.
#pragma once

#include "kernels/isa/gemm.hpp"

namespace langevin::LANGEVIN_ISA {

using LayerNorm = LayerNormOf<Number>;
using LayerNormSlopes = LayerNormSlopesOf<Number>;

// Calls f(i, read, write) for every vector of n numbers; of the last one only what is there is read and written.
template <class F>
LANGEVIN_INLINE void alongRow(std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) f(i, load, store, kWidth);
  if (const int rest = static_cast<int>(n - i))
    f(
        i, [rest](const Number* p) { return loadPart(p, rest); }, [rest](Number* p, Vec v) { storePart(p, v, rest); },
        rest);
}

// v in the first `count` lanes, else `other`.
LANGEVIN_INLINE Vec firstLanes(Vec v, int count, Vec other) {
  if (count == kWidth) return v;
  Int lane;
  for (int i = 0; i < kWidth; ++i) lane[i] = i;
  return lane < (Int{} + count) ? v : other;
}

LANGEVIN_INLINE Number largest(Vec v) {
#if LANGEVIN_ISA_LEVEL >= 2
  return LANGEVIN_OF(_mm512_reduce_max)((Raw)v);
#else
  Number most = v[0];
  for (int i = 1; i < kWidth; ++i) most = v[i] > most ? v[i] : most;
  return most;
#endif
}

constexpr Number kInfinity = static_cast<Number>(__builtin_inf());

// What to take off a row before its exponentials are added up: its largest number where that is finite.
LANGEVIN_INLINE Number levelOf(const Number* x, std::int64_t cols) {
  Vec most = all(-kInfinity);
  alongRow(cols, [&](std::int64_t i, auto read, auto, int count) {
    const Vec v = firstLanes(read(x + i), count, all(-kInfinity));
    most = v > most ? v : most;
  });
  const Number level = largest(most);
  return level > -kInfinity && level < kInfinity ? level : 0;
}

LANGEVIN_INLINE Number sumOfExponentials(const Number* x, Number level, std::int64_t cols) {
  Vec sum{};
  alongRow(cols, [&](std::int64_t i, auto read, auto, int count) {
    sum = sum + firstLanes(normalExponential(read(x + i) - level), count, Vec{});
  });
  return total(sum);
}

// Of kWidth rows or fewer, so that the logarithms are a vector.
LANGEVIN_INLINE Vec logSumExpOf(const Number* x, int rows, std::int64_t cols) {
  Vec level{}, sum = all(1);
  for (int r = 0; r < rows; ++r) {
    level[r] = levelOf(x + r * cols, cols);
    sum[r] = sumOfExponentials(x + r * cols, level[r], cols);
  }
  return level + fullLogarithm(sum);
}

[[maybe_unused]] static void logSumExp(const Number* x, Number* out, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; r += kWidth) {
    const int count = static_cast<int>(rows - r < kWidth ? rows - r : kWidth);
    storeSome(out + r, logSumExpOf(x + r * cols, count, cols), count);
  }
}

[[maybe_unused]] static void logSumExpSlopes(const Number* x, const Number* y, const Number* g, Number* out,
                                             std::int64_t rows, std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; ++r, x += cols, out += cols)
    alongRow(cols, [&](std::int64_t i, auto read, auto write, int) {
      write(out + i, fma(all(g[r]), normalExponential(read(x + i) - y[r]), read(out + i)));
    });
}

[[maybe_unused]] static void logSoftmax(const Number* x, Number* out, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; r += kWidth) {
    const int count = static_cast<int>(rows - r < kWidth ? rows - r : kWidth);
    const Vec level = logSumExpOf(x + r * cols, count, cols);
    for (int k = 0; k < count; ++k) {
      const std::int64_t row = (r + k) * cols;
      alongRow(cols,
               [&](std::int64_t i, auto read, auto write, int) { write(out + row + i, read(x + row + i) - level[k]); });
    }
  }
}

LANGEVIN_INLINE Number sumOf(const Number* x, std::int64_t n) {
  Vec sum{};
  alongRow(n, [&](std::int64_t i, auto read, auto, int) { sum = sum + read(x + i); });
  return total(sum);
}

[[maybe_unused]] static void logSoftmaxSlopes(const Number* y, const Number* g, Number* out, std::int64_t rows,
                                              std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; ++r, y += cols, g += cols, out += cols) {
    const Vec sum = all(sumOf(g, cols));
    alongRow(cols, [&](std::int64_t i, auto read, auto write, int) {
      write(out + i, read(out + i) + fnma(fullExponential(read(y + i)), sum, read(g + i)));
    });
  }
}

// The mean of x - centre over a row, and of its square.
struct Moments {
  Number mean, square;
};
LANGEVIN_INLINE Moments momentsAbout(Number centre, const Number* x, std::int64_t n) {
  Vec sum{}, squares{};
  alongRow(n, [&](std::int64_t i, auto read, auto, int count) {
    const Vec apart = firstLanes(read(x + i) - centre, count, Vec{});
    sum = sum + apart;
    squares = fma(apart, apart, squares);
  });
  return {total(sum) / static_cast<Number>(n), total(squares) / static_cast<Number>(n)};
}

[[maybe_unused]] static void layerNorm(const LayerNorm& n, Number* y, Number* kept) {
  const Number* x = n.x;
  for (std::int64_t r = 0; r < n.rows; ++r, x += n.cols, y += n.cols, kept += 2) {
    // The second pass also takes back what the first mean was rounded by.
    const Number rough = sumOf(x, n.cols) / static_cast<Number>(n.cols);
    const Number mean = rough + momentsAbout(rough, x, n.cols).mean;
    const double variance = momentsAbout(mean, x, n.cols).square;
    kept[0] = mean;
    kept[1] = static_cast<Number>(1.0 / __builtin_sqrt(variance + n.epsilon));
    const Vec m = all(mean), s = all(kept[1]);
    alongRow(n.cols, [&](std::int64_t i, auto read, auto write, int) {
      Vec z = (read(x + i) - m) * s;
      if (n.gain) z = z * read(n.gain + i);
      if (n.shift) z = z + read(n.shift + i);
      write(y + i, z);
    });
  }
}

[[maybe_unused]] static void layerNormSlopes(const LayerNorm& n, const Number* kept, const Number* g,
                                             const LayerNormSlopes& out) {
  const Number* x = n.x;
  for (std::int64_t r = 0; r < n.rows; ++r, x += n.cols, g += n.cols, kept += 2) {
    const Vec m = all(kept[0]), s = all(kept[1]);
    Vec sum{}, along{};
    alongRow(n.cols, [&](std::int64_t i, auto read, auto write, int count) {
      const Vec z = (read(x + i) - m) * s, a = read(g + i), v = n.gain ? a * read(n.gain + i) : a;
      sum = sum + v;
      along = fma(v, firstLanes(z, count, Vec{}), along);
      if (out.gain) write(out.gain + i, fma(a, z, read(out.gain + i)));
      if (out.shift) write(out.shift + i, read(out.shift + i) + a);
    });
    if (!out.x) continue;
    Number* t = out.x + r * n.cols;
    const Vec mean = all(total(sum) / static_cast<Number>(n.cols)),
              slope = all(total(along) / static_cast<Number>(n.cols));
    alongRow(n.cols, [&](std::int64_t i, auto read, auto write, int) {
      const Vec z = (read(x + i) - m) * s, a = read(g + i), v = n.gain ? a * read(n.gain + i) : a;
      write(t + i, fma(s, fnma(z, slope, v - mean), read(t + i)));
    });
  }
}

}  // namespace langevin::LANGEVIN_ISA
