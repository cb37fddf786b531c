#include "graphs/node_network.hpp"

#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "graphs/backward.hpp"
#include "program/program.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

// The tiles of elementwise work on [n, w].
Tiling elementTiles(std::int64_t rows) { return Tiling(rows, 256); }

// Which numbers are kept; words of 31 bits, which every instruction set compares.
struct Kept {
  std::uint64_t seed, step;
  std::int32_t limit;  // words below it are dropped
};

// out = relu(x + bias); a NaN comes through.
template <class T>
void reluRow(const T* __restrict x, const T* __restrict bias, T* __restrict out, std::int64_t cols) {
  for (std::int64_t c = 0; c < cols; ++c) {
    const T v = x[c] + bias[c];
    out[c] = v < 0 ? T{0} : v;
  }
}

// A pass of its own, and a product in place of a branch that nobody could foresee: so both loops run on vectors.
template <class T>
void dropRow(const std::uint32_t* __restrict words, T* __restrict out, std::int64_t cols, T scale, std::int32_t limit) {
  for (std::int64_t c = 0; c < cols; ++c) out[c] *= static_cast<std::int32_t>(words[c] >> 1) >= limit ? scale : T{0};
}

template <class T>
at::Tensor reluForward(const NodePass& pass, const at::Tensor& x, const at::Tensor& bias, const Kept* kept, T scale) {
  const std::int64_t cols = x.size(1);
  at::Tensor out = at::empty_like(x);
  const T *from = x.const_data_ptr<T>(), *b = bias.const_data_ptr<T>();
  T* to = out.template mutable_data_ptr<T>();
  const Tiling tiles = elementTiles(x.size(0));
  parallelTiles(tiles.count(), pass.threads, [&](std::int64_t i) {
    const auto [first, last] = tiles.range(i);
    std::vector<std::uint32_t> words(kept ? static_cast<std::size_t>((last - first) * cols) : 0);
    if (kept)
      fillBits(words.data(), last - first, cols, kept->seed, static_cast<std::uint64_t>(first), kept->step,
               Stream::Dropout);
    for (std::int64_t r = first; r < last; ++r) {
      reluRow(from + r * cols, b, to + r * cols, cols);
      if (kept) dropRow(words.data() + (r - first) * cols, to + r * cols, cols, scale, kept->limit);
    }
  });
  return out;
}

// What is 0 was dropped or not positive.
template <class T>
at::Tensor reluBackward(const at::Tensor& y, const at::Tensor& gradient, T scale, int threads) {
  const at::Tensor g = gradient.contiguous();
  at::Tensor out = at::empty_like(y);
  const T *value = y.const_data_ptr<T>(), *from = g.const_data_ptr<T>();
  T* to = out.template mutable_data_ptr<T>();
  const Tiling tiles = elementTiles(y.size(0));
  parallelTiles(tiles.count(), threads, [&](std::int64_t i) {
    const auto [first, last] = tiles.range(i);
    const std::int64_t end = last * y.size(1);
    for (std::int64_t k = first * y.size(1); k < end; ++k) to[k] = from[k] * (static_cast<T>(value[k] != 0) * scale);
  });
  return out;
}

template <class T>
at::Tensor reluDropout(const NodePass& pass, const at::Tensor& x, const at::Tensor& bias, std::int64_t layer) {
  const bool drops = pass.dropout && pass.dropout->p > 0;
  const double p = drops ? pass.dropout->p : 0;
  const T scale = static_cast<T>(1 / (1 - p));
  const auto place = static_cast<std::uint64_t>(layer);
  Kept kept{};
  if (drops)
    kept = {pass.dropout->random.fork(Salt::Layer, place).seed(), pass.dropout->step,
            static_cast<std::int32_t>(p * 0x1p31)};
  const at::Tensor out =
      reluForward<T>(pass, x.detach().contiguous(), bias.detach().contiguous(), drops ? &kept : nullptr, scale);
  return withBackward(out, {x, bias}, [y = out.detach(), scale, threads = pass.threads](const at::Tensor& g) {
    const at::Tensor dx = reluBackward<T>(y, g, scale, threads);
    return std::vector<at::Tensor>{dx, dx.sum(0)};
  });
}

}  // namespace

NodeNetwork::NodeNetwork(const Spec& spec, std::int64_t features, std::int64_t classes)
    : dropout_(spec.number("dropout", 0.5)) {
  if (dropout_ < 0 || dropout_ >= 1) spec.at("dropout").invalid("must be at least 0 and below 1");
  widths_.push_back(features);
  for (const Spec& width : spec.at("hidden").items()) {
    if (width.integer() < 1) width.invalid("must be at least 1");
    widths_.push_back(width.integer());
  }
  if (widths_.size() < 2) spec.at("hidden").invalid("needs at least one layer: its outputs are the embeddings");
  widths_.push_back(classes);
}

std::size_t NodeNetwork::add(const std::string& name, std::vector<std::int64_t> shape, Initialisation initialisation,
                             bool learnable) {
  parameters_.push_back({name, std::move(shape), std::move(initialisation), learnable});
  return parameters_.size() - 1;
}

std::size_t NodeNetwork::addLinear(const std::string& name, std::int64_t in, std::int64_t out, bool bias) {
  const auto fan = static_cast<double>(std::max<std::int64_t>(in, 1));
  const std::size_t place = add(name + ".weight", {out, in}, {Initialisation::Kind::KaimingUniform, fan, {}});
  if (bias) add(name + ".bias", {out}, {Initialisation::Kind::Uniform, 1 / std::sqrt(fan), {}});
  return place;
}

Initialisation glorot(std::int64_t in, std::int64_t out) {
  return {Initialisation::Kind::Uniform, std::sqrt(6.0 / static_cast<double>(std::max<std::int64_t>(in + out, 1))), {}};
}

Initialisation zeros(std::vector<std::int64_t> shape) {
  return {Initialisation::Kind::Value, 0, at::zeros(shape, at::kDouble)};
}

at::Tensor LayerInput::times(const at::Tensor& weight) const {
  return rows_.defined() ? at::mm(rows_, weight.t()) : pass_->graph.features().times(weight, pass_->threads);
}

at::Tensor LayerInput::propagatedTimes(const Propagation& by, const at::Tensor& weight) const {
  if (!rows_.defined() && pass_->edges)
    return pass_->graph.features().times(weight, pass_->threads, pass_->graph.propagation(by));
  if (rows_.defined() && weight.size(1) < weight.size(0)) return at::mm(propagated(*pass_, by, rows_), weight.t());
  return propagated(*pass_, by, times(weight));
}

at::Tensor propagated(const NodePass& pass, const Propagation& by, const at::Tensor& x) {
  return pass.edges ? sparseProduct(pass.graph.propagation(by), x, pass.threads) : x;
}

LayerInput activated(const NodePass& pass, const at::Tensor& x, const at::Tensor& bias, std::int64_t layer,
                     NodeValues& values) {
  const at::Tensor y = x.scalar_type() == at::kFloat ? reluDropout<float>(pass, x, bias, layer)
                                                     : reluDropout<double>(pass, x, bias, layer);
  if (!pass.dropout || pass.dropout->p <= 0) values.embeddings = y;
  return {pass, y};
}

void NodeNetwork::endLayer(const NodePass& pass, const at::Tensor& z, const at::Tensor& bias, std::int64_t layer,
                           LayerInput& x, NodeValues& values) const {
  if (layer + 1 < layers())
    x = activated(pass, z, bias, layer, values);
  else
    values.logits = z + bias;
}

Parameters freshParameters(const NodeNetwork& network, at::ScalarType dtype, std::uint64_t seed) {
  Program shell;
  shell.parameters = network.parameters();
  return Parameters(shell, dtype, at::kCPU, seed);
}

}  // namespace langevin
