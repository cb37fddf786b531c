// Convolutions of a tile as packed products. Rows are images, channels last, so that a line of a window lies in one piece:
// windows are gathered as rows of a matrix, a few dozen at a time, and multiplied with the weights while they are in cache.
// Gradients in the input are convolutions of the adjoint: one for each place a pixel may have within a stride.
#pragma once

#include "executors/cpu/tile_ops.hpp"
#include "program/image_windows.hpp"

namespace langevin {

inline bool isConvolution(const NamedTraits& d) { return d.is(OpForm::Conv) || d.is(OpForm::ConvTranspose); }

/// Windows on images, each a row of numbers: those of a convolution, or of a part of its adjoint.
struct WindowGrid {
  std::int64_t channels, height, width;                     // of the images
  std::int64_t kernel[2], stride[2], origin[2], places[2];  // origin: first line and column of the first window

  static WindowGrid of(const ImageWindows& w) {
    return {w.channels,
            w.height,
            w.width,
            {w.kernel[0], w.kernel[1]},
            {w.stride[0], w.stride[1]},
            {-w.padding[0], -w.padding[1]},
            {w.places(0), w.places(1)}};
  }
  std::int64_t depth() const { return kernel[0] * kernel[1] * channels; }
  std::int64_t count() const { return places[0] * places[1]; }
  /// A window is a pixel and the windows are all pixels in order: the images are the matrix.
  bool whole() const {
    return kernel[0] == 1 && kernel[1] == 1 && stride[0] == 1 && stride[1] == 1 && origin[0] == 0 && origin[1] == 0 &&
           places[0] == height && places[1] == width;
  }
};

/// The pixels of the input that have one place within a stride: the same weights reach all of them. Their adjoint is a
/// convolution of the output's, with the kernel's numbers first, first + stride, ... backwards.
struct StridePhase {
  WindowGrid grid;        // on the output's adjoint
  std::int64_t first[2];  // of the kernel
  std::int64_t pixel[2];  // the first of the pixels; the others are a stride apart
  bool empty() const { return grid.kernel[0] == 0 || grid.kernel[1] == 0; }
};

/// Calls each(phase) for the phases of a convolution to `out` channels that have pixels, in a fixed order.
template <class Each>
void forEachPhase(const ImageWindows& w, std::int64_t out, Each each) {
  const auto along = [&w](int axis, std::int64_t phase, StridePhase& p) {
    const std::int64_t size = axis == 0 ? w.height : w.width, s = w.stride[axis];
    p.first[axis] = phase;
    p.pixel[axis] = ((phase - w.padding[axis]) % s + s) % s;
    p.grid.kernel[axis] = phase < w.kernel[axis] ? (w.kernel[axis] - phase + s - 1) / s : 0;
    p.grid.stride[axis] = 1;
    p.grid.places[axis] = p.pixel[axis] < size ? (size - p.pixel[axis] + s - 1) / s : 0;
    p.grid.origin[axis] = (p.pixel[axis] + w.padding[axis] - phase) / s - (p.grid.kernel[axis] - 1);
    return p.grid.places[axis] > 0;
  };
  StridePhase p{};
  p.grid.channels = out;
  p.grid.height = w.places(0);
  p.grid.width = w.places(1);
  for (std::int64_t y = 0; y < w.stride[0]; ++y)
    for (std::int64_t x = 0; x < w.stride[1]; ++x)
      if (along(0, y, p) && along(1, x, p)) each(p);
}

/// Windows first .. first + count - 1 of the images as rows of `out`; zeros beyond an image's borders.
template <class T>
void gatherWindows(const WindowGrid& g, const T* images, std::int64_t first, std::int64_t count, T* out);

/// What follows a convolution; null where nothing does. `adds`: the result is added to what is there, and nothing follows.
template <class T>
struct AfterConvolution {
  const T* bias = nullptr;
  const ActivationOf<T>* activation = nullptr;
  T* slope = nullptr;
  bool adds = false;
};

/// The convolution of a node (of what it is the adjoint of) on `images` to out [rows, windows, channels].
template <class T>
void convolve(TileCallOf<T>& c, const T* images, const AfterConvolution<T>& after, T* out);
/// Its adjoint: g [rows, windows, out] to target [rows, input], added where `adds`, times `factor` where that is given.
template <class T>
void convolveBack(TileCallOf<T>& c, const T* g, T* target, bool adds, const T* factor);
/// bias [channels of the node] += sum of g, of the node's size.
template <class T>
void addBiasGradient(TileCallOf<T>& c, const T* g, T* bias);
/// weight [out, channels, kernel, kernel], `count` numbers, += sum [window, out], which becomes 0.
template <class T>
void addTurnedWeights(const ImageWindows& w, std::int64_t count, T* sum, T* weight);
/// weight [out, channels, kernel, kernel] += what g and the images give, bias [out] += sum of g. Null: not wanted.
template <class T>
void addConvolutionGradient(TileCallOf<T>& c, const T* g, const T* images, T* weight, T* bias);

}  // namespace langevin
