#include "networks/layers.hpp"

#include <algorithm>

#include "base/registry.hpp"
#include "networks/layer.hpp"
#include "program/ops.hpp"

namespace langevin {
namespace {

// c of c W / s: true is 1, 0 is no normalisation.
double spectralNormOf(const Spec& spec) {
  const auto norm = spec.find("spectralNorm");
  if (!norm) return 0;
  if (const bool* on = norm->value().get<bool>()) return *on ? 1 : 0;
  return spec.positive("spectralNorm");
}

// Layers over the columns of a row have no say in how more axes would be laid side by side.
void requireFlat(const LayerCall& c) {
  if (!c.b.shape(c.x).flat())
    c.spec.invalid("a " + c.spec.kind() + " layer takes rows of one axis and gets " + c.b.shape(c.x).text() +
                   "; put a flatten layer before it");
}

int linearLayer(const LayerCall& c) {
  requireFlat(c);
  return c.b.linear(c.x, c.prefix, c.spec.count("out"), c.spec.boolean("bias", true), spectralNormOf(c.spec));
}

int activationLayer(const LayerCall& c) { return activationOf(c.b, c.x, c.spec); }

int layerNormLayer(const LayerCall& c) {
  requireFlat(c);
  return c.b.layerNorm(c.x, c.prefix, c.spec.positive("epsilon", 1e-5), c.spec.boolean("affine", true));
}

int dropoutLayer(const LayerCall& c) {
  const double p = c.spec.probability("p", 0.5);
  if (p >= 1) c.spec.at("p").invalid("must be below 1: with 1 nothing is left to train");
  // Each dropout layer draws from a stream of its own, told apart by its place in the program.
  return c.b.apply("dropout", {c.x}, c.b.shape(c.x), {p}, {c.b.node(c.x)});
}

int residualLayer(const LayerCall& c) {
  const Spec layers = c.spec.at("layers");
  const int body = layerList(c.b, c.x, layers, c.label, c.prefix + ".body.");
  const Shape takes = c.b.shape(c.x).laid(false), gives = c.b.shape(body).laid(false);
  if (gives != takes && takes.flat() && gives.flat())
    layers.invalid("a residual body must give as many columns as it takes: takes " + std::to_string(takes.numel()) +
                   ", gives " + std::to_string(gives.numel()));
  if (gives != takes)
    layers.invalid("a residual body must give the shape it takes: takes " + takes.text() + ", gives " + gives.text());
  const bool last = c.b.shape(c.x).channelsLast || c.b.shape(body).channelsLast;
  return c.b.add(c.b.laid(c.x, last), c.b.laid(body, last));
}

int embeddingLayer(const LayerCall& c) {
  requireFlat(c);
  const int e = c.b.embedding(c.label, c.prefix, c.spec.count("classes"), c.spec.count("width"));
  return c.b.concat({c.x, e});
}

int flattenLayer(const LayerCall& c) { return c.b.flatten(c.x); }  // takes its index and costs nothing

const Registry<MakeLayer*>& layerRegistry() {
  static const Registry<MakeLayer*> registry = {
      "layer",
      {
          {"linear", linearLayer},
          {"activation", activationLayer},
          {"layerNorm", layerNormLayer},
          {"dropout", dropoutLayer},
          {"residual", residualLayer},
          {"embedding", embeddingLayer},
          {"flatten", flattenLayer},
          {"conv2d", conv2dLayer},
          {"convTranspose2d", convTranspose2dLayer},
          {"pool", poolLayer},
          {"upsample", upsampleLayer},
      },
  };
  return registry;
}

}  // namespace

int layerList(Builder& b, int x, const Spec& layers, int label, const std::string& prefix) {
  const std::vector<Spec> items = layers.items();
  for (std::size_t i = 0; i < items.size(); ++i)
    x = layerRegistry().find(items[i])({b, x, items[i], label, prefix + std::to_string(i)});
  return x;
}

std::int64_t embeddedClasses(const Spec& layers) {
  std::int64_t classes = 0;
  for (const Spec& item : layers.items()) {
    const std::string& kind = item.kind();
    std::int64_t found = 0;
    if (kind == "embedding") found = item.count("classes");
    if (kind == "residual") found = embeddedClasses(item.at("layers"));
    if (found > 0 && classes > 0 && found != classes)
      item.invalid("the embeddings of one model embed the same label y: here " + std::to_string(found) +
                   " classes, before " + std::to_string(classes));
    classes = std::max(classes, found);
  }
  return classes;
}

void requireOneCondition(const Spec& spec) {
  if (spec.has("condition") == spec.has("classes"))
    spec.invalid("give either condition (columns of a continuous y) or classes (number of classes of y)");
}

int activationOf(Builder& b, int x, const Spec& spec) {
  const std::string name = spec.text("activation", "silu");
  const auto& known = activationOperations();
  if (std::none_of(known.begin(), known.end(), [&](const OpDefinition& row) { return name == row.name; }))
    spec.at("activation").invalid("unknown activation '" + name + "'; one of " + activationNames());
  return b.activation(x, name, spec.nonNegative("negativeSlope", 0.01));
}

int linearOf(Builder& b, int x, const Spec& spec, const std::string& prefix, std::int64_t out) {
  return b.linear(x, prefix, out, true, spectralNormOf(spec));
}

int hiddenStack(Builder& b, int x, const Spec& spec, std::int64_t out, const std::string& prefix, int index) {
  x = b.flatten(x);
  const double norm = spectralNormOf(spec);
  if (spec.has("hidden")) {
    for (const Spec& width : spec.at("hidden").items()) {
      const std::int64_t w = width.integer();
      if (w < 1) width.invalid("a layer has at least 1 unit, got " + std::to_string(w));
      x = activationOf(b, b.linear(x, prefix + std::to_string(index), w, true, norm), spec);
      index += 2;
    }
  }
  return b.linear(x, prefix + std::to_string(index), out, true, norm);
}

}  // namespace langevin
