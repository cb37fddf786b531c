// Steps that make other numbers of all the numbers of a row, and those that bring rows into columns and back. Included
// only by the per-instruction-set sources.
#pragma once

#include "kernels/isa/loop_lines.hpp"

namespace langevin::LANGEVIN_ISA {

// Calls f<count>() for a count of 1 to 7, so that the columns of a row are registers.
template <int K = 1, class F>
LANGEVIN_INLINE void withColumns(std::int64_t count, F f) {
  if constexpr (K + 1 < kNarrowRow) {
    if (count != K) return withColumns<K + 1>(count, f);
  }
  f.template operator()<K>();
}

LANGEVIN_INLINE int lanesAt(std::int64_t i, std::int64_t rows) {
  return static_cast<int>(rows - i < kWidth ? rows - i : kWidth);
}

// The numbers of a row, shifted by a row of others where these are given.
template <bool Shifted>
struct ShiftedRow {
  const Number *a, *b;
  Vec t;
  [[gnu::always_inline]] Vec at(std::int64_t i, int count) const {
    const Vec x = loadSome(a + i, count);
    return Shifted ? fma(t, loadSome(b + i, count), x) : x;
  }
};

// Numbers i .. i + count - 1 by diagonals from .. to - 1.
template <class Row>
LANGEVIN_INLINE Vec bandsAt(const LoopBandsOf<Number>& b, const BandSegment& g, const Row& row, std::int64_t width,
                            std::int64_t i, int count) {
  Vec sum{};
  for (std::int64_t k = g.from; k < g.to; ++k)
    sum = fma(loadSome(b.numbers + k * width + i, count), row.at(i + b.diagonals[k], count), sum);
  return sum;
}

template <bool Shifted>
static void bandsOf(const LoopStep& s, const LoopFrame& frame) {
  const LoopBandsOf<Number>& b = frame.bands[s.bands];
  ShiftedRow<Shifted> row{at(s.a, frame), Shifted ? at(s.b, frame) : nullptr, all(s.t)};
  Number* y = at(s.y, frame);
  for (std::int64_t r = 0; r < frame.rows; ++r, row.a += s.a.stride, y += s.y.stride)
    for (const BandSegment* g = b.segments; g < b.segments + b.count; ++g) {
      std::int64_t i = g->first;
      if (g->to - g->from == 1) {
        const Number* n = b.numbers + g->from * s.width;
        const std::int64_t o = b.diagonals[g->from];
        for (; i + kWidth <= g->last; i += kWidth) store(y + i, load(n + i) * row.at(i + o, kWidth));
      }
      for (; i + kWidth <= g->last; i += kWidth) store(y + i, bandsAt(b, *g, row, s.width, i, kWidth));
      if (i < g->last) {
        const int rest = static_cast<int>(g->last - i);
        storePart(y + i, bandsAt(b, *g, row, s.width, i, rest), rest);
      }
    }
}

static void bands(const LoopStep& s, const LoopFrame& frame) {
  s.b.region < 0 ? bandsOf<false>(s, frame) : bandsOf<true>(s, frame);
}

template <int K>
static void symmetricOf(const LoopStep& s, const LoopFrame& frame) {
  const Number *a = at(s.a, frame), *m = at(s.b, frame);
  Number* y = at(s.y, frame);
  for (std::int64_t i = 0; i < frame.rows; i += kWidth) {
    const int count = lanesAt(i, frame.rows);
    Vec z[K];
    for (int k = 0; k < K; ++k) z[k] = loadSome(a + k * s.a.stride + i, count);
    for (int j = 0; j < K; ++j) {
      Vec sum = all(m[j * K]) * z[0];
      for (int k = 1; k < K; ++k) sum = fma(all(m[j * K + k]), z[k], sum);
      storeSome(y + j * s.y.stride + i, sum, count);
    }
  }
}

static void symmetric(const LoopStep& s, const LoopFrame& frame) {
  withColumns(s.width, [&]<int K>() { symmetricOf<K>(s, frame); });
}

template <int K>
static void distancesOf(const LoopStep& s, const LoopFrame& frame) {
  const Number *a = at(s.a, frame), *centres = at(s.b, frame), *scales = at(s.c, frame);
  Number* y = at(s.y, frame);
  for (std::int64_t i = 0; i < frame.rows; i += kWidth) {
    const int count = lanesAt(i, frame.rows);
    Vec x[K];
    for (int j = 0; j < K; ++j) x[j] = loadSome(a + j * s.a.stride + i, count);
    for (std::int64_t k = 0; k < s.width; ++k) {
      Vec sum{};
      for (int j = 0; j < K; ++j) {
        const Vec apart = (x[j] - centres[k * K + j]) * scales[k];
        sum = fma(apart, apart, sum);
      }
      storeSome(y + k * s.y.stride + i, sum, count);
    }
  }
}

static void distances(const LoopStep& s, const LoopFrame& frame) {
  withColumns(s.count, [&]<int K>() { distancesOf<K>(s, frame); });
}

template <int K>
static void distanceSlopesOf(const LoopStep& s, const LoopFrame& frame) {
  const Number *a = at(s.a, frame), *centres = at(s.b, frame), *scales = at(s.c, frame), *g = at(s.z, frame);
  Number* y = at(s.y, frame);
  for (std::int64_t i = 0; i < frame.rows; i += kWidth) {
    const int count = lanesAt(i, frame.rows);
    Vec x[K], sums[K];
    for (int j = 0; j < K; ++j) x[j] = loadSome(a + j * s.a.stride + i, count), sums[j] = Vec{};
    for (std::int64_t k = 0; k < s.width; ++k) {
      const Vec factor = loadSome(g + k * s.z.stride + i, count) * (2 * scales[k]);
      for (int j = 0; j < K; ++j) sums[j] = fma(factor, (x[j] - centres[k * K + j]) * scales[k], sums[j]);
    }
    for (int j = 0; j < K; ++j) storeSome(y + j * s.y.stride + i, sums[j], count);
  }
}

static void distanceSlopes(const LoopStep& s, const LoopFrame& frame) {
  withColumns(s.count, [&]<int K>() { distanceSlopesOf<K>(s, frame); });
}

// The even and the odd numbers of two vectors, and the way back.
LANGEVIN_INLINE void unzip(Vec a, Vec b, Vec& even, Vec& odd) {
  Int first, second;
  for (int i = 0; i < kWidth; ++i) first[i] = 2 * i, second[i] = 2 * i + 1;
  even = __builtin_shuffle(a, b, first);
  odd = __builtin_shuffle(a, b, second);
}
LANGEVIN_INLINE void zip(Vec even, Vec odd, Vec& a, Vec& b) {
  Int first, second;
  for (int i = 0; i < kWidth; ++i) {
    first[i] = i / 2 + (i % 2) * kWidth;
    second[i] = kWidth / 2 + i / 2 + (i % 2) * kWidth;
  }
  a = __builtin_shuffle(even, odd, first);
  b = __builtin_shuffle(even, odd, second);
}

static void turn(const LoopStep& s, const LoopFrame& frame) {
  const Number* a = at(s.a, frame);
  Number* y = at(s.y, frame);
  const std::int64_t d = s.width;
  std::int64_t r = 0;
  for (; d == 2 && r + kWidth <= frame.rows; r += kWidth) {
    Vec even, odd;
    unzip(load(a + 2 * r), load(a + 2 * r + kWidth), even, odd);
    store(y + r, even);
    store(y + s.y.stride + r, odd);
  }
  for (; d == 4 && r + kWidth <= frame.rows; r += kWidth) {
    Vec v[4], c[4];
    for (int k = 0; k < 4; ++k) v[k] = load(a + 4 * r + k * kWidth);
    unzip(v[0], v[1], c[0], c[1]);
    unzip(v[2], v[3], c[2], c[3]);
    unzip(c[0], c[2], v[0], v[2]);
    unzip(c[1], c[3], v[1], v[3]);
    for (int k = 0; k < 4; ++k) store(y + k * s.y.stride + r, v[k]);
  }
  for (; r < frame.rows; ++r)
    for (std::int64_t k = 0; k < d; ++k) y[k * s.y.stride + r] = a[r * d + k];
}

static void turnBack(const LoopStep& s, const LoopFrame& frame) {
  const Number* a = at(s.a, frame);
  Number* y = at(s.y, frame);
  const std::int64_t d = s.width;
  std::int64_t r = 0;
  for (; d == 2 && r + kWidth <= frame.rows; r += kWidth) {
    Vec first, second;
    zip(load(a + r), load(a + s.a.stride + r), first, second);
    store(y + 2 * r, first);
    store(y + 2 * r + kWidth, second);
  }
  for (; d == 4 && r + kWidth <= frame.rows; r += kWidth) {
    Vec v[4], c[4];
    for (int k = 0; k < 4; ++k) v[k] = load(a + k * s.a.stride + r);
    zip(v[0], v[2], c[0], c[2]);
    zip(v[1], v[3], c[1], c[3]);
    zip(c[0], c[1], v[0], v[1]);
    zip(c[2], c[3], v[2], v[3]);
    for (int k = 0; k < 4; ++k) store(y + 4 * r + k * kWidth, v[k]);
  }
  for (; r < frame.rows; ++r)
    for (std::int64_t k = 0; k < d; ++k) y[r * d + k] = a[k * s.a.stride + r];
}

static void pick(const LoopStep& s, const LoopFrame& frame) {
  const Number* a = at(s.a, frame);
  Number* y = at(s.y, frame);
  for (std::int64_t r = 0; r < frame.rows; ++r) y[r] = a[r * s.a.stride];
}

static void put(const LoopStep& s, const LoopFrame& frame) {
  const Number* a = at(s.a, frame);
  Number* y = at(s.y, frame);
  for (std::int64_t r = 0; r < frame.rows; ++r) y[r * s.y.stride] = s.s * a[s.a.single ? 0 : r] + s.t;
}

}  // namespace langevin::LANGEVIN_ISA
