// Steps that bring the numbers of a row together. Included only by the per-instruction-set sources.
#pragma once

#include "kernels/isa/exp_log.hpp"
#include "kernels/isa/loop_lines.hpp"

namespace langevin::LANGEVIN_ISA {

// Four partial sums, then the lanes: an order that knows the length alone.
template <bool Products>
LANGEVIN_INLINE Number sumOfRow(const Number* a, const Number* b, std::int64_t n) {
  Vec sums[4]{};
  std::int64_t i = 0;
  const auto take = [&](int k, Vec x, auto y) { sums[k] = Products ? fma(x, y(), sums[k]) : sums[k] + x; };
  for (; i + 4 * kWidth <= n; i += 4 * kWidth)
    for (int k = 0; k < 4; ++k) {
      const std::int64_t at = i + k * kWidth;
      take(k, load(a + at), [&] { return load(b + at); });
    }
  for (; i + kWidth <= n; i += kWidth) take(0, load(a + i), [&] { return load(b + i); });
  if (const int rest = static_cast<int>(n - i)) take(1, loadPart(a + i, rest), [&] { return loadPart(b + i, rest); });
  return total((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// Sum and Dot of rows; nothing they read is one number for the row.
static void sumRows(const LoopStep& s, const LoopFrame& frame) {
  const bool dot = s.code == LoopCode::Dot;
  const Number *a = at(s.a, frame), *b = dot ? at(s.b, frame) : a;
  Number* y = at(s.y, frame);
  for (std::int64_t r = 0; r < frame.rows; ++r) {
    const Number* x = a + r * s.a.stride;
    const Number sum = dot ? sumOfRow<true>(x, b + r * s.b.stride, s.width) : sumOfRow<false>(x, x, s.width);
    y[r] = s.s * sum + s.t;
  }
}

template <bool A, bool B>
LANGEVIN_INLINE Vec sumOfColumns(const LoopStep& s, const Number* a, const Number* b, std::int64_t i, int count) {
  const bool dot = s.code == LoopCode::Dot;
  Vec sum{};
  for (std::int64_t o = 0; o < s.width; ++o) {
    const Number *x = a + o * s.a.stride, *w = b + o * s.b.stride;
    const Vec u = A ? all(*x) : loadSome(x + i, count);
    sum = dot ? fma(u, B ? all(*w) : loadSome(w + i, count), sum) : sum + u;
  }
  return fma(all(s.s), sum, all(s.t));
}

template <bool A, bool B>
static void sumColumnsOf(const LoopStep& s, const LoopFrame& frame) {
  const Number *a = at(s.a, frame), *b = s.code == LoopCode::Dot ? at(s.b, frame) : a;
  Number* y = at(s.y, frame);
  std::int64_t i = 0;
  for (; i + kWidth <= frame.rows; i += kWidth) store(y + i, sumOfColumns<A, B>(s, a, b, i, kWidth));
  if (const int rest = static_cast<int>(frame.rows - i)) storePart(y + i, sumOfColumns<A, B>(s, a, b, i, rest), rest);
}

static void sumColumns(const LoopStep& s, const LoopFrame& frame) {
  if (s.a.single) return s.b.single ? sumColumnsOf<true, true>(s, frame) : sumColumnsOf<true, false>(s, frame);
  return s.b.single ? sumColumnsOf<false, true>(s, frame) : sumColumnsOf<false, false>(s, frame);
}

// What to take off before exponentials are added up: the largest number where that is finite.
LANGEVIN_INLINE Vec levelWhereFinite(Vec most) { return most - most == 0 ? most : Vec{}; }

constexpr Number kLeast = -static_cast<Number>(__builtin_inf());

// Of a row: exp(a - level) added up, and kept in z where it is given.
static void logSumRow(const Number* a, Number* z, std::int64_t n, Number& level, Number& sum) {
  Vec largest = all(kLeast);
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) largest = load(a + i) > largest ? load(a + i) : largest;
  Number lanes[kWidth];
  store(lanes, largest);
  Number found = lanes[0];
  for (int k = 1; k < kWidth; ++k) found = lanes[k] > found ? lanes[k] : found;
  for (; i < n; ++i) found = a[i] > found ? a[i] : found;
  level = found - found == 0 ? found : 0;
  Vec added{};
  for (i = 0; i < n; i += kWidth) {
    const int count = static_cast<int>(n - i < kWidth ? n - i : kWidth);
    Vec e = normalExponential(loadSome(a + i, count) - level);
    if (z) storeSome(z + i, e, count);
    if (count < kWidth)
      for (int k = count; k < kWidth; ++k) e[k] = 0;
    added = added + e;
  }
  sum = total(added);
}

static void logSumRows(const LoopStep& s, const LoopFrame& frame) {
  const Number* a = at(s.a, frame);
  Number *y = at(s.y, frame), *z = s.z.region < 0 ? nullptr : at(s.z, frame);
  for (std::int64_t r = 0; r < frame.rows; r += kWidth) {
    const int count = static_cast<int>(frame.rows - r < kWidth ? frame.rows - r : kWidth);
    Vec level{}, sum = all(1);
    for (int k = 0; k < count; ++k) {
      Number l, e;
      logSumRow(a + (r + k) * s.a.stride, z ? z + (r + k) * s.z.stride : nullptr, s.width, l, e);
      level[k] = l, sum[k] = e;
    }
    storeSome(y + r, level + fullLogarithm(sum), count);
    for (int k = 0; z && k < count; ++k) {
      Number* share = z + (r + k) * s.z.stride;
      const Vec f = all(1 / sum[k]);
      for (std::int64_t i = 0; i < s.width; i += kWidth) {
        const int some = static_cast<int>(s.width - i < kWidth ? s.width - i : kWidth);
        storeSome(share + i, loadSome(share + i, some) * f, some);
      }
    }
  }
}

static void logSumColumns(const LoopStep& s, const LoopFrame& frame) {
  const Number* a = at(s.a, frame);
  Number *y = at(s.y, frame), *z = s.z.region < 0 ? nullptr : at(s.z, frame);
  for (std::int64_t i = 0; i < frame.rows; i += kWidth) {
    const int count = static_cast<int>(frame.rows - i < kWidth ? frame.rows - i : kWidth);
    Vec largest = all(kLeast), sum{};
    for (std::int64_t o = 0; o < s.width; ++o) {
      const Vec v = loadSome(a + o * s.a.stride + i, count);
      largest = v > largest ? v : largest;
    }
    const Vec level = levelWhereFinite(largest);
    for (std::int64_t o = 0; o < s.width; ++o) {
      const Vec e = normalExponential(loadSome(a + o * s.a.stride + i, count) - level);
      sum = sum + e;
      if (z) storeSome(z + o * s.z.stride + i, e, count);
    }
    storeSome(y + i, level + fullLogarithm(sum), count);
    const Vec f = 1 / sum;
    for (std::int64_t o = 0; z && o < s.width; ++o) {
      Number* share = z + o * s.z.stride + i;
      storeSome(share, loadSome(share, count) * f, count);
    }
  }
}

}  // namespace langevin::LANGEVIN_ISA
