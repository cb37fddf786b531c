// What a layer of a list is made from; the layers are in layers.cpp and image_layers.cpp.
#pragma once

#include <string>

#include "program/builder.hpp"

namespace langevin {

struct LayerCall {
  Builder& b;
  int x;
  const Spec& spec;
  int label;           // node of the class condition, or -1
  std::string prefix;  // the module's name: "3", "2.body.0"
};

using MakeLayer = int(const LayerCall&);

// What layers of images ask of a spec; ERR_LANGEVIN_INVALID_OPTION where it is otherwise.
/// The axes of an image, which `what` takes.
const std::vector<std::int64_t>& requireImage(const Shape& takes, const Spec& spec, const std::string& what);
/// A size of windows: a whole number of at least `least`.
std::int64_t windowSize(const Spec& spec, std::int64_t least);
/// The windows on an image of these axes, into which the kernel fits.
ImageWindows requireFits(const std::vector<std::int64_t>& axes, ImageWindows windows, const Spec& spec);

/// Layers of images [channels, height, width].
MakeLayer conv2dLayer, convTranspose2dLayer, poolLayer, upsampleLayer;

}  // namespace langevin
