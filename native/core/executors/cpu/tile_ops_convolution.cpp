// Convolutions of the tile executor; convolution.hpp says how.
#include "executors/cpu/convolution.hpp"

#include <cstring>

#include "executors/cpu/layer_products.hpp"

namespace langevin {
namespace {

// Numbers of a chunk of windows: it stays in the second-level cache beside weights. Gradients of weights read and write
// all of them for every chunk, so theirs are larger.
constexpr std::int64_t kChunk = 48 * 1024, kGradientChunk = 96 * 1024;

std::int64_t chunkRows(std::int64_t depth, std::int64_t numbers) {
  return std::clamp<std::int64_t>(numbers / depth / 12 * 12, 24, 768);
}

// A few numbers are copied here: a call of memcpy would cost more.
template <class T>
void copyRun(const T* from, T* to, std::int64_t n) {
  if (n > 12) {
    std::memcpy(to, from, sizeof(T) * static_cast<std::size_t>(n));
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
}
template <class T>
void zeroRun(T* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = T(0);
}

// Walks through places in order: image, line, column.
struct Place {
  const WindowGrid& g;
  std::int64_t image, line, column;

  Place(const WindowGrid& grid, std::int64_t first)
      : g(grid),
        image(first / grid.count()),
        line(first % grid.count() / grid.places[1]),
        column(first % grid.places[1]) {}
  void next() {
    if (++column < g.places[1]) return;
    column = 0;
    if (++line < g.places[0]) return;
    line = 0;
    ++image;
  }
};

// Calls use(a, first, count) with the windows as rows, a chunk at a time.
template <class T, class Use>
void overChunks(TileCallOf<T>& c, const WindowGrid& g, const T* images, std::int64_t numbers, Use use) {
  const std::int64_t total = c.rows() * g.count(), depth = g.depth(), most = chunkRows(depth, numbers);
  T* gathered = g.whole() ? nullptr : c.scratch(static_cast<std::size_t>(std::min(most, total) * depth), 0);
  for (std::int64_t first = 0; first < total; first += most) {
    const std::int64_t count = std::min(most, total - first);
    if (gathered) gatherWindows(g, images, first, count, gathered);
    use(gathered ? gathered : images + first * depth, first, count);
  }
}

// Adds `rows` of windows back to the pixels they are of.
template <class T>
void scatterWindows(const WindowGrid& g, const T* rows, std::int64_t first, std::int64_t count, T* images) {
  const std::int64_t lineNumbers = g.width * g.channels;
  Place place(g, first);
  for (std::int64_t i = 0; i < count; ++i, place.next()) {
    const std::int64_t x = g.origin[1] + place.column * g.stride[1];
    const std::int64_t from = std::max<std::int64_t>(0, -x), to = std::min(g.kernel[1], g.width - x);
    for (std::int64_t k = 0; k < g.kernel[0]; ++k, rows += g.kernel[1] * g.channels) {
      const std::int64_t y = g.origin[0] + place.line * g.stride[0] + k;
      if (y < 0 || y >= g.height) continue;
      T* target = images + (place.image * g.height + y) * lineNumbers + x * g.channels;
      for (std::int64_t j = from * g.channels; j < to * g.channels; ++j) target[j] += rows[j];
    }
  }
}

// Few channels: the product with all numbers of a window, which are then added up.
template <class T>
void thinBack(TileCallOf<T>& c, const ImageWindows& w, std::int64_t out, const T* g, T* target, bool adds,
              const T* factor) {
  const WindowGrid grid = WindowGrid::of(w);
  const std::int64_t total = c.rows() * grid.count(), depth = grid.depth(), most = chunkRows(depth, kChunk);
  if (!adds) std::memset(target, 0, sizeof(T) * static_cast<std::size_t>(c.rows() * w.numel()));
  T* found = c.scratch(static_cast<std::size_t>(std::min(most, total) * depth), 0);
  for (std::int64_t first = 0; first < total; first += most) {
    const std::int64_t count = std::min(most, total - first);
    ProductOf<T> p{.rows = count, .cols = depth, .depth = out, .a = g + first * out, .lda = out};
    p.packed = c.weights().backward.data();
    p.c = found;
    c.k.multiply(p);
    scatterWindows(grid, found, first, count, target);
  }
  if (factor) c.k.mul(target, factor, target, c.rows() * w.numel());
}

/// Where the results of a phase go: its pixels lie a stride apart.
template <class T>
struct PhaseTarget {
  const ImageWindows& w;
  const StridePhase& phase;
  T* target;
  const T* factor;
  bool adds;

  std::int64_t offset(const Place& place) const {
    const std::int64_t y = phase.pixel[0] + place.line * w.stride[0], x = phase.pixel[1] + place.column * w.stride[1];
    return ((place.image * w.height + y) * w.width + x) * w.channels;
  }
  void put(const TileKernelsOf<T>& k, const T* found, std::int64_t first, std::int64_t count) const {
    Place place(phase.grid, first);
    for (std::int64_t i = 0; i < count; ++i, place.next(), found += w.channels) {
      const std::int64_t at = offset(place);
      if (factor)
        (adds ? k.mulAdd : k.mul)(found, factor + at, target + at, w.channels);
      else if (adds)
        k.axpy(T(1), found, target + at, w.channels);
      else
        std::memcpy(target + at, found, sizeof(T) * static_cast<std::size_t>(w.channels));
    }
  }
  void clear(std::int64_t images) const {
    if (adds) return;
    Place place(phase.grid, 0);
    for (std::int64_t i = 0; i < images * phase.grid.count(); ++i, place.next())
      std::memset(target + offset(place), 0, sizeof(T) * static_cast<std::size_t>(w.channels));
  }
};

// dW' [depth, out] += windows' g, chunk by chunk, and then into the order of the parameter, or later.
template <class T>
void addWeightGradient(TileCallOf<T>& c, const ImageWindows& w, std::int64_t out, const T* g, const T* images,
                       T* weight) {
  const WindowGrid grid = WindowGrid::of(w);
  const std::int64_t depth = grid.depth();
  const bool later = c.pass.sums != nullptr;
  T* sum = later ? c.pass.sums + c.parameterInfo(0).flatOffset : c.scratch(static_cast<std::size_t>(depth * out), 1);
  if (!later) std::memset(sum, 0, sizeof(T) * static_cast<std::size_t>(depth * out));
  overChunks<T>(c, grid, images, kGradientChunk, [&](const T* a, std::int64_t first, std::int64_t count) {
    ProductOf<T> p{.rows = depth, .cols = out, .depth = count, .a = a, .lda = depth};
    p.turned = true;
    p.b = {g + first * out, out, 1};
    p.panel = c.scratch(static_cast<std::size_t>(c.k.packedFloats(count, 1)), 2);
    p.c = sum;
    p.add = true;
    c.k.multiply(p);
  });
  if (!later) addTurnedWeights(w, depth * out, sum, weight);
}

template <class T>
void conv2dForward(TileCallOf<T>& c) {
  const TileNodeOf<T>& n = c.node();
  AfterConvolution<T> after;
  if (n.parameters.size() > 1) after.bias = c.parameter(1);
  if (n.activation < 0) return convolve(c, c.in(0), after, c.out());
  const TileNodeOf<T>& next = c.nodes[static_cast<std::size_t>(n.activation)];
  const ActivationOf<T> activation = activationOf(next, *next.op->unary);
  after.activation = &activation;
  if (c.pass.derivatives) after.slope = c.keptOf(next);
  convolve(c, c.in(0), after, c.out());
}

template <class T>
void conv2dBackward(TileCallOf<T>& c) {
  if (c.pass.wanted == Wanted::Parameters) {
    T* bias = c.node().parameters.size() > 1 ? c.parameterGradient(1) : nullptr;
    addConvolutionGradient<T>(c, c.adjoint(), c.in(0), c.parameterGradient(0), bias);
  }
  if (!c.wants(0)) return;
  const T* factor = c.input(0).multiplied ? c.keptOf(c.input(0)) : nullptr;
  convolveBack<T>(c, c.adjoint(), c.adjointOf(0), c.adds(0), factor);
}

template <class T>
void convTranspose2dForward(TileCallOf<T>& c) {
  convolveBack<T>(c, c.in(0), c.out(), false, nullptr);
  if (c.node().parameters.size() < 2) return;
  const std::int64_t channels = c.parameterInfo(1).count;
  for (std::int64_t i = 0; i < c.size(); i += channels) c.k.axpy(T(1), c.parameter(1), c.out() + i, channels);
}

template <class T>
void convTranspose2dBackward(TileCallOf<T>& c) {
  if (c.pass.wanted == Wanted::Parameters) {
    T* bias = c.node().parameters.size() > 1 ? c.parameterGradient(1) : nullptr;
    if (bias) addBiasGradient(c, c.adjoint(), bias);
    addConvolutionGradient<T>(c, c.in(0), c.adjoint(), c.parameterGradient(0), nullptr);
  }
  if (c.wants(0)) convolve<T>(c, c.adjoint(), {.adds = c.adds(0)}, c.adjointOf(0));
}

}  // namespace

template <class T>
void addTurnedWeights(const ImageWindows& w, std::int64_t count, T* sum, T* weight) {
  const std::int64_t taps = w.kernel[0] * w.kernel[1], out = count / w.depth();
  for (std::int64_t o = 0; o < out; ++o)
    for (std::int64_t channel = 0; channel < w.channels; ++channel)
      for (std::int64_t t = 0; t < taps; ++t) {
        T& from = sum[(t * w.channels + channel) * out + o];
        *weight++ += from;
        from = T(0);
      }
}

template <class T>
void addBiasGradient(TileCallOf<T>& c, const T* g, T* bias) {
  const std::int64_t channels = c.parameterInfo(1).count;
  c.k.weightedSum(nullptr, g, bias, c.size() / channels, channels);
}

template <class T>
void gatherWindows(const WindowGrid& g, const T* images, std::int64_t first, std::int64_t count, T* out) {
  const std::int64_t run = g.kernel[1] * g.channels, lineNumbers = g.width * g.channels;
  Place place(g, first);
  for (std::int64_t i = 0; i < count; ++i, place.next()) {
    const std::int64_t x = g.origin[1] + place.column * g.stride[1];
    const std::int64_t from = std::clamp<std::int64_t>(-x, 0, g.kernel[1]) * g.channels;
    const std::int64_t to = std::clamp<std::int64_t>(g.width - x, 0, g.kernel[1]) * g.channels;
    const T* image = images + place.image * g.height * lineNumbers + x * g.channels;
    for (std::int64_t k = 0; k < g.kernel[0]; ++k, out += run) {
      const std::int64_t y = g.origin[0] + place.line * g.stride[0] + k;
      if (y < 0 || y >= g.height || from >= to) {
        zeroRun(out, run);
        continue;
      }
      zeroRun(out, from);
      copyRun(image + y * lineNumbers + from, out + from, to - from);
      zeroRun(out + to, run - to);
    }
  }
}

template <class T>
void convolve(TileCallOf<T>& c, const T* images, const AfterConvolution<T>& after, T* out) {
  const WindowGrid grid = WindowGrid::of(ImageWindows::of(c.node().integers));
  const std::int64_t depth = grid.depth(), cols = c.parameterInfo(0).count / depth;
  const TileWeightsOf<T>& weights = c.weights();
  overChunks<T>(c, grid, images, kChunk, [&](const T* a, std::int64_t first, std::int64_t count) {
    ProductOf<T> p{.rows = count, .cols = cols, .depth = depth, .a = a, .lda = depth};
    p.c = out + first * cols;
    p.bias = after.bias;
    p.add = after.adds;
    p.activation = after.activation;
    if (after.slope) p.slope = after.slope + first * cols;
    multiplyPacked(c, p, weights.forward.data(), weights.forwardHalf.data());
  });
}

template <class T>
void convolveBack(TileCallOf<T>& c, const T* g, T* target, bool adds, const T* factor) {
  const ImageWindows w = ImageWindows::of(c.node().integers);
  const std::int64_t out = c.parameterInfo(0).count / w.depth();
  if (w.channels < kThinInput) return thinBack(c, w, out, g, target, adds, factor);
  const bool dense = w.stride[0] == 1 && w.stride[1] == 1;
  const TileWeightsOf<T>& weights = c.weights();
  const T* packed = weights.backward.data();
  const std::uint32_t* half = weights.backwardHalf.data();
  forEachPhase(w, out, [&](const StridePhase& phase) {
    const PhaseTarget<T> to{w, phase, target, factor, adds};
    const std::int64_t depth = phase.grid.depth();
    if (phase.empty()) return to.clear(c.rows());
    overChunks<T>(c, phase.grid, g, kChunk, [&](const T* a, std::int64_t first, std::int64_t count) {
      ProductOf<T> p{.rows = count, .cols = w.channels, .depth = depth, .a = a, .lda = depth};
      const std::int64_t offset = first * w.channels;
      p.c = dense ? target + offset : c.scratch(static_cast<std::size_t>(count * w.channels), 1);
      p.add = dense && adds;
      p.factor = dense && factor ? factor + offset : nullptr;
      multiplyPacked(c, p, packed, half);
      if (!dense) to.put(c.k, p.c, first, count);
    });
    packed += c.k.packedFloats(depth, w.channels);
    if constexpr (std::is_same_v<T, float>)
      if (half) half += c.k.packedHalfWords(depth, w.channels);
  });
}

template <class T>
void addConvolutionGradient(TileCallOf<T>& c, const T* g, const T* images, T* weight, T* bias) {
  const ImageWindows w = ImageWindows::of(c.node().integers);
  const std::int64_t out = c.parameterInfo(0).count / w.depth();
  if (bias) addBiasGradient(c, g, bias);
  if (weight) addWeightGradient(c, w, out, g, images, weight);
}

template <class T>
const std::vector<TileOpOf<T>>& convolutionTileOps() {
  static const std::vector<TileOpOf<T>> table = {
      {"conv2d", conv2dForward<T>, conv2dBackward<T>},
      {"convTranspose2d", convTranspose2dForward<T>, convTranspose2dBackward<T>},
  };
  return table;
}

#define LANGEVIN_INSTANCES(T)                                                               \
  template void gatherWindows(const WindowGrid&, const T*, std::int64_t, std::int64_t, T*); \
  template void convolve(TileCallOf<T>&, const T*, const AfterConvolution<T>&, T*);         \
  template void addTurnedWeights(const ImageWindows&, std::int64_t, T*, T*);                \
  template void addBiasGradient(TileCallOf<T>&, const T*, T*);                              \
  template void convolveBack(TileCallOf<T>&, const T*, T*, bool, const T*);                 \
  template void addConvolutionGradient(TileCallOf<T>&, const T*, const T*, T*, T*);         \
  template const std::vector<TileOpOf<T>>& convolutionTileOps();
LANGEVIN_INSTANCES(float)
LANGEVIN_INSTANCES(double)
#undef LANGEVIN_INSTANCES

}  // namespace langevin
