// Squared distances of rows to centres and their slopes, as differences: products would cancel far from the origin. What
// turns products into distances, and says where they cancelled, is at the end. Included only by the per-instruction-set sources.
#pragma once

#include "kernels/isa/exp_log.hpp"
#include "kernels/isa/gemm.hpp"

namespace langevin::LANGEVIN_ISA {

using Distances = DistancesOf<Number>;

constexpr int kDistanceRows = LANGEVIN_ISA_LEVEL >= 2 ? 6 : 3;  // rows whose sums fit the registers beside a panel

// MR rows against the centres of one panel, centre by lane: no sum goes across lanes.
template <int MR>
static void distanceBlock(const Distances& d, const Number* x, const Number* panel, std::int64_t first, Number* out) {
  const int width = static_cast<int>(d.count - first < kPanel ? d.count - first : kPanel);
  const Vec scale[2] = {loadSome(d.scales + first, width), loadSome(d.scales + first + kWidth, width - kWidth)};
  Vec sums[MR][2]{};
  for (std::int64_t j = 0; j < d.cols; ++j, panel += kPanel) {
    const Vec centre[2] = {load(panel), load(panel + kWidth)};
    for (int i = 0; i < MR; ++i) {
      const Vec at = all(x[i * d.cols + j]);
      for (int h = 0; h < 2; ++h) {
        const Vec apart = (at - centre[h]) * scale[h];
        sums[i][h] = fma(apart, apart, sums[i][h]);
      }
    }
  }
  for (int i = 0; i < MR; ++i) {
    storeSome(out + i * d.count + first, sums[i][0], width);
    storeSome(out + i * d.count + first + kWidth, sums[i][1], width - kWidth);
  }
}

[[maybe_unused]] static void distances(const Distances& d, Number* out) {
  for (std::int64_t first = 0; first < d.count; first += kPanel) {
    const Number* panel = d.packed + first * d.cols;
    std::int64_t r = 0;
    for (; r + kDistanceRows <= d.rows; r += kDistanceRows)
      distanceBlock<kDistanceRows>(d, d.x + r * d.cols, panel, first, out + r * d.count);
    for (; r < d.rows; ++r) distanceBlock<1>(d, d.x + r * d.cols, panel, first, out + r * d.count);
  }
}

// Columns c .. of a row, N vectors of them, while the centres go by.
template <int N>
static void slopeBlock(const Distances& d, const Number* x, const Number* g, std::int64_t c, Number* out, bool add) {
  const int left = static_cast<int>(d.cols - c);
  Vec at[N], sums[N]{};
  for (int j = 0; j < N; ++j) at[j] = loadSome(x + c + j * kWidth, left - j * kWidth);
  const Number* centre = d.centres + c;
  for (std::int64_t k = 0; k < d.count; ++k, centre += d.cols) {
    const Vec scale = all(d.scales[k]), factor = all(2 * g[k] * d.scales[k]);
    for (int j = 0; j < N; ++j)
      sums[j] = fma(factor, (at[j] - loadSome(centre + j * kWidth, left - j * kWidth)) * scale, sums[j]);
  }
  for (int j = 0; j < N; ++j) {
    Number* to = out + c + j * kWidth;
    storeSome(to, add ? sums[j] + loadSome(to, left - j * kWidth) : sums[j], left - j * kWidth);
  }
}

[[maybe_unused]] static void distanceSlopes(const Distances& d, const Number* g, Number* out, bool add) {
  for (std::int64_t r = 0; r < d.rows; ++r) {
    const Number* x = d.x + r * d.cols;
    Number* to = out + r * d.cols;
    std::int64_t c = 0;
    for (; c + 4 * kWidth <= d.cols; c += 4 * kWidth) slopeBlock<4>(d, x, g + r * d.count, c, to, add);
    for (; c < d.cols; c += kWidth) slopeBlock<1>(d, x, g + r * d.count, c, to, add);
  }
}

using SettledDistances = SettledDistancesOf<Number>;

[[maybe_unused]] static void distancesOfProducts(const SettledDistances& d, Number* v, std::uint8_t* close) {
  const Vec most = all(d.most);
  for (std::int64_t r = 0; r < d.rows; ++r, v += d.count) {
    const Vec xx = all(d.xx[r]);
    Int lost{};
    for (std::int64_t k = 0; k < d.count; k += kWidth) {
      const int count = static_cast<int>(d.count - k < kWidth ? d.count - k : kWidth);
      const Vec scale = loadSome(d.scales + k, count), square = loadSome(v + k, count) + xx;
      // Lanes beyond the last centre hold |x|^2, which is not small.
      lost |= ~(Int)(square * most >= xx + loadSome(d.mm + k, count));
      storeSome(v + k, square * scale * scale, count);
    }
    close[r] = any(lost);
  }
}

[[maybe_unused]] static void distanceFactors(const SettledDistances& d, const Number* g, Number* w, Number* sums) {
  for (std::int64_t r = 0; r < d.rows; ++r, g += d.count, w += d.count) {
    Vec sum{};
    for (std::int64_t k = 0; k < d.count; k += kWidth) {
      const int count = static_cast<int>(d.count - k < kWidth ? d.count - k : kWidth);
      const Vec scale = loadSome(d.scales + k, count), exact = loadSome(g + k, count) * (scale * scale * 2);
      // A product takes a hundred times as long over what is no normal number.
      const Vec factor = magnitude(exact) < kSmallestNormal ? Vec{} : exact;
      sum = sum + factor;
      storeSome(w + k, factor, count);
    }
    sums[r] = total(sum);
  }
}

}  // namespace langevin::LANGEVIN_ISA
