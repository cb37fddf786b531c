// Training passes of a tile: a pass forward that keeps what the passes back need, and those. Images go through in blocks of a
// few rows, whose values and adjoints stay in cache.
#include <cstring>

#include "executors/cpu/convolution.hpp"
#include "executors/cpu/tile_ops.hpp"

namespace langevin {

// Calls each(pass, first row) for the blocks of a recorded tile: all rows in one, or a few at a time.
template <class T>
template <class Each>
void TileProgramOf<T>::overRecorded(const Packed& packed, const Input& in, TileWorkspace& ws, Each each) const {
  if (!images_) {
    Pass pass = layout(packed, in, ws, true);
    return each(pass, std::int64_t{0});
  }
  const std::int64_t most = preferredRows_, blocks = (in.rows + most - 1) / most;
  const std::int64_t numbers = (numbersPerRow_ * most + fixedNumbers_ + 15) / 16 * 16;
  T* memory = ws.reserve<T>(static_cast<std::size_t>(blocks * numbers));
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t first = b * most;
    Pass pass = passAt(packed, blockOf(in, first, std::min(most, in.rows - first), inputWidth_, nodes_),
                       memory + b * numbers, most);
    each(pass, first);
  }
}

template <class T>
void TileProgramOf<T>::record(const Packed& packed, const Input& in, TileWorkspace& ws, T* energy, T* outputs) const {
  const auto node = [this](int i) -> const TileNodeOf<T>& { return nodes_[static_cast<std::size_t>(i)]; };
  overRecorded(packed, in, ws, [&](Pass& pass, std::int64_t first) {
    if (!energy) pass.last = outputs_;  // a logsumexp behind them would cost as much as a layer
    runForward(pass);
    const std::int64_t rows = pass.in.rows;
    if (energy) copyOut(pass.rowsBase, pass.stride, node(pass.energyNode), rows, energy, first);
    if (outputs && outputs_ >= 0) copyOut(pass.rowsBase, pass.stride, node(outputs_), rows, outputs, first);
  });
}

// The adjoints that a backward pass begins with.
template <class T>
void TileProgramOf<T>::seedAdjoints(const Pass& pass, const T* we, const T* wo) const {
  clearAdjoints(pass);
  const auto seed = [&](int node, const T* weights) {
    const TileNodeOf<T>& n = nodes_[static_cast<std::size_t>(node)];
    T* a = n.adjoint < 0 ? pass.gradient : pass.adjointsBase + n.adjoint * pass.stride;
    if (!a) return;  // the input itself, which no parameter moves
    for (std::int64_t i = 0; i < n.width * pass.in.rows; ++i) a[i] += weights[i];
  };
  if (we) seed(pass.energyNode, we);
  if (wo && outputs_ >= 0) seed(outputs_, wo);
}

// Adds up what convolutions left in the order of their products.
template <class T>
void TileProgramOf<T>::addSums(T* sums, T* flat) const {
  for (const TileNodeOf<T>& n : nodes_) {
    if (!n.live || !isConvolution(*n.definition) || n.parameters[0].flatOffset < 0) continue;
    const TileParameter& weight = n.parameters[0];
    addTurnedWeights(ImageWindows::of(n.integers), weight.count, sums + weight.flatOffset, flat + weight.flatOffset);
  }
}

template <class T>
void TileProgramOf<T>::parameterGradient(const Packed& packed, const Input& in, TileWorkspace& ws, const T* we,
                                         const T* wo, T* flat) const {
  thread_local std::vector<T> sums;
  if (images_) sums.assign(static_cast<std::size_t>(learnableNumbers_), T(0));
  overRecorded(packed, in, ws, [&](Pass& pass, std::int64_t first) {
    if (!we) pass.last = outputs_;
    pass.flat = flat;
    pass.sums = images_ ? sums.data() : nullptr;
    seedAdjoints(pass, we ? we + first : nullptr, outputsFrom(wo, first));
    runBackward(pass, Wanted::Parameters);
  });
  if (images_) addSums(sums.data(), flat);
}

template <class T>
void TileProgramOf<T>::inputGradient(const Packed& packed, const Input& in, TileWorkspace& ws, const T* we, const T* wo,
                                     T* gradient) const {
  std::memset(gradient, 0, sizeof(T) * static_cast<std::size_t>(in.rows * inputWidth_));
  overRecorded(packed, in, ws, [&](Pass& pass, std::int64_t first) {
    if (!we) pass.last = outputs_;
    pass.gradient = gradient + first * inputWidth_;
    const auto dependsOnInput = [this](int node) { return nodes_[static_cast<std::size_t>(node)].dependsOnInput; };
    if (!((we && dependsOnInput(pass.energyNode)) || (wo && dependsOnInput(outputs_)))) return;
    seedAdjoints(pass, we ? we + first : nullptr, outputsFrom(wo, first));
    runBackward(pass, Wanted::Input);
  });
}

// Row `first` of what weighs the outputs.
template <class T>
const T* TileProgramOf<T>::outputsFrom(const T* wo, std::int64_t first) const {
  return wo && outputs_ >= 0 ? wo + first * nodes_[static_cast<std::size_t>(outputs_)].width : wo;
}

#define LANGEVIN_INSTANCES(T)                                                                                        \
  template void TileProgramOf<T>::record(const Packed&, const Input&, TileWorkspace&, T*, T*) const;                 \
  template void TileProgramOf<T>::parameterGradient(const Packed&, const Input&, TileWorkspace&, const T*, const T*, \
                                                    T*) const;                                                       \
  template void TileProgramOf<T>::inputGradient(const Packed&, const Input&, TileWorkspace&, const T*, const T*, T*) \
      const;
LANGEVIN_INSTANCES(float)
LANGEVIN_INSTANCES(double)
#undef LANGEVIN_INSTANCES

}  // namespace langevin
