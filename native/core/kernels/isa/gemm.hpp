// Matrix products of a tile, with what follows them applied while a block of the result is in the first-level cache. B
// is packed into panels two vectors wide, so the inner loop reads it in one stream. Every number of the result is one
// sum over the depth in order: it does not depend on how rows are cut into blocks.
#pragma once

#include "kernels/isa/activate.hpp"

namespace langevin::LANGEVIN_ISA {

using Matrix = MatrixOf<Number>;
using Product = ProductOf<Number>;

constexpr int kPanel = 2 * kWidth;                        // columns of a panel of B
constexpr int kBlock = LANGEVIN_ISA_LEVEL >= 2 ? 12 : 6;  // rows whose sums fit the registers beside it
constexpr int kTail = 128 % kBlock;                       // rows that blocks leave of a tile of 128

[[maybe_unused]] static std::int64_t packedFloats(std::int64_t depth, std::int64_t cols) {
  return (cols + kPanel - 1) / kPanel * kPanel * depth;
}

// out[k][j] = from[j][k] for kWidth rows of kWidth numbers: log2 kWidth rounds of a perfect shuffle of rows.
LANGEVIN_INLINE void transpose(const Number* from, std::int64_t fromStride, Number* out, std::int64_t outStride) {
  Int low, high;
  for (int i = 0; i < kWidth; ++i) {
    low[i] = i / 2 + (i % 2) * kWidth;
    high[i] = low[i] + kWidth / 2;
  }
  Vec rows[kWidth], shuffled[kWidth];
  for (int i = 0; i < kWidth; ++i) rows[i] = load(from + i * fromStride);
  for (int round = 1; round < kWidth; round *= 2) {
    for (int i = 0; i < kWidth / 2; ++i) {
      shuffled[2 * i] = __builtin_shuffle(rows[i], rows[i + kWidth / 2], low);
      shuffled[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + kWidth / 2], high);
    }
    for (int i = 0; i < kWidth; ++i) rows[i] = shuffled[i];
  }
  for (int i = 0; i < kWidth; ++i) store(out + i * outStride, rows[i]);
}

// One panel: columns first .. first + kPanel - 1 of B, zeros beyond the last.
static void packPanel(const Matrix& b, std::int64_t depth, std::int64_t cols, std::int64_t first, Number* out) {
  const std::int64_t width = cols - first < kPanel ? cols - first : kPanel;
  if (b.rowStride == 1 && width == kPanel) {  // B is turned: read its memory in order
    const Number* from = b.data + first * b.columnStride;
    const std::int64_t whole = depth / kWidth * kWidth;
    for (std::int64_t k = 0; k < whole; k += kWidth)
      for (int half = 0; half < kPanel; half += kWidth)
        transpose(from + half * b.columnStride + k, b.columnStride, out + k * kPanel + half, kPanel);
    for (std::int64_t j = 0; j < kPanel; ++j)
      for (std::int64_t k = whole; k < depth; ++k) out[k * kPanel + j] = from[j * b.columnStride + k];
    return;
  }
  for (std::int64_t k = 0; k < depth; ++k, out += kPanel) {
    const Number* from = b.data + k * b.rowStride + first * b.columnStride;
    if (b.columnStride == 1 && width == kPanel) {
      store(out, load(from));
      store(out + kWidth, load(from + kWidth));
      continue;
    }
    for (std::int64_t j = 0; j < width; ++j) out[j] = from[j * b.columnStride];
    for (std::int64_t j = width; j < kPanel; ++j) out[j] = 0.0f;
  }
}

[[maybe_unused]] static void pack(const Matrix& b, std::int64_t depth, std::int64_t cols, Number* out) {
  for (std::int64_t first = 0; first < cols; first += kPanel) packPanel(b, depth, cols, first, out + first * depth);
}

// sums[MR][2] += A[MR, depth] panel[depth]. A(i, k) = a[i lda + k], or a[k lda + i] where it is turned.
template <int MR, bool Turned>
LANGEVIN_INLINE void accumulate(Vec (&sums)[MR][2], const Number* a, std::int64_t lda, const Number* panel,
                                std::int64_t depth) {
  // Four base pointers and one stride reach twelve rows within the processor's address modes.
  const Number* at[4] = {a, a + 3 * lda, a + 6 * lda, a + 9 * lda};
  for (std::int64_t k = 0; k < depth; ++k) {
    const Vec b0 = load(panel), b1 = load(panel + kWidth);
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      const Vec x = all(Turned ? a[i] : at[i / 3][(i % 3) * lda]);
      sums[i][0] = fma(x, b0, sums[i][0]);
      sums[i][1] = fma(x, b1, sums[i][1]);
    }
    panel += kPanel;
    if constexpr (Turned) {
      a += lda;
    } else {
      for (auto& p : at) ++p;
    }
  }
}

// Where a block of the result lies: `width` columns of it are there.
struct Block {
  Number* c;
  std::int64_t ldc;
  const Number* bias;
  bool add;
  int width;
};

template <int MR>
LANGEVIN_INLINE void startSums(Vec (&sums)[MR][2], const Block& b) {
  const int right = b.width - kWidth;
  const Vec bias0 = b.bias ? loadSome(b.bias, b.width) : Vec{},
            bias1 = b.bias ? loadSome(b.bias + kWidth, right) : Vec{};
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i) {
    sums[i][0] = bias0;
    sums[i][1] = bias1;
  }
}

template <int MR>
LANGEVIN_INLINE void storeSums(Vec (&sums)[MR][2], const Block& b) {
  // What was there comes last: a long sum of small numbers does not lose its digits to it.
  if (b.add)
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      sums[i][0] = sums[i][0] + loadSome(b.c + i * b.ldc, b.width);
      sums[i][1] = sums[i][1] + loadSome(b.c + i * b.ldc + kWidth, b.width - kWidth);
    }
  if (b.width == kPanel) {
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      store(b.c + i * b.ldc, sums[i][0]);
      store(b.c + i * b.ldc + kWidth, sums[i][1]);
    }
    return;
  }
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i) {
    storeSome(b.c + i * b.ldc, sums[i][0], b.width);
    storeSome(b.c + i * b.ldc + kWidth, sums[i][1], b.width - kWidth);
  }
}

template <int MR, bool Turned>
static void multiplyBlock(const Number* a, std::int64_t lda, const Number* panel, std::int64_t depth, const Block& b) {
  Vec sums[MR][2];
  startSums(sums, b);
  accumulate<MR, Turned>(sums, a, lda, panel, depth);
  storeSums(sums, b);
}

template <bool Turned, int MR>
static void multiplyRest(std::int64_t rows, const Number* a, std::int64_t lda, const Number* panel, std::int64_t depth,
                         const Block& b) {
  if constexpr (MR > 0) {
    if (rows == MR && b.width <= kWidth) return multiplyNarrow<MR, Turned>(a, lda, panel, depth, b);
    if (rows == MR) return multiplyBlock<MR, Turned>(a, lda, panel, depth, b);
    multiplyRest<Turned, MR - 1>(rows, a, lda, panel, depth, b);
  }
}

// As multiplyBlock for a panel of which half or less is there: one vector per row.
template <int MR, bool Turned>
static void multiplyNarrow(const Number* a, std::int64_t lda, const Number* panel, std::int64_t depth, const Block& b) {
  Vec sums[MR];
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i) sums[i] = b.bias ? loadSome(b.bias, b.width) : Vec{};
  for (std::int64_t k = 0; k < depth; ++k, panel += kPanel) {
    const Vec v = load(panel);
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) sums[i] = fma(all(Turned ? a[k * lda + i] : a[i * lda + k]), v, sums[i]);
  }
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i) {
    Number* c = b.c + i * b.ldc;
    storeSome(c, b.add ? sums[i] + loadSome(c, b.width) : sums[i], b.width);
  }
}

// c *= factor for a block.
static void scaleBlock(Number* c, const Number* factor, std::int64_t ldc, std::int64_t rows, int width) {
  for (std::int64_t r = 0; r < rows; ++r, c += ldc, factor += ldc) {
    if (width == kPanel) {
      store(c, load(c) * load(factor));
      store(c + kWidth, load(c + kWidth) * load(factor + kWidth));
    } else {
      storeSome(c, loadSome(c, width) * loadSome(factor, width), width);
      storeSome(c + kWidth, loadSome(c + kWidth, width - kWidth) * loadSome(factor + kWidth, width - kWidth),
                width - kWidth);
    }
  }
}

// The block of rows i .. i + rows - 1 and columns first .. of a product's result.
LANGEVIN_INLINE Block blockOf(const Product& p, std::int64_t i, std::int64_t first) {
  const int width = static_cast<int>(p.cols - first < kPanel ? p.cols - first : kPanel);
  return {p.c + i * p.cols + first, p.cols, p.bias ? p.bias + first : nullptr, p.add, width};
}

// What follows the product, on a block just written.
static void finish(const Product& p, const Block& block, std::int64_t rows) {
  const std::int64_t offset = block.c - p.c;
  if (p.activation)
    activate(*p.activation, block.c, block.c, p.slope ? p.slope + offset : nullptr, block.ldc, rows, block.width);
  if (p.factor) scaleBlock(block.c, p.factor + offset, block.ldc, rows, block.width);
}

// MR rows whose sums go through F on their way to memory. `fill` makes the sums.
template <class F, int MR, class Fill>
static void activateWhole(const Product& p, const Block& b, Fill fill) {
  Vec sums[MR][2];
  startSums(sums, b);
  fill(sums);
  const Vec argument = all(p.activation->argument);
  Number* d = p.slope ? p.slope + (b.c - p.c) : nullptr;
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i)
    for (int j = 0; j < 2; ++j) {
      const Pair r = F::at(sums[i][j], argument);
      store(b.c + i * b.ldc + j * kWidth, r.y);
      if (d) store(d + i * b.ldc + j * kWidth, r.d);
    }
}

template <int MR, class Fill>
static void scaleWhole(const Product& p, const Block& b, Fill fill) {
  Vec sums[MR][2];
  startSums(sums, b);
  fill(sums);
  const Number* factor = p.factor + (b.c - p.c);
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i)
    for (int j = 0; j < 2; ++j) store(b.c + i * b.ldc + j * kWidth, sums[i][j] * load(factor + i * b.ldc + j * kWidth));
}

template <int MR, class Fill>
LANGEVIN_INLINE bool finishedWhole(const Product& p, const Block& b, Fill fill) {
  if (!p.activation) {
    if (p.factor) scaleWhole<MR>(p, b, fill);
    return p.factor != nullptr;
  }
  if (p.factor) return false;
  switch (p.activation->f) {
    case Unary::Silu:
      activateWhole<Silu, MR>(p, b, fill);
      return true;
    case Unary::Tanh:
      activateWhole<Tanh, MR>(p, b, fill);
      return true;
    case Unary::Gelu:
      activateWhole<Gelu, MR>(p, b, fill);
      return true;
    case Unary::Softplus:
      activateWhole<Softplus, MR>(p, b, fill);
      return true;
    default:
      return false;
  }
}

// The common cases of a block in one go; false for the others.
template <class Fill>
LANGEVIN_INLINE bool finishedWhole(const Product& p, const Block& b, std::int64_t rows, Fill fill) {
  if (b.width != kPanel || b.add) return false;
  if (rows == kBlock) return finishedWhole<kBlock>(p, b, fill);
  return rows == kTail && finishedWhole<kTail>(p, b, fill);
}

template <bool Turned>
static void multiplyPanel(const Product& p, const Number* panel, std::int64_t first) {
  for (std::int64_t i = 0; i < p.rows; i += kBlock) {
    const std::int64_t rows = p.rows - i < kBlock ? p.rows - i : kBlock;
    const Block block = blockOf(p, i, first);
    const Number* a = Turned ? p.a + i : p.a + i * p.lda;
    if constexpr (!Turned) {
      const auto fill = [&]<int MR>(Vec(&sums)[MR][2]) { accumulate<MR, false>(sums, a, p.lda, panel, p.depth); };
      if (finishedWhole(p, block, rows, fill)) continue;
    }
    multiplyRest<Turned, kBlock>(rows, a, p.lda, panel, p.depth, block);
    finish(p, block, rows);
  }
}

[[maybe_unused]] static void multiply(const Product& p) {
  for (std::int64_t first = 0; first < p.cols; first += kPanel) {
    const Number* panel = p.packed ? p.packed + first * p.depth : p.panel;
    if (!p.packed) packPanel(p.b, p.depth, p.cols, first, p.panel);
    p.turned ? multiplyPanel<true>(p, panel, first) : multiplyPanel<false>(p, panel, first);
  }
}

}  // namespace langevin::LANGEVIN_ISA
