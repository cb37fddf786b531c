// Operations on images. Rows are images whose numbers lie channels last; ATen sees the same memory as [n, c, h, w].
#include "program/image_windows.hpp"
#include "program/ops.hpp"

namespace langevin {
namespace {

// Rows [n, h w c] as [n, c, h, w].
at::Tensor imagesOf(const at::Tensor& rows, std::int64_t channels, std::int64_t height, std::int64_t width) {
  return rows.reshape({rows.size(0), height, width, channels}).permute({0, 3, 1, 2});
}

// Images [n, c, h, w] as rows [n, h w c].
at::Tensor rowsOf(const at::Tensor& images) { return images.permute({0, 2, 3, 1}).reshape({images.size(0), -1}); }

at::Tensor seen(const OpCall& c, const ImageWindows& w) { return imagesOf(c.in(0), w.channels, w.height, w.width); }

at::Tensor conv2d(const OpCall& c) {
  const ImageWindows w = ImageWindows::of(c.node.integers);
  const std::optional<at::Tensor> bias =
      c.node.parameters.size() > 1 ? std::optional<at::Tensor>(c.parameter(1)) : std::nullopt;
  return rowsOf(at::conv2d(seen(c, w), c.parameter(0), bias, w.stride, w.padding));
}

// The windows are those of the result, one for each pixel that is read.
at::Tensor convTranspose2d(const OpCall& c) {
  const ImageWindows w = ImageWindows::of(c.node.integers);
  const std::optional<at::Tensor> bias =
      c.node.parameters.size() > 1 ? std::optional<at::Tensor>(c.parameter(1)) : std::nullopt;
  const std::int64_t more[2] = {w.height - w.reached(0), w.width - w.reached(1)};
  const at::Tensor x = imagesOf(c.in(0), c.parameter(0).size(0), w.places(0), w.places(1));
  return rowsOf(at::conv_transpose2d(x, c.parameter(0), bias, w.stride, w.padding, more));
}

// The sum is taken as a mean times the numbers in the window: ATen has no other.
at::Tensor sumPool(const OpCall& c) {
  const ImageWindows w = ImageWindows::of(c.node.integers);
  const double factor = c.node.numbers[0] * static_cast<double>(w.kernel[0] * w.kernel[1]);
  const at::Tensor means = at::avg_pool2d(seen(c, w), w.kernel, w.stride, w.padding);
  return rowsOf(factor == 1 ? means : means * factor);
}

at::Tensor maxPool(const OpCall& c) {
  const ImageWindows w = ImageWindows::of(c.node.integers);
  return rowsOf(at::max_pool2d(seen(c, w), w.kernel, w.stride, w.padding));
}

at::Tensor upsample(const OpCall& c) {
  const std::vector<std::int64_t>& n = c.node.integers;
  const at::Tensor x = imagesOf(c.in(0), n[0], n[1], n[2]);
  return rowsOf(x.repeat_interleave(n[3], 2).repeat_interleave(n[4], 3));
}

at::Tensor transpose(const OpCall& c) {
  const at::Tensor& x = c.in(0);
  return x.reshape({x.size(0), c.node.integers[0], -1}).transpose(1, 2).reshape({x.size(0), -1});
}

}  // namespace

const std::vector<OpDefinition>& imageOperations() {
  static const std::vector<OpDefinition> table = withTraits({
      // integers: those of ImageWindows; parameters: weight [out, channels, kernel, kernel] and bias [out]
      {"conv2d", conv2d},
      // integers: those of ImageWindows on the result; parameters: weight [in, out, kernel, kernel] and bias [out]
      {"convTranspose2d", convTranspose2d},
      // numbers: what the sum of a window is multiplied with; integers: as of conv2d
      {"sumPool2d", sumPool},
      {"maxPool2d", maxPool},
      // integers: channels, height, width, how often along the height and along the width
      {"upsample2d", upsample},
      // a row as a matrix of integers[0] rows, turned: from channels first to channels last and back
      {"transpose", transpose},
  });
  return table;
}

}  // namespace langevin
