// Operations on images beside convolutions: pools, repetition, the order of channels.
#include <cmath>
#include <cstring>
#include <limits>

#include "executors/cpu/tile_ops.hpp"
#include "program/image_windows.hpp"

namespace langevin {
namespace {

// Calls each(place, pixel) for every number of every window of a row, channels aside: indices of a place of the result and
// of a pixel of the input. Windows of pools have no padding.
template <class Each>
void overWindows(const ImageWindows& w, Each each) {
  const std::int64_t down = w.places(0), across = w.places(1);
  for (std::int64_t y = 0; y < down; ++y)
    for (std::int64_t x = 0; x < across; ++x)
      for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky)
        for (std::int64_t kx = 0; kx < w.kernel[1]; ++kx)
          each(y * across + x, (y * w.stride[0] + ky) * w.width + x * w.stride[1] + kx);
}

template <class T>
void sumPoolForward(TileCallOf<T>& c) {
  const ImageWindows w = ImageWindows::of(c.node().integers);
  const auto factor = static_cast<T>(c.node().numbers[0]);
  for (std::int64_t r = 0; r < c.rows(); ++r) {
    const T* x = c.in(0) + r * w.numel();
    T* out = c.out() + r * c.width();
    std::fill_n(out, c.width(), T(0));
    overWindows(w, [&](std::int64_t place, std::int64_t pixel) {
      c.k.axpy(T(1), x + pixel * w.channels, out + place * w.channels, w.channels);
    });
    c.k.scale(factor, T(0), out, out, c.width());
  }
}
template <class T>
void sumPoolBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const ImageWindows w = ImageWindows::of(c.node().integers);
  const auto factor = static_cast<T>(c.node().numbers[0]);
  T* target = c.addableAdjoint(0);
  for (std::int64_t r = 0; r < c.rows(); ++r)
    overWindows(w, [&](std::int64_t place, std::int64_t pixel) {
      c.k.axpy(factor, c.adjoint() + r * c.width() + place * w.channels, target + r * w.numel() + pixel * w.channels,
               w.channels);
    });
}

template <class T>
void maxPoolForward(TileCallOf<T>& c) {
  const ImageWindows w = ImageWindows::of(c.node().integers);
  for (std::int64_t r = 0; r < c.rows(); ++r) {
    const T* x = c.in(0) + r * w.numel();
    T* out = c.out() + r * c.width();
    std::fill_n(out, c.width(), -std::numeric_limits<T>::infinity());
    overWindows(w, [&](std::int64_t place, std::int64_t pixel) {
      const T* from = x + pixel * w.channels;
      T* to = out + place * w.channels;
      for (std::int64_t i = 0; i < w.channels; ++i) to[i] = from[i] > to[i] || std::isnan(from[i]) ? from[i] : to[i];
    });
  }
}
// The adjoint of a place goes to the first of its window's largest numbers.
template <class T>
void maxPoolBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const ImageWindows w = ImageWindows::of(c.node().integers);
  T* target = c.addableAdjoint(0);
  T* left = c.scratch(static_cast<std::size_t>(c.width()), 0);
  for (std::int64_t r = 0; r < c.rows(); ++r) {
    const T *x = c.in(0) + r * w.numel(), *most = c.out() + r * c.width();
    T* to = target + r * w.numel();
    std::memcpy(left, c.adjoint() + r * c.width(), sizeof(T) * static_cast<std::size_t>(c.width()));
    overWindows(w, [&](std::int64_t place, std::int64_t pixel) {
      for (std::int64_t i = 0; i < w.channels; ++i) {
        const std::int64_t at = place * w.channels + i, from = pixel * w.channels + i;
        if (x[from] != most[at]) continue;
        to[from] += left[at];
        left[at] = 0;
      }
    });
  }
}

// Calls each(place, pixel) for every place of the result, indices as above.
template <class Each>
void overCopies(const std::vector<std::int64_t>& n, Each each) {
  const std::int64_t height = n[1], width = n[2], down = n[3], across = n[4];
  for (std::int64_t y = 0; y < height * down; ++y)
    for (std::int64_t x = 0; x < width * across; ++x) each(y * width * across + x, y / down * width + x / across);
}

template <class T>
void upsampleForward(TileCallOf<T>& c) {
  const std::vector<std::int64_t>& n = c.node().integers;
  const std::int64_t channels = n[0];
  for (std::int64_t r = 0; r < c.rows(); ++r) {
    const T* x = c.in(0) + r * c.inWidth(0);
    T* out = c.out() + r * c.width();
    overCopies(n, [&](std::int64_t place, std::int64_t pixel) {
      std::memcpy(out + place * channels, x + pixel * channels, sizeof(T) * static_cast<std::size_t>(channels));
    });
  }
}
template <class T>
void upsampleBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const std::vector<std::int64_t>& n = c.node().integers;
  T* target = c.addableAdjoint(0);
  for (std::int64_t r = 0; r < c.rows(); ++r)
    overCopies(n, [&](std::int64_t place, std::int64_t pixel) {
      c.k.axpy(T(1), c.adjoint() + r * c.width() + place * n[0], target + r * c.inWidth(0) + pixel * n[0], n[0]);
    });
}

// to [cols, rows] = from' of one row; added where `adds`.
template <class T>
void turn(const T* from, std::int64_t rows, std::int64_t cols, T* to, bool adds) {
  for (std::int64_t j = 0; j < cols; ++j)
    for (std::int64_t i = 0; i < rows; ++i, ++to) *to = adds ? *to + from[i * cols + j] : from[i * cols + j];
}

template <class T>
void transposeForward(TileCallOf<T>& c) {
  const std::int64_t rows = c.node().integers[0], w = c.width();
  for (std::int64_t r = 0; r < c.rows(); ++r) turn(c.in(0) + r * w, rows, w / rows, c.out() + r * w, false);
}
template <class T>
void transposeBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const std::int64_t rows = c.node().integers[0], w = c.width();
  for (std::int64_t r = 0; r < c.rows(); ++r)
    turn(c.adjoint() + r * w, w / rows, rows, c.adjointOf(0) + r * w, c.adds(0));
}

}  // namespace

template <class T>
const std::vector<TileOpOf<T>>& imageTileOps() {
  static const std::vector<TileOpOf<T>> table = {
      {"sumPool2d", sumPoolForward<T>, sumPoolBackward<T>},
      {"maxPool2d", maxPoolForward<T>, maxPoolBackward<T>},
      {"upsample2d", upsampleForward<T>, upsampleBackward<T>},
      {"transpose", transposeForward<T>, transposeBackward<T>},
  };
  return table;
}

template const std::vector<TileOpOf<float>>& imageTileOps();
template const std::vector<TileOpOf<double>>& imageTileOps();

}  // namespace langevin
