#include "graphs/node_network.hpp"

#include <cmath>

#include "base/threads.hpp"
#include "graphs/backward.hpp"
#include "program/program.hpp"

namespace langevin {
namespace {

using Index = std::int64_t;

// The tiles of elementwise work on [n, w].
Tiling elementTiles(Index rows) { return Tiling(rows, 256); }

std::uint32_t dropLimit(double p) { return static_cast<std::uint32_t>(std::min(p * 0x1p32, 0x1.fffffffep31)); }

template <class T>
at::Tensor reluDropped(const NodePass& pass, const at::Tensor& x, std::uint64_t layer) {
  const Index cols = x.size(1);
  at::Tensor out = at::empty_like(x);
  const T* from = x.const_data_ptr<T>();
  T* to = out.template mutable_data_ptr<T>();
  const NodeDropout& drop = *pass.dropout;
  const std::uint64_t seed = drop.random.fork(Salt::Layer, layer).seed();
  const std::uint32_t limit = dropLimit(drop.p);
  const T scale = static_cast<T>(1 / (1 - drop.p));
  const Tiling tiles = elementTiles(x.size(0));
  parallelTiles(tiles.count(), pass.threads, [&](Index i) {
    const auto [first, last] = tiles.range(i);
    const Index count = (last - first) * cols;
    std::vector<std::uint32_t> words(static_cast<std::size_t>(count));
    fillBits(words.data(), last - first, cols, seed, static_cast<std::uint64_t>(first), drop.step, Stream::Dropout);
    const T* in = from + first * cols;
    T* y = to + first * cols;
    // Not "in > 0": a NaN has to come through.
    for (Index k = 0; k < count; ++k)
      y[k] = words[static_cast<std::size_t>(k)] < limit || in[k] <= 0 ? T{0} : in[k] * scale;
  });
  return out;
}

at::Tensor reluDropout(const NodePass& pass, const at::Tensor& x, std::uint64_t layer) {
  const at::Tensor in = x.detach().contiguous();
  at::Tensor out =
      in.scalar_type() == at::kFloat ? reluDropped<float>(pass, in, layer) : reluDropped<double>(pass, in, layer);
  const double scale = 1 / (1 - pass.dropout->p);
  // What is 0 was dropped or not positive.
  return withBackward(out, {x}, [y = out.detach(), scale](const at::Tensor& g) {
    return std::vector<at::Tensor>{at::where(y.ne(0), g * scale, at::zeros({}, g.options()))};
  });
}

}  // namespace

NodeNetwork::NodeNetwork(const Spec& spec, Index features, Index classes) : dropout_(spec.number("dropout", 0.5)) {
  if (dropout_ < 0 || dropout_ >= 1) spec.at("dropout").invalid("must be at least 0 and below 1");
  widths_.push_back(features);
  for (const Spec& width : spec.at("hidden").items()) {
    if (width.integer() < 1) width.invalid("must be at least 1");
    widths_.push_back(width.integer());
  }
  if (widths_.size() < 2) spec.at("hidden").invalid("needs at least one layer: its outputs are the embeddings");
  widths_.push_back(classes);
}

std::size_t NodeNetwork::add(const std::string& name, std::vector<Index> shape, Initialisation initialisation,
                             bool learnable) {
  parameters_.push_back({name, std::move(shape), std::move(initialisation), learnable});
  return parameters_.size() - 1;
}

std::size_t NodeNetwork::addLinear(const std::string& name, Index in, Index out, bool bias) {
  const auto fan = static_cast<double>(std::max<Index>(in, 1));
  const std::size_t place = add(name + ".weight", {out, in}, {Initialisation::Kind::KaimingUniform, fan, {}});
  if (bias) add(name + ".bias", {out}, {Initialisation::Kind::Uniform, 1 / std::sqrt(fan), {}});
  return place;
}

Initialisation glorot(Index in, Index out) {
  return {Initialisation::Kind::Uniform, std::sqrt(6.0 / static_cast<double>(std::max<Index>(in + out, 1))), {}};
}

Initialisation zeros(std::vector<Index> shape) {
  return {Initialisation::Kind::Value, 0, at::zeros(shape, at::kDouble)};
}

at::Tensor LayerInput::times(const at::Tensor& weight) const {
  return rows_.defined() ? at::mm(rows_, weight.t()) : pass_->graph.features().times(weight, pass_->threads);
}

at::Tensor LayerInput::propagatedTimes(const Propagation& by, const at::Tensor& weight) const {
  if (rows_.defined() && weight.size(1) < weight.size(0)) return at::mm(propagated(*pass_, by, rows_), weight.t());
  return propagated(*pass_, by, times(weight));
}

at::Tensor propagated(const NodePass& pass, const Propagation& by, const at::Tensor& x) {
  return pass.edges ? sparseProduct(pass.graph.propagation(by), x, pass.threads) : x;
}

LayerInput activated(const NodePass& pass, const at::Tensor& x, std::uint64_t layer, NodeValues& values) {
  if (pass.dropout && pass.dropout->p > 0) return {pass, reluDropout(pass, x, layer)};
  values.embeddings = at::relu(x);
  return {pass, values.embeddings};
}

Parameters freshParameters(const NodeNetwork& network, at::ScalarType dtype, std::uint64_t seed) {
  Program shell;
  shell.parameters = network.parameters();
  return Parameters(shell, dtype, at::kCPU, seed);
}

}  // namespace langevin
