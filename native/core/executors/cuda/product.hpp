// The matrix product of a tile: activations in shared memory, weights in shared memory too, either for good (small
// networks: the whole arena) or streamed from global memory through a stage of two halves, 128 bits at a time and one
// chunk ahead. A thread holds four rows times four or eight columns of the result in registers.
//   by rows     out[r, n] = sum_k a[r, k] W[n, k]   (linear layers forward; W as torch.nn stores it)
//   by columns  out[r, n] = sum_k a[r, k] W[k, n]   (the same W backward: no transposed copy is needed)
#pragma once

#include "executors/cuda/tile.hpp"

namespace langevin::cuda {

// Eight columns per thread. On sm_100 and later ptxas 13.0 spills with them, so there it is four.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
constexpr bool kWide = false;
#else
constexpr bool kWide = true;
#endif

template <int Columns>
struct Accumulator {
  float v[kRowsEach][Columns];
};

/// Where a thread works: rows `row + i rowStep`, columns by rows `column + j groups`, by columns four in a row from
/// 4 (column + (j / 4) groups).
struct Place {
  int row, rowStep, column, groups;
};

template <int Columns>
LANGEVIN_HD void productByRows(const Place& p, const float* a, int strideA, const float* w, int strideW, int k,
                               int columns, Accumulator<Columns>& sum) {
  int offset[Columns];
  LANGEVIN_UNROLL
  for (int j = 0; j < Columns; ++j) {
    const int n = p.column + j * p.groups;
    offset[j] = (n < columns ? n : columns - 1) * strideW;
  }
  const float* rows = a + p.row * strideA;
  const int step = p.rowStep * strideA;
  int i = 0;
  LANGEVIN_ROLLED
  for (; i + 4 <= k; i += 4) {
    Quad x[kRowsEach];
    LANGEVIN_UNROLL
    for (int r = 0; r < kRowsEach; ++r) x[r] = load4(rows + r * step + i);
    LANGEVIN_UNROLL
    for (int j = 0; j < Columns; ++j) {
      const Quad q = load4(w + offset[j] + i);
      LANGEVIN_UNROLL
      for (int r = 0; r < kRowsEach; ++r) {
        LANGEVIN_UNROLL
        for (int e = 0; e < 4; ++e) sum.v[r][j] = multiplyAdd(x[r].v[e], q.v[e], sum.v[r][j]);
      }
    }
  }
  LANGEVIN_ROLLED
  for (; i < k; ++i) {
    LANGEVIN_UNROLL
    for (int j = 0; j < Columns; ++j) {
      LANGEVIN_UNROLL
      for (int r = 0; r < kRowsEach; ++r) sum.v[r][j] = multiplyAdd(rows[r * step + i], w[offset[j] + i], sum.v[r][j]);
    }
  }
}

template <int Columns>
LANGEVIN_HD void addOuter(const float (&x)[kRowsEach], const float* w, const int (&offset)[Columns / 4],
                          Accumulator<Columns>& sum) {
  LANGEVIN_UNROLL
  for (int j = 0; j < Columns / 4; ++j) {
    const Quad q = load4(w + offset[j]);
    LANGEVIN_UNROLL
    for (int r = 0; r < kRowsEach; ++r) {
      LANGEVIN_UNROLL
      for (int e = 0; e < 4; ++e) sum.v[r][4 * j + e] = multiplyAdd(x[r], q.v[e], sum.v[r][4 * j + e]);
    }
  }
}

template <int Columns>
LANGEVIN_HD void productByColumns(const Place& p, const float* a, int strideA, const float* w, int strideW, int k,
                                  int columns, Accumulator<Columns>& sum) {
  int offset[Columns / 4];
  LANGEVIN_UNROLL
  for (int j = 0; j < Columns / 4; ++j) {
    const int n = 4 * (p.column + j * p.groups);
    offset[j] = n < columns ? n : 0;
  }
  const float* rows = a + p.row * strideA;
  const int step = p.rowStep * strideA;
  int i = 0;
  LANGEVIN_ROLLED
  for (; i + 4 <= k; i += 4) {
    Quad x[kRowsEach];
    LANGEVIN_UNROLL
    for (int r = 0; r < kRowsEach; ++r) x[r] = load4(rows + r * step + i);
    LANGEVIN_UNROLL
    for (int e = 0; e < 4; ++e) {
      float column[kRowsEach];
      LANGEVIN_UNROLL
      for (int r = 0; r < kRowsEach; ++r) column[r] = x[r].v[e];
      addOuter<Columns>(column, w + (i + e) * strideW, offset, sum);
    }
  }
  LANGEVIN_ROLLED
  for (; i < k; ++i) {
    float column[kRowsEach];
    LANGEVIN_UNROLL
    for (int r = 0; r < kRowsEach; ++r) column[r] = rows[r * step + i];
    addOuter<Columns>(column, w + i * strideW, offset, sum);
  }
}

/// Copies `rows` x `columns` (a multiple of four) of a matrix with `limit` rows into a half of the stage.
template <class Lanes>
LANGEVIN_HD void stage(Lanes& lanes, int threads, const float* matrix, int stride, int firstRow, int limit,
                       int firstColumn, int rows, int columns, float* to) {
  const int quads = columns / 4;
  for (int i = lanes.thread(); i < rows * quads; i += threads) {
    const int r = i / quads, c = 4 * (i % quads);
    const int source = firstRow + r < limit ? firstRow + r : limit - 1;
    lanes.copy16(to + r * (columns + 4) + c, matrix + source * stride + firstColumn + c);
  }
  lanes.commit();
}

/// Column j of a thread, by rows or by columns of W.
template <int Columns>
LANGEVIN_HD int columnOf(const Place& p, bool byRows, int j) {
  return byRows ? p.column + j * p.groups : 4 * (p.column + (j / 4) * p.groups) + j % 4;
}

// Sums begin at what they are added to: the bias, or what is there already. Only one of the two occurs.
template <int Columns, class Lanes>
LANGEVIN_HD Accumulator<Columns> begin(const Tile<Lanes>& tile, const Instruction& in, const Place& p, int band,
                                       int columns) {
  Accumulator<Columns> sum{};
  const bool byRows = (in.flags & kByRows) != 0, add = (in.flags & kAccumulate) != 0;
  if (!add && in.bias < 0) return sum;
  const float* out = tile.shared + in.out.at + band;
  const float* bias = tile.launch.arena + in.bias + band;
  LANGEVIN_UNROLL
  for (int j = 0; j < Columns; ++j) {
    const int n = columnOf<Columns>(p, byRows, j);
    if (n >= columns) continue;
    const float first = add ? 0.0f : readOnly(bias + n);
    LANGEVIN_UNROLL
    for (int r = 0; r < kRowsEach; ++r) sum.v[r][j] = add ? out[(p.row + r * p.rowStep) * in.out.stride + n] : first;
  }
  return sum;
}

template <int Columns, class Lanes>
LANGEVIN_HD void store(const Tile<Lanes>& tile, const Instruction& in, const Place& p, int band, int columns,
                       const Accumulator<Columns>& sum) {
  const bool byRows = (in.flags & kByRows) != 0;
  float* out = tile.shared + in.out.at + band;
  LANGEVIN_UNROLL
  for (int j = 0; j < Columns; ++j) {
    const int n = columnOf<Columns>(p, byRows, j);
    if (n >= columns) continue;
    LANGEVIN_UNROLL
    for (int r = 0; r < kRowsEach; ++r) out[(p.row + r * p.rowStep) * in.out.stride + n] = sum.v[r][j];
  }
}

// On the numbers this thread has just written: the function's value and derivative in one pass, or the product with a
// derivative that was kept. A loop, so that 32 sums in registers do not become 32 copies of the code.
template <int Columns, class Lanes>
LANGEVIN_HD void finish(const Tile<Lanes>& tile, const Instruction& in, const Place& p, int band, int columns) {
  const bool byRows = (in.flags & kByRows) != 0;
  float* out = tile.shared + in.out.at + band;
  float* keep = tile.shared + in.keep.at + band;
  LANGEVIN_ROLLED
  for (int j = 0; j < Columns; ++j) {
    const int n = columnOf<Columns>(p, byRows, j);
    if (n >= columns) continue;
    LANGEVIN_ROLLED
    for (int r = 0; r < kRowsEach; ++r) {
      const int row = p.row + r * p.rowStep;
      float &y = out[row * in.out.stride + n], &d = keep[row * in.keep.stride + n];
      if (in.flags & kTimesKeep) {
        y *= d;
        continue;
      }
      const Pair pair = activation(static_cast<Unary>(in.function), in.n0, y);
      y = pair.y;
      d = pair.d;
    }
  }
}

template <int Columns, class Lanes>
LANGEVIN_HD void productBand(const Tile<Lanes>& tile, const Instruction& in, const Place& p, bool works, int band,
                             int columns) {
  const Launch& l = tile.launch;
  const bool byRows = (in.flags & kByRows) != 0, resident = l.resident > 0;
  const int depth = in.a.width, width = Columns * p.groups, total = in.columns;
  const float* matrix = l.arena + in.weights;
  float* halves = tile.shared + l.stageAt;
  const auto fetch = [&](int first, int half) {
    float* to = halves + half * kStageFloats;
    if (byRows)
      stage(tile.lanes, l.threads, matrix, in.weightStride, band, total, first, width, kChunk, to);
    else
      stage(tile.lanes, l.threads, matrix, in.weightStride, first, depth, band, kChunk, width, to);
  };
  Accumulator<Columns> sum{};
  if (works) sum = begin<Columns>(tile, in, p, band, columns);
  if (!resident) fetch(0, 0);
  int half = 0;
  LANGEVIN_ROLLED
  for (int first = 0; first < depth; first += kChunk, half ^= 1) {
    const int k = depth - first < kChunk ? depth - first : kChunk;
    const float* w;
    int stride;
    if (resident) {
      w = tile.shared + l.residentAt + in.weights +
          (byRows ? band * in.weightStride + first : first * in.weightStride + band);
      stride = in.weightStride;
    } else {
      const bool more = first + kChunk < depth;
      if (more) fetch(first + kChunk, half ^ 1);
      tile.lanes.waitFor(more ? 1 : 0);
      tile.lanes.sync();
      w = halves + half * kStageFloats;
      stride = byRows ? kChunk + 4 : width + 4;
    }
    const float* a = tile.shared + in.a.at + first;
    if (works && byRows) productByRows<Columns>(p, a, in.a.stride, w, stride, k, columns, sum);
    if (works && !byRows) productByColumns<Columns>(p, a, in.a.stride, w, stride, k, columns, sum);
    if (!resident) tile.lanes.sync();  // the half is free for the chunk after next
  }
  if (!works) return;
  store<Columns>(tile, in, p, band, columns, sum);
  if (in.flags & (kFunction | kTimesKeep)) finish<Columns>(tile, in, p, band, columns);
}

template <class Lanes>
LANGEVIN_HD void product(const Tile<Lanes>& tile, const Instruction& in) {
  const int rowGroups = tile.launch.tileRows / kRowsEach;
  int groups = tile.launch.threads / rowGroups;
  if (groups > 32) groups = 32;
  const int thread = tile.lanes.thread();
  const Place p{thread / groups, rowGroups, thread % groups, groups};
  const bool works = p.row < rowGroups, wide = kWide && groups == 16 && in.columns > 4 * groups;
  tile.lanes.sync();
  for (int band = 0; band < in.columns; band += (wide ? 8 : 4) * groups) {
    const int left = in.columns - band;
    if (wide)
      productBand<8>(tile, in, p, works, band, left < 8 * groups ? left : 8 * groups);
    else
      productBand<4>(tile, in, p, works, band, left < 4 * groups ? left : 4 * groups);
  }
  tile.lanes.sync();
}

}  // namespace langevin::cuda
