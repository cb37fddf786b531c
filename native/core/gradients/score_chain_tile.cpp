// A chain's scores, curvatures and parameter gradients on a tile of float32 rows: the project's products, and one loop
// between two of them.
#include <algorithm>
#include <cstring>

#include "executors/cpu/tile_ops.hpp"
#include "gradients/score_chain.hpp"
#include "kernels/jet_kernels.hpp"

namespace langevin {
// Where everything lies. What enters and leaves a layer is kept side by side, [b, a'_1, ..., a'_m, a] and
// [dE/dz, z'_1, ..., z'_m, z], so that each of its products, the weights' gradient too, is one. The numbers of the
// second become y and adjoints in their places.
struct ScoreChain::Tile {
  struct Place {
    float* entering = nullptr;
    float* adjoint = nullptr;  // dE/da of the layer's output, where it differs from row to row
    JetLayer jet;
  };
  const TileProgram::Packed& packed;
  const TileInput& in;
  Directions directions;
  std::int64_t d = 0;
  std::vector<Place> places{};  // of hidden layers
  float* above = nullptr;       // adjoints of [a'_1, ..., a'_m, a]
  float* panel = nullptr;
  float* centred = nullptr;  // x - mean, with a base
  const TileKernels& k = tileKernels();

  std::int64_t m() const { return directions.count; }
  const float* plain(int p) const { return packed.plain[static_cast<std::size_t>(p)].data(); }
  const TileWeightsOf<float>& weights(const Layer& layer) const {
    return packed.weights[static_cast<std::size_t>(layer.weight)];
  }
  // [rows, out] = x W' (+ bias)
  void up(const Layer& layer, const float* x, std::int64_t rows, const float* bias, float* to) const {
    Product p{.rows = rows, .cols = layer.out, .depth = layer.in, .a = x, .lda = layer.in};
    p.b = {plain(layer.weight), 1, layer.in};
    p.panel = panel;
    if (weights(layer).forward.size() > 0) p.packed = weights(layer).forward.data();
    p.bias = bias;
    p.c = to;
    k.multiply(p);
  }
  // [rows, in] = g W
  void down(const Layer& layer, const float* g, std::int64_t rows, float* to) const {
    const TileWeightsOf<float>& w = weights(layer);
    if (!w.columns.empty()) return k.dotColumns(g, w.columns.data(), to, rows, layer.out, layer.in);
    Product p{.rows = rows, .cols = layer.in, .depth = layer.out, .a = g, .lda = layer.out};
    p.b = {plain(layer.weight), layer.in, 1};
    p.panel = panel;
    if (w.backward.size() > 0) p.packed = w.backward.data();
    p.c = to;
    k.multiply(p);
  }
  // gradient [out, in] += leaving' entering over all that lies side by side
  void addWeightGradient(const Layer& layer, const Place& place, float* gradient) const {
    const std::int64_t rows = (m() + 2) * in.rows;
    const float* leaving = place.jet.product;
    if (layer.in < kThinInput)
      return k.weightedColumns(place.entering, leaving, gradient, nullptr, rows, layer.out, layer.in);
    Product p{.rows = layer.out, .cols = layer.in, .depth = rows, .a = leaving, .lda = layer.out, .turned = true};
    p.b = {place.entering, layer.in, 1};
    p.panel = panel;
    p.c = gradient;
    p.add = true;
    k.multiply(p);
  }
};

ScoreChain::Tile ScoreChain::layout(const TileProgram::Packed& packed, const TileInput& in, Directions directions,
                                    TileWorkspace& ws) const {
  Tile t{.packed = packed, .in = in, .directions = directions};
  t.d = layers_[0].in;
  const std::int64_t m = directions.count, n = in.rows;
  t.places.resize(layers_.size() - 1);
  std::int64_t widest = t.d, deepest = (m + 2) * n, used = 0;
  for (const Layer& layer : layers_) widest = std::max({widest, layer.in, layer.out});
  // Twice: how much there is, then where.
  for (float* base : {static_cast<float*>(nullptr), static_cast<float*>(nullptr)}) {
    if (used > 0) base = ws.reserve<float>(static_cast<std::size_t>(used));
    used = 0;
    const auto take = [&](std::int64_t count) {
      float* at = base ? base + used : nullptr;
      used += (count + 15) / 16 * 16;
      return at;
    };
    for (std::size_t l = 0; l < t.places.size(); ++l) {
      const Layer& layer = layers_[l];
      const std::int64_t size = n * layer.out;
      Tile::Place& place = t.places[l];
      JetLayer& jet = place.jet;
      place.entering = take((m + 2) * n * layer.in);
      jet = {.rows = n, .width = layer.out, .directions = m};
      jet.product = take((m + 2) * size);
      if (base) {
        jet.tangents = jet.product + size;
        jet.sums = jet.tangents + m * size;
      }
      jet.slope = take(size);
      jet.second = take(size);
      jet.third = take(size);
      const bool last = l + 1 == t.places.size();
      if (!last) place.adjoint = take(size);
      jet.adjoint = last ? t.plain(layers_.back().weight) : place.adjoint;
      jet.adjointStride = last ? 0 : layer.out;
    }
    t.above = take((m + 1) * n * widest);
    t.centred = precision_ >= 0 ? take(n * t.d) : nullptr;
    t.panel = take(t.k.packedFloats(std::max(widest, deepest), 1));
  }
  return t;
}

// above [rows, d] = x (P + P') / 2
void ScoreChain::timesBase(const Tile& t, const float* x, std::int64_t rows) const {
  Product p{.rows = rows, .cols = t.d, .depth = t.d, .a = x, .lda = t.d};
  p.packed = t.packed.weights[static_cast<std::size_t>(precision_)].forward.data();
  p.c = t.above;
  t.k.multiply(p);
}

// The base's part of score and curvatures: -B (x - mean) and v' B v, B = round I or B = (P + P') / 2. Uses `above`.
void ScoreChain::addBase(const Tile& t, float* value) const {
  const std::int64_t d = t.d, m = t.m(), n = t.in.rows, stride = d + m;
  if (round_ != 0)
    for (std::int64_t r = 0; r < n; ++r) {
      float* to = value + r * stride;
      for (std::int64_t i = 0; i < d; ++i) to[i] -= static_cast<float>(round_ * t.in.x[r * d + i]);
      for (std::int64_t k = 0; k < m; ++k) {
        const float* v = t.directions.data + (r * m + k) * d;
        for (std::int64_t i = 0; i < d; ++i) to[d + k] += static_cast<float>(v[i] * (round_ * v[i]));
      }
    }
  if (precision_ < 0) return;
  const float* mean = t.plain(mean_);
  for (std::int64_t r = 0; r < n; ++r)
    for (std::int64_t i = 0; i < d; ++i) t.centred[r * d + i] = t.in.x[r * d + i] - mean[i];
  timesBase(t, t.centred, n);
  for (std::int64_t r = 0; r < n; ++r) t.k.axpy(-1.0f, t.above + r * d, value + r * stride, d);
  if (m == 0) return;
  timesBase(t, t.directions.data, n * m);
  for (std::int64_t r = 0; r < n * m; ++r) {
    float product = 0;
    t.k.dotRows(t.directions.data + r * d, t.above + r * d, 0.0f, &product, 1, d);
    value[r / m * stride + d + r % m] += product;
  }
}

void ScoreChain::evaluate(const TileProgram::Packed& packed, const TileInput& in, Directions directions,
                          TileWorkspace& ws, float* value) const {
  const Tile t = layout(packed, in, directions, ws);
  const JetKernels& jets = jetKernels();
  const std::int64_t d = t.d, m = t.m(), n = in.rows, stride = d + m;
  const std::size_t hidden = t.places.size();
  const auto c = static_cast<float>(scale_);
  if (hidden > 0) {
    float *tangents = t.places[0].entering + n * d, *x = tangents + m * n * d;
    for (std::int64_t r = 0; r < n; ++r)
      for (std::int64_t k = 0; k < m; ++k)
        for (std::int64_t i = 0; i < d; ++i) tangents[(k * n + r) * d + i] = c * directions.data[(r * m + k) * d + i];
    t.k.scale(c, 0.0f, in.x, x, n * d);
  }
  for (std::size_t l = 0; l < hidden; ++l) {
    const Layer& layer = layers_[l];
    const Tile::Place& place = t.places[l];
    const float* tangents = place.entering + n * layer.in;
    if (m > 0) t.up(layer, tangents, m * n, nullptr, place.jet.tangents);
    t.up(layer, tangents + m * n * layer.in, n, layer.bias >= 0 ? t.plain(layer.bias) : nullptr, place.jet.sums);
    float* next = l + 1 < hidden ? t.places[l + 1].entering + n * layer.out : nullptr;
    jets.values(*layer.activation, place.jet, next ? next + m * n * layer.out : nullptr, next);
  }
  std::fill_n(value, n * stride, 0.0f);
  for (std::size_t l = hidden; l-- > 0;) {
    jets.products(t.places[l].jet, {value + d, stride});
    t.down(layers_[l], t.places[l].jet.product, n, l > 0 ? t.places[l - 1].adjoint : t.above);
  }
  const float* slope = hidden > 0 ? t.above : t.plain(layers_[0].weight);
  for (std::int64_t r = 0; r<n; ++r, slope += hidden> 0 ? d : 0)
    for (std::int64_t i = 0; i < d; ++i) value[r * stride + i] = -c * slope[i];
  addBase(t, value);
}

void ScoreChain::parameterGradient(const TileProgram::Packed& packed, const TileInput& in, Directions directions,
                                   TileWorkspace& ws, const float* outer, float* flat) const {
  const Tile t = layout(packed, in, directions, ws);
  const JetKernels& jets = jetKernels();
  const std::int64_t d = t.d, m = t.m(), n = in.rows, stride = d + m;
  const std::size_t hidden = t.places.size();
  const PerDirection<const float> weights{outer + d, stride};
  const auto gradient = [&](int p) {
    const std::int64_t offset = p < 0 ? -1 : offsets_[static_cast<std::size_t>(p)];
    return offset < 0 ? nullptr : flat + offset;
  };
  float* b = hidden > 0 ? t.places[0].entering : t.above;
  for (std::int64_t r = 0; r < n; ++r)
    for (std::int64_t i = 0; i < d; ++i) b[r * d + i] = static_cast<float>(-scale_) * outer[r * stride + i];
  float* top = gradient(layers_.back().weight);
  if (hidden == 0 && top) t.k.weightedSum(nullptr, b, top, n, d);
  for (std::size_t l = 0; l < hidden; ++l) {
    const Tile::Place& place = t.places[l];
    t.up(layers_[l], place.entering, n, nullptr, place.jet.sums);
    if (l + 1 < hidden) jets.curve(place.jet, weights, t.places[l + 1].entering);
  }
  for (std::size_t l = hidden; l-- > 0;) {
    const Layer& layer = layers_[l];
    const Tile::Place& place = t.places[l];
    jets.reverse(place.jet, weights, l + 1 < hidden ? t.above : nullptr, gradient(layer.bias), top);
    if (float* w = gradient(layer.weight)) t.addWeightGradient(layer, place, w);
    if (l > 0) t.down(layer, place.jet.tangents, (m + 1) * n, t.above);
  }
}

}  // namespace langevin
