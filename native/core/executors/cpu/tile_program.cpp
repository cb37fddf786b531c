#include "executors/cpu/tile_program.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/error.hpp"
#include "executors/cpu/loop_program.hpp"
#include "executors/cpu/tile_ops.hpp"

namespace langevin {

template <class T>
const TileOpOf<T>* findTileOp(const std::string& name) {
  static const auto index = [] {
    std::unordered_map<std::string, const TileOpOf<T>*> map;
    for (const auto* table :
         {&elementwiseTileOps<T>(), &reductionTileOps<T>(), &layerTileOps<T>(), &convolutionTileOps<T>(),
          &imageTileOps<T>(), &quadraticTileOps<T>(), &distanceTileOps<T>(), &spectralTileOps<T>()})
      for (const TileOpOf<T>& row : *table) {
        if (!findTraits(row.name)) fail(Code::Internal, "'", row.name, "' is no operation of program/op_traits.cpp");
        map.emplace(row.name, &row);
      }
    return map;
  }();
  const auto it = index.find(name);
  return it == index.end() ? nullptr : it->second;
}

template <class T>
std::vector<std::string> TileProgramOf<T>::scalarOperations() const {
  std::vector<std::string> names;
  for (const TileNodeOf<T>& n : nodes_)
    if (n.live && n.op->scalar && std::find(names.begin(), names.end(), n.op->name) == names.end())
      names.emplace_back(n.op->name);
  return names;
}

template <class T>
std::int64_t TileProgramOf<T>::preferredRows(const Packed& packed) const {
  return loops(packed) ? loops_->preferredRows() : preferredRows_;
}

template <class T>
bool TileProgramOf<T>::loops(const Packed& packed) const {
  return loops_ && loops_->runs(packed);
}

// ---- TileCallOf

template <class T>
T* TileCallOf<T>::valueAt(int i) const {
  const TileNodeOf<T>& n = nodes[static_cast<std::size_t>(i)];
  return n.perRow() ? pass.rowsBase + n.value * pass.stride : pass.fixedBase + n.value;
}

template <class T>
T* TileCallOf<T>::adjointAt(int i) const {
  const TileNodeOf<T>& n = nodes[static_cast<std::size_t>(i)];
  if (n.adjoint < 0) return pass.gradient;  // the input
  return n.perRow() ? pass.adjointsBase + n.adjoint * pass.stride : pass.fixedBase + n.adjoint;
}

template <class T>
const T* TileCallOf<T>::in(int i) const {
  const int source = node().inputs[static_cast<std::size_t>(i)];
  const TileNodeOf<T>& n = nodes[static_cast<std::size_t>(source)];
  if (pass.zeros && !n.perRow()) return pass.zeros;
  if (n.value >= 0) return valueAt(source);
  if (n.adjoint < 0 && n.dependsOnInput) return pass.in.x;
  if (!n.parameters.empty()) return pass.packed->plain[static_cast<std::size_t>(n.parameters[0].index)].data();
  return pass.in.y;
}

template <class T>
bool TileCallOf<T>::wants(int i) const {
  const TileNodeOf<T>& n = input(i);
  return pass.wanted == Wanted::Input ? n.dependsOnInput : n.dependsOnParameters;
}

template <class T>
T* TileCallOf<T>::addableAdjoint(int i) {
  T* a = adjointOf(i);
  const TileNodeOf<T>& n = input(i);
  if (!adds(i)) std::memset(a, 0, sizeof(T) * static_cast<std::size_t>(n.perRow() ? rows() * n.width : n.fixedCount));
  return a;
}

template <class T>
const T* TileCallOf<T>::parameter(int i) const {
  return pass.packed->plain[static_cast<std::size_t>(parameterInfo(i).index)].data();
}

template <class T>
const TileWeightsOf<T>& TileCallOf<T>::weights() const {
  return pass.packed->weights[static_cast<std::size_t>(parameterInfo(0).index)];
}

template <class T>
const TileWeightsOf<T>& TileCallOf<T>::weightsOf(int i) const {
  return pass.packed->weights[static_cast<std::size_t>(input(i).parameters[0].index)];
}

template <class T>
const T* TileCallOf<T>::packedConstant(int i) const {
  return program.packedConstants_[static_cast<std::size_t>(node().constants[static_cast<std::size_t>(i)])].data();
}

template <class T>
const T* TileCallOf<T>::packedForAdjoints(int i) const {
  return program.packedForAdjoints_[static_cast<std::size_t>(node().constants[static_cast<std::size_t>(i)])].data();
}

template <class T>
const TileCentresOf<T>* TileCallOf<T>::centres() const {
  const auto& found = program.centres_[static_cast<std::size_t>(node().constants[0])];
  return found.mean.empty() ? nullptr : &found;
}

template <class T>
const T* TileCallOf<T>::constant(int i) const {
  return program.constants_[static_cast<std::size_t>(node().constants[static_cast<std::size_t>(i)])].data();
}

template <class T>
T* TileCallOf<T>::parameterGradient(int i) const {
  if (pass.wanted != Wanted::Parameters || parameterInfo(i).flatOffset < 0) return nullptr;
  return pass.flat + parameterInfo(i).flatOffset;
}

template <class T>
T* TileCallOf<T>::scratch(std::size_t count, int slot) {
  thread_local std::vector<T> memory[3];
  auto& m = memory[slot];
  if (m.size() < count) m.resize(count);
  return m.data();
}

template <class T>
bool TileCallOf<T>::sameSize(int i) const {
  return (input(i).perRow() || !node().perRow()) && input(i).width == width();
}

template <class T>
const T* TileCallOf<T>::expanded(int i, int slot) {
  const TileNodeOf<T>& n = input(i);
  const std::int64_t w = width();
  if (sameSize(i)) return in(i);
  T* full = scratch(static_cast<std::size_t>(rows() * w), slot);
  const T* source = in(i);
  for (std::int64_t r = 0; r < rows(); ++r) {
    const T* row = n.perRow() ? source + r * n.width : source;
    if (n.width == w)
      std::memcpy(full + r * w, row, sizeof(T) * static_cast<std::size_t>(w));
    else
      std::fill_n(full + r * w, w, row[0]);
  }
  return full;
}

template <class T>
void TileCallOf<T>::contribute(int i, const T* full) {
  const TileNodeOf<T>& n = input(i);
  const std::int64_t w = width();
  if (sameSize(i)) {
    if (adds(i))
      k.axpy(T(1), full, adjointOf(i), size());
    else
      std::memcpy(adjointOf(i), full, sizeof(T) * static_cast<std::size_t>(size()));
    return;
  }
  T* target = addableAdjoint(i);
  for (std::int64_t r = 0; r < rows(); ++r) {
    T* row = n.perRow() ? target + r * n.width : target;
    if (n.width == w) {
      k.axpy(T(1), full + r * w, row, w);
    } else {
      for (std::int64_t c = 0; c < w; ++c) row[0] += full[r * w + c];
    }
  }
}

// ---- Passes

namespace {

// Adjoints live from the beginning of a backward pass to its end. Were they beside the values, a training step of many
// tiles would fetch memory for them that no cache has seen for a while.
TileWorkspace& adjointRoom() {
  thread_local TileWorkspace room;
  return room;
}

}  // namespace

template <class T>
typename TileProgramOf<T>::Pass TileProgramOf<T>::layout(const Packed& packed, const Input& in, TileWorkspace& ws,
                                                         bool derivatives) const {
  const std::int64_t stride = (in.rows + 15) / 16 * 16;
  Pass pass =
      passAt(packed, in, ws.reserve<T>(static_cast<std::size_t>(numbersPerRow_ * stride + fixedNumbers_)), stride);
  pass.derivatives = derivatives;
  return pass;
}

// A pass whose values lie from `memory` on, with room for `stride` rows.
template <class T>
typename TileProgramOf<T>::Pass TileProgramOf<T>::passAt(const Packed& packed, const Input& in, T* memory,
                                                         std::int64_t stride) const {
  Pass pass;
  pass.packed = &packed;
  pass.in = in;
  pass.derivatives = true;
  pass.stride = stride;
  pass.rowsBase = memory;
  pass.fixedBase = memory + numbersPerRow_ * stride;
  pass.adjointsBase = adjointRoom().reserve<T>(static_cast<std::size_t>(adjointsPerRow_ * pass.stride));
  const bool conditioned = in.y || in.labels;
  pass.energyNode = joint_ >= 0 && conditioned ? joint_ : energy_;
  pass.last = optionalCondition_ && !conditioned ? std::max(energy_, outputs_) : static_cast<int>(nodes_.size()) - 1;
  return pass;
}

template <class T>
void TileProgramOf<T>::runForward(Pass& pass) const {
  for (int i = 0; i <= pass.last; ++i) {
    const TileNodeOf<T>& n = nodes_[static_cast<std::size_t>(i)];
    if (!n.live) continue;
    if (!n.constants.empty() && n.inputs.empty()) {
      const auto& c = constants_[static_cast<std::size_t>(n.constants[0])];
      std::memcpy(pass.fixedBase + n.value, c.data(), c.size() * sizeof(T));
      continue;
    }
    if (!n.op->forward) continue;
    TileCallOf<T> call{*this, pass, nodes_, i, tileKernelsOf<T>()};
    n.op->forward(call);
  }
}

// Everybody adds to the adjoints of the energies and the outputs. So they do to those whose first writer does not run:
// without the condition the nodes of E(x, y) are left out.
template <class T>
void TileProgramOf<T>::clearAdjoints(const Pass& pass) const {
  for (int i = 0; i <= pass.last; ++i) {
    const TileNodeOf<T>& n = nodes_[static_cast<std::size_t>(i)];
    if (!n.live || (i != energy_ && i != joint_ && i != outputs_ && n.lastReader <= pass.last)) continue;
    if (n.adjoint >= 0) {
      T* base = n.perRow() ? pass.adjointsBase + n.adjoint * pass.stride : pass.fixedBase + n.adjoint;
      std::fill_n(base, n.perRow() ? n.width * pass.in.rows : n.fixedCount, T(0));
    } else if (n.dependsOnInput && pass.gradient) {  // the input
      std::fill_n(pass.gradient, n.width * pass.in.rows, T(0));
    }
  }
}

template <class T>
void TileProgramOf<T>::runBackward(Pass& pass, Wanted wanted) const {
  pass.wanted = wanted;
  for (int i = pass.last; i >= 0; --i) {
    const TileNodeOf<T>& n = nodes_[static_cast<std::size_t>(i)];
    const bool needed = wanted == Wanted::Input ? n.dependsOnInput : n.dependsOnParameters;
    if (!needed || !n.live || !n.op->backward) continue;
    TileCallOf<T> call{*this, pass, nodes_, i, tileKernelsOf<T>()};
    n.op->backward(call);
  }
}

template <class T>
void TileProgramOf<T>::forward(const Packed& packed, const Input& in, TileWorkspace& ws, T* energy, T* outputs) const {
  if (energy && !outputs && loops(packed)) return loops_->run(packed, constants_, in, ws, energy, nullptr);
  const std::int64_t d = inputWidth_;
  for (std::int64_t first = 0; first < in.rows; first += preferredRows_) {
    const TileInputOf<T> part = blockOf(in, first, std::min(preferredRows_, in.rows - first), d, nodes_);
    Pass pass = layout(packed, part, ws, false);
    if (!energy) pass.last = outputs_;
    runForward(pass);
    const auto node = [this](int i) -> const TileNodeOf<T>& { return nodes_[static_cast<std::size_t>(i)]; };
    if (energy) copyOut(pass.rowsBase, pass.stride, node(pass.energyNode), part.rows, energy, first);
    if (outputs && outputs_ >= 0) copyOut(pass.rowsBase, pass.stride, node(outputs_), part.rows, outputs, first);
  }
}

template <class T>
void TileProgramOf<T>::energyAndGradient(const Packed& packed, const Input& in, TileWorkspace& ws, T* energy,
                                         T* gradient, Precision precision) const {
  if (loops(packed)) return loops_->run(packed, constants_, in, ws, energy, gradient);
  const std::int64_t d = inputWidth_;
  for (std::int64_t first = 0; first < in.rows; first += preferredRows_) {
    const TileInputOf<T> part = blockOf(in, first, std::min(preferredRows_, in.rows - first), d, nodes_);
    Pass pass = layout(packed, part, ws, true);
    pass.gradient = gradient + first * d;
    pass.half = precision == Precision::BFloat16 && !energy;
    runForward(pass);
    const TileNodeOf<T>& e = nodes_[static_cast<std::size_t>(pass.energyNode)];
    if (energy) copyOut(pass.rowsBase, pass.stride, e, part.rows, energy, first);
    if (!e.dependsOnInput) {
      std::memset(pass.gradient, 0, sizeof(T) * static_cast<std::size_t>(part.rows * d));
      continue;
    }
    pass.half = precision == Precision::BFloat16;
    clearAdjoints(pass);
    std::fill_n(pass.adjointsBase + e.adjoint * pass.stride, part.rows, T(1));
    runBackward(pass, Wanted::Input);
  }
}

template struct TileCallOf<float>;
template struct TileCallOf<double>;

// What this file has of the class.
#define LANGEVIN_INSTANCES(T)                                                                                          \
  template const TileOpOf<T>* findTileOp(const std::string&);                                                          \
  template std::vector<std::string> TileProgramOf<T>::scalarOperations() const;                                        \
  template std::int64_t TileProgramOf<T>::preferredRows(const PackedOf<T>&) const;                                     \
  template bool TileProgramOf<T>::loops(const Packed&) const;                                                          \
  template void TileProgramOf<T>::runForward(Pass&) const;                                                             \
  template void TileProgramOf<T>::runBackward(Pass&, Wanted) const;                                                    \
  template void TileProgramOf<T>::clearAdjoints(const Pass&) const;                                                    \
  template void TileProgramOf<T>::forward(const Packed&, const Input&, TileWorkspace&, T*, T*) const;                  \
  template typename TileProgramOf<T>::Pass TileProgramOf<T>::layout(const Packed&, const Input&, TileWorkspace&, bool) \
      const;                                                                                                           \
  template typename TileProgramOf<T>::Pass TileProgramOf<T>::passAt(const Packed&, const Input&, T*, std::int64_t)     \
      const;                                                                                                           \
  template void TileProgramOf<T>::energyAndGradient(const Packed&, const Input&, TileWorkspace&, T*, T*, Precision)    \
      const;
LANGEVIN_INSTANCES(float)
LANGEVIN_INSTANCES(double)
#undef LANGEVIN_INSTANCES

}  // namespace langevin
