// Weights in the order the kernels want: packed for products, by diagonals, about a mean.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "executors/cpu/bands.hpp"
#include "executors/cpu/convolution.hpp"
#include "executors/cpu/tile_ops.hpp"

namespace langevin {

template <class T>
T* room(Aligned<T>& numbers, std::int64_t count) {
  if (numbers.size() != static_cast<std::size_t>(count)) numbers = Aligned<T>(static_cast<std::size_t>(count));
  return numbers.data();
}

template <class T>
void packMatrix(const MatrixOf<T>& b, std::int64_t depth, std::int64_t cols, Aligned<T>& out) {
  const TileKernelsOf<T>& k = tileKernelsOf<T>();
  k.pack(b, depth, cols, room(out, k.packedFloats(depth, cols)));
}

inline void packHalfMatrix(const Matrix& b, std::int64_t depth, std::int64_t cols, Aligned<std::uint32_t>& out) {
  const TileKernels& k = tileKernels();
  k.packHalf(b, depth, cols, room(out, k.packedHalfWords(depth, cols)));
}

// w [out, in] for both directions.
template <class T>
void packWeights(const T* w, std::int64_t in, std::int64_t out, Precision precision, TileWeightsOf<T>& weights) {
  const MatrixOf<T> turned{w, 1, in}, plain{w, in, 1};
  packMatrix<T>(turned, in, out, weights.forward);
  if (in < kThinInput) {
    weights.columns.resize(static_cast<std::size_t>(in * out));
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t i = 0; i < in; ++i) weights.columns[static_cast<std::size_t>(i * out + o)] = w[o * in + i];
    return;
  }
  packMatrix<T>(plain, out, in, weights.backward);
  if constexpr (std::is_same_v<T, float>) {
    if (precision != Precision::BFloat16) return;
    packHalfMatrix(turned, in, out, weights.forwardHalf);
    packHalfMatrix(plain, out, in, weights.backwardHalf);
  }
}

// The matrices of the phases one behind the other: of each, the weights that reach a pixel from the windows around it.
template <class T>
void packPhases(const T* w, const ImageWindows& s, std::int64_t out, Precision precision, TileWeightsOf<T>& weights) {
  const TileKernelsOf<T>& k = tileKernelsOf<T>();
  std::int64_t numbers = 0, words = 0;
  forEachPhase(s, out, [&](const StridePhase& p) {
    numbers += k.packedFloats(p.grid.depth(), s.channels);
    if constexpr (std::is_same_v<T, float>) words += k.packedHalfWords(p.grid.depth(), s.channels);
  });
  T* to = room(weights.backward, numbers);
  std::uint32_t* half = precision == Precision::BFloat16 ? room(weights.backwardHalf, words) : nullptr;
  std::vector<T> matrix;
  forEachPhase(s, out, [&](const StridePhase& p) {
    const std::int64_t depth = p.grid.depth(), taps = s.kernel[0] * s.kernel[1];
    matrix.resize(static_cast<std::size_t>(depth * s.channels));
    T* m = matrix.data();
    for (std::int64_t y = p.grid.kernel[0]; y-- > 0;)
      for (std::int64_t x = p.grid.kernel[1]; x-- > 0;) {
        const T* tap = w + (p.first[0] + y * s.stride[0]) * s.kernel[1] + p.first[1] + x * s.stride[1];
        for (std::int64_t o = 0; o < out; ++o)
          for (std::int64_t c = 0; c < s.channels; ++c) *m++ = tap[(o * s.channels + c) * taps];
      }
    const MatrixOf<T> b{matrix.data(), s.channels, 1};
    k.pack(b, depth, s.channels, to);
    to += k.packedFloats(depth, s.channels);
    if constexpr (std::is_same_v<T, float>) {
      if (!half) return;
      k.packHalf(b, depth, s.channels, half);
      half += k.packedHalfWords(depth, s.channels);
    }
  });
}

// w [out, channels, kernel, kernel] as the matrix [window, out], and for the adjoint.
template <class T>
void packConvolution(const T* w, const ImageWindows& s, std::int64_t out, Precision precision,
                     TileWeightsOf<T>& weights) {
  const std::int64_t depth = s.depth(), taps = s.kernel[0] * s.kernel[1];
  std::vector<T> turned(static_cast<std::size_t>(depth * out));
  for (std::int64_t o = 0; o < out; ++o)
    for (std::int64_t c = 0; c < s.channels; ++c)
      for (std::int64_t t = 0; t < taps; ++t)
        turned[static_cast<std::size_t>((t * s.channels + c) * out + o)] = w[(o * s.channels + c) * taps + t];
  const MatrixOf<T> plain{turned.data(), out, 1};
  packMatrix<T>(plain, depth, out, weights.forward);
  if (s.channels < kThinInput) return packMatrix<T>({turned.data(), 1, out}, out, depth, weights.backward);
  packPhases(w, s, out, precision, weights);
  if constexpr (std::is_same_v<T, float>)
    if (precision == Precision::BFloat16) packHalfMatrix(plain, depth, out, weights.forwardHalf);
}

// (P + P') / 2 of p [d, d], times `mask` where it is given; block by block: columns of a wide matrix lie far apart.
template <class T>
void packSymmetric(const T* p, const T* mask, std::int64_t d, TileWeightsOf<T>& weights) {
  constexpr std::int64_t kBlock = 32;
  Aligned<T> symmetric(static_cast<std::size_t>(d * d));
  T* s = symmetric.data();
  for (std::int64_t first = 0; first < d; first += kBlock)
    for (std::int64_t left = 0; left < d; left += kBlock)
      for (std::int64_t i = first; i < std::min(d, first + kBlock); ++i)
        for (std::int64_t j = left; j < std::min(d, left + kBlock); ++j)
          s[i * d + j] = T(0.5) * p[i * d + j] + T(0.5) * p[j * d + i];
  if (mask)
    for (std::int64_t i = 0; i < d * d; ++i) s[i] *= mask[i];
  if (!packDiagonals(s, d, weights)) packMatrix<T>({s, d, 1}, d, d, weights.forward);
  if (d < kNarrowRow) weights.columns.assign(s, s + d * d);
}

// Where there are many centres of many columns.
template <class T>
void packCentres(const T* m, std::int64_t count, std::int64_t d, TileCentresOf<T>& centres) {
  constexpr std::int64_t kFewest = 8, kNarrowest = 16;
  if (count < kFewest || d < kNarrowest) return;
  std::vector<double> mean(static_cast<std::size_t>(d), 0.0);
  for (std::int64_t k = 0; k < count; ++k)
    for (std::int64_t j = 0; j < d; ++j) mean[static_cast<std::size_t>(j)] += m[k * d + j] / static_cast<double>(count);
  centres.mean.assign(mean.begin(), mean.end());
  std::vector<T> apart(static_cast<std::size_t>(count * d)), twice(apart.size());
  for (std::int64_t k = 0; k < count; ++k) {
    double square = 0;
    for (std::int64_t j = 0; j < d; ++j) {
      const auto i = static_cast<std::size_t>(k * d + j);
      apart[i] = centres.mean[static_cast<std::size_t>(j)] - m[i];
      twice[i] = 2 * apart[i];
      square += static_cast<double>(apart[i]) * apart[i];
    }
    centres.squares.push_back(static_cast<T>(square));
  }
  packMatrix<T>({twice.data(), 1, d}, d, count, centres.forward);
  packMatrix<T>({apart.data(), d, 1}, count, d, centres.backward);
}

}  // namespace langevin
