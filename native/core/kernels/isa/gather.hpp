// Weighted sums of rows picked by their numbers. Included by tile_kernels.cpp alone.
#pragma once

#include "kernels/isa/vector.hpp"

namespace langevin::LANGEVIN_ISA {
namespace {

// Where the rows are, and what each counts.
struct Picked {
  const Number* s;  // null: ones
  const std::int64_t* rows;
  std::int64_t count;
  const Number* x;
  std::int64_t cols;

  const Number* row(std::int64_t k) const { return x + rows[k] * cols; }
  Vec weight(std::int64_t k) const { return all(s ? s[k] : Number{1}); }
  // Rows come in no order the processor could foresee; columns [c, c + count) of the one so many rows ahead are asked for.
  void ahead(std::int64_t k, std::int64_t c, std::int64_t numbers) const {
    constexpr std::int64_t kRows = 8, kLine = 64 / static_cast<std::int64_t>(sizeof(Number));
    if (k + kRows >= count) return;
    const Number* next = row(k + kRows) + c;
    for (std::int64_t i = 0; i < numbers; i += kLine) __builtin_prefetch(next + i);
  }
};

// Columns [c, c + N vectors): the sums stay in registers while the rows pass.
template <int N>
LANGEVIN_INLINE void gatherBlock(const Picked& p, std::int64_t c, Number* out, bool add) {
  Vec sum[N];
  for (int v = 0; v < N; ++v) sum[v] = add ? load(out + c + v * kWidth) : Vec{};
  for (std::int64_t k = 0; k < p.count; ++k) {
    const Number* row = p.row(k) + c;
    p.ahead(k, c, N * kWidth);
    const Vec weight = p.weight(k);
    for (int v = 0; v < N; ++v) sum[v] = fma(weight, load(row + v * kWidth), sum[v]);
  }
  for (int v = 0; v < N; ++v) store(out + c + v * kWidth, sum[v]);
}

void gatherRows(const Number* s, const std::int64_t* rows, std::int64_t count, const Number* x, Number* out,
                std::int64_t cols, bool add) {
  const Picked p{s, rows, count, x, cols};
  std::int64_t c = 0;
  for (; c + 4 * kWidth <= cols; c += 4 * kWidth) gatherBlock<4>(p, c, out, add);
  for (; c + kWidth <= cols; c += kWidth) gatherBlock<1>(p, c, out, add);
  if (c == cols) return;
  const int rest = static_cast<int>(cols - c);
  Vec sum = add ? loadPart(out + c, rest) : Vec{};
  for (std::int64_t k = 0; k < count; ++k) sum = fma(p.weight(k), loadPart(p.row(k) + c, rest), sum);
  storePart(out + c, sum, rest);
}

}  // namespace
}  // namespace langevin::LANGEVIN_ISA
