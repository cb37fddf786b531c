// The steps of a program without products (executors/cpu/loop_program.hpp): loops over the numbers of a block of rows, each
// compiled once per instruction set (isa/loop_kernels.cpp).
#pragma once

#include <cstdint>

#include "kernels/tile_kernels.hpp"

namespace langevin {

/// a, b, c: what a step reads; s, t: its numbers; y, z: what it writes, z only where it is wanted.
enum class LoopCode {
  // number by number
  Affine,        // y = s a + t
  Add,           // y = s a + t b
  Product,       // y = s a b + t
  ProductAdd,    // y = s a b + t c
  Quotient,      // y = s a / b
  SafeQuotient,  // y = s a / b, and 0 where b is 0
  Maximum,       // y = the larger of a and b
  Minimum,
  MaximumShare,  // y = dMaximum/da: 1 or 0, and 1/2 where a = b
  MinimumShare,
  Greater,  // y = 1 where a > b, else 0
  GreaterEqual,
  Less,
  LessEqual,
  Where,     // y = b where a is not 0, else c
  Function,  // y = f(a), z = f'(a)
  // a row's numbers to one
  Sum,     // y = s (sum of a) + t
  Dot,     // y = s (sum of a b) + t
  LogSum,  // y = log of the sum of exp a, z = exp(a - y)
  // a row's numbers to others
  Bands,           // y = (a + t b) S, S a symmetric matrix that is 0 beyond a few diagonals; b where it is given
  Symmetric,       // y = a S, S [width, width] at b, fewer than kNarrowRow columns
  Distances,       // y[k] = |(a - m[k]) c[k]|^2, centres m [width, columns] at b
  DistanceSlopes,  // y = sum_k g[k] d|(a - m[k]) c[k]|^2/da, g at z, which is read
  // between the rows of the caller, one after another, and columns or buffers
  Turn,      // y: columns of a
  TurnBack,  // y: rows of the columns a
  Pick,      // y[r] = the number of row r at a
  Put,       // the number of row r at y = s a[r] + t
};

/// Rows of fewer numbers have their columns in registers.
constexpr std::int64_t kNarrowRow = 8;

/// Which index runs inside.
enum class LoopOrder {
  Rows,     // rows outside, the numbers of a row inside
  Columns,  // columns outside, rows inside
};

/// Numbers for a step: where they begin, and how far on they go with the outer index.
struct LoopView {
  int region = -1;      // into LoopFrameOf::regions; -1: none
  bool single = false;  // one number for the whole inner loop
  std::int64_t offset = 0, stride = 0;
};

template <class T>
struct LoopStepOf {
  LoopCode code = LoopCode::Affine;
  LoopOrder order = LoopOrder::Rows;
  LoopView a, b, c, y, z;
  T s = 1, t = 0;
  std::int64_t width = 1;  // numbers of a row, or columns
  std::int64_t count = 0;  // Distances: columns of a row
  ActivationOf<T> f{};
  int bands = -1;  // Bands: into LoopFrameOf::bands
};

/// Columns first .. last - 1 of a banded product, for which the diagonals from .. to - 1 lie within the matrix.
struct BandSegment {
  std::int64_t first, last;
  std::int64_t from, to;
};

template <class T>
struct LoopBandsOf {
  const BandSegment* segments = nullptr;
  std::int64_t count = 0;                   // of segments
  const std::int64_t* diagonals = nullptr;  // the number of row i of diagonal k is that of column i + diagonals[k]
  const T* numbers = nullptr;               // [diagonals, width]
};

/// What the steps run on.
template <class T>
struct LoopFrameOf {
  T* const* regions;
  const LoopBandsOf<T>* bands;
  std::int64_t rows;
};

}  // namespace langevin
