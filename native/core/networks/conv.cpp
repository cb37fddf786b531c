// conv: Conv2d, activation, ..., Flatten, Linear, activation, ..., Linear; the state dict of the torch.nn.Sequential with the
// same modules.
#include "networks/layer.hpp"
#include "networks/layers.hpp"
#include "networks/registry.hpp"

namespace langevin {
namespace {

// Of layer i: a number for all, or one for each.
std::int64_t sizeAt(const Spec& spec, const char* key, std::size_t i, std::int64_t otherwise, std::int64_t least) {
  const auto given = spec.find(key);
  if (!given) return otherwise;
  return windowSize(given->value().list() ? given->items()[i] : *given, least);
}

void requireOneEach(const Spec& spec, const char* key, std::size_t layers) {
  const auto given = spec.find(key);
  if (given && given->value().list() && given->items().size() != layers)
    given->invalid("has " + std::to_string(given->items().size()) + " numbers, and channels " + std::to_string(layers) +
                   ": give one for each layer, or one number for all");
}

}  // namespace

int addConv(const NetworkCall& call) {
  const Spec& spec = call.spec;
  Builder& b = call.b;
  const std::vector<Spec> channels = spec.at("channels").items();
  for (const char* key : {"kernel", "stride", "padding"}) requireOneEach(spec, key, channels.size());
  int x = call.x, index = 0;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    ImageWindows w;
    w.kernel[0] = w.kernel[1] = sizeAt(spec, "kernel", i, 3, 1);
    w.stride[0] = w.stride[1] = sizeAt(spec, "stride", i, 2, 1);
    w.padding[0] = w.padding[1] = sizeAt(spec, "padding", i, w.kernel[0] / 2, 0);
    const std::int64_t out = channels[i].integer();
    if (out < 1) channels[i].invalid("a layer has at least 1 channel, got " + std::to_string(out));
    const std::vector<std::int64_t> axes = requireImage(b.shape(x), spec, "a conv network");
    x = b.conv2d(x, call.prefix + std::to_string(index), out, requireFits(axes, w, channels[i]));
    x = activationOf(b, x, spec);
    index += 2;
  }
  const std::int64_t out = spec.has("output") || call.out == 0 ? spec.count("output") : call.out;
  return hiddenStack(b, x, spec, out, call.prefix, index + 1);  // the Flatten takes an index
}

}  // namespace langevin
