// Layers of images: rows of three axes, [channels, height, width], as torch.nn.Conv2d and its like define them.
#include "networks/layer.hpp"

#include <algorithm>

namespace langevin {
namespace {

// A whole number, or one along the height and one along the width.
void readPair(const Spec& given, std::int64_t least, std::int64_t (&pair)[2]) {
  const std::vector<Spec> items = given.value().list() ? given.items() : std::vector<Spec>{given, given};
  if (items.size() != 2) given.invalid("must be a number, or one along the height and one along the width");
  for (std::size_t i = 0; i < 2; ++i) pair[i] = windowSize(items[i], least);
}

void readPairIfGiven(const Spec& spec, const char* key, std::int64_t least, std::int64_t (&pair)[2]) {
  if (const auto given = spec.find(key)) readPair(*given, least, pair);
}

const std::vector<std::int64_t>& imageOf(const LayerCall& c) {
  return requireImage(c.b.shape(c.x), c.spec, "a " + c.spec.kind() + " layer");
}

}  // namespace

const std::vector<std::int64_t>& requireImage(const Shape& takes, const Spec& spec, const std::string& what) {
  if (takes.axes.size() != 3)
    spec.invalid(what + " takes images [channels, height, width] and gets " + takes.text() +
                 "; give input as three axes, and put flatten behind the last layer of images");
  return takes.axes;
}

std::int64_t windowSize(const Spec& spec, std::int64_t least) {
  constexpr std::int64_t kMost = 65536;
  const std::int64_t size = spec.integer();
  if (size < least || size > kMost)
    spec.invalid("must be a whole number from " + std::to_string(least) + " to " + std::to_string(kMost) + ", got " +
                 std::to_string(size));
  return size;
}

ImageWindows requireFits(const std::vector<std::int64_t>& axes, ImageWindows w, const Spec& spec) {
  w.channels = axes[0];
  w.height = axes[1];
  w.width = axes[2];
  if (w.places(0) >= 1 && w.places(1) >= 1) return w;
  const auto pair = [](std::int64_t down, std::int64_t across) {
    return std::to_string(down) + " x " + std::to_string(across);
  };
  spec.invalid("a kernel of " + pair(w.kernel[0], w.kernel[1]) + " does not fit into an image of " +
               pair(w.height, w.width) + " with a padding of " + pair(w.padding[0], w.padding[1]) +
               "; make kernel smaller or padding larger");
}

int conv2dLayer(const LayerCall& c) {
  const std::vector<std::int64_t> axes = imageOf(c);
  ImageWindows w;
  readPair(c.spec.at("kernel"), 1, w.kernel);
  readPairIfGiven(c.spec, "stride", 1, w.stride);
  readPairIfGiven(c.spec, "padding", 0, w.padding);
  return c.b.conv2d(c.x, c.prefix, c.spec.count("channels"), requireFits(axes, w, c.spec),
                    c.spec.boolean("bias", true));
}

int convTranspose2dLayer(const LayerCall& c) {
  const std::vector<std::int64_t> axes = imageOf(c);
  ImageWindows w;
  std::int64_t more[2] = {0, 0};
  readPair(c.spec.at("kernel"), 1, w.kernel);
  readPairIfGiven(c.spec, "stride", 1, w.stride);
  readPairIfGiven(c.spec, "padding", 0, w.padding);
  readPairIfGiven(c.spec, "outputPadding", 0, more);
  for (const int axis : {0, 1}) {
    if (more[axis] >= w.stride[axis]) c.spec.at("outputPadding").invalid("must be smaller than stride");
    const std::int64_t pixels = axes[axis == 0 ? 1 : 2];
    if ((pixels - 1) * w.stride[axis] + w.kernel[axis] + more[axis] <= 2 * w.padding[axis])
      c.spec.invalid("gives images without pixels; make padding smaller or kernel larger");
  }
  return c.b.convTranspose2d(c.x, c.prefix, c.spec.count("channels"), w, more, c.spec.boolean("bias", true));
}

int poolLayer(const LayerCall& c) {
  const std::vector<std::int64_t> axes = imageOf(c);
  ImageWindows w;
  const Spec kernel = c.spec.at("kernel");
  if (const std::string* text = kernel.value().get<std::string>()) {
    if (*text != "global") kernel.invalid("must be a number, two numbers or 'global', got '" + *text + "'");
    w.kernel[0] = axes[1];
    w.kernel[1] = axes[2];
  } else {
    readPair(kernel, 1, w.kernel);
  }
  std::copy(std::begin(w.kernel), std::end(w.kernel), w.stride);
  readPairIfGiven(c.spec, "stride", 1, w.stride);
  w = requireFits(axes, w, c.spec);
  const std::string reduce = c.spec.text("reduce", "average");
  if (reduce == "max") return c.b.pool2d(c.x, "maxPool2d", w);
  if (reduce == "sum") return c.b.pool2d(c.x, "sumPool2d", w);
  if (reduce != "average") c.spec.at("reduce").invalid("must be 'average', 'max' or 'sum', got '" + reduce + "'");
  return c.b.pool2d(c.x, "sumPool2d", w, 1.0 / static_cast<double>(w.kernel[0] * w.kernel[1]));
}

int upsampleLayer(const LayerCall& c) {
  imageOf(c);
  std::int64_t factor[2] = {2, 2};
  readPairIfGiven(c.spec, "factor", 1, factor);
  return c.b.upsample2d(c.x, factor[0], factor[1]);
}

}  // namespace langevin
