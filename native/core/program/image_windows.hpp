// What operations on images count on. A row is an image whose numbers lie channels last, [height, width, channels]; a
// convolution or a pool looks at it through windows. No Torch: the fused kernels are compiled without it, too.
#pragma once

#include <cstdint>
#include <vector>

namespace langevin {

/// Of an operation on images: what it reads, and the windows it reads it through. Pairs are (along the height, along the
/// width). In the order of the members these are the integers of "conv2d", "sumPool2d" and "maxPool2d"; those of
/// "convTranspose2d" are of the convolution from its result to what it reads.
struct ImageWindows {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t kernel[2] = {1, 1}, stride[2] = {1, 1}, padding[2] = {0, 0};

  static constexpr std::size_t kIntegers = 9;

  static ImageWindows of(const std::vector<std::int64_t>& n) {
    return {n[0], n[1], n[2], {n[3], n[4]}, {n[5], n[6]}, {n[7], n[8]}};
  }
  std::vector<std::int64_t> integers() const {
    return {channels, height, width, kernel[0], kernel[1], stride[0], stride[1], padding[0], padding[1]};
  }
  /// Of a row it reads.
  std::int64_t numel() const { return channels * height * width; }
  /// Numbers in a window.
  std::int64_t depth() const { return kernel[0] * kernel[1] * channels; }
  /// Windows along the height (0) or the width (1); less than 1 where the kernel does not fit.
  std::int64_t places(int axis) const {
    const std::int64_t over = (axis == 0 ? height : width) + 2 * padding[axis] - kernel[axis];
    return over < 0 ? 0 : over / stride[axis] + 1;
  }
  /// Pixels up to the end of the last window.
  std::int64_t reached(int axis) const { return (places(axis) - 1) * stride[axis] + kernel[axis] - 2 * padding[axis]; }
  /// Windows of a row.
  std::int64_t windows() const { return places(0) * places(1); }
};

}  // namespace langevin
