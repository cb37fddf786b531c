#include "executors/cpu/tile_second.hpp"

#include <algorithm>
#include <cstring>

namespace langevin {

template <class T>
std::unique_ptr<TileProgramOf<T>> TileProgramOf<T>::compileSecondOrder(const PlainProgram& program,
                                                                       std::string& reason) {
  auto result = compile(program, reason, true);
  if (!result) return nullptr;
  if (!result->trainable_) {
    reason = "dropout";
    return nullptr;
  }
  for (TileNodeOf<T>& n : result->nodes_) {
    if (!n.live) continue;
    const bool source = n.inputs.empty();
    // A shared value that is more than a buffer would want an adjoint summed over rows.
    const bool shared = !n.perRow() && (!source || n.dependsOnParameters);
    n.second = findSecondOp<T>(n.op->name);
    const bool learned = n.second && !n.second->reachesInput &&
                         result->nodes_[static_cast<std::size_t>(n.inputs[0])].dependsOnParameters;
    if (n.second && !shared && !learned) continue;
    reason = std::string("'") + n.op->name + "' has no second derivatives in the fused kernels";
    return nullptr;
  }
  return result;
}

// In `ws` what recordScore() leaves for scoreGradient(): values and their adjoints dE/dnode. Tangents are the calling
// thread's and go with the call; so do zeros for the shared values' tangents and for the condition, and v.
template <class T>
typename TileProgramOf<T>::SecondPass TileProgramOf<T>::secondPass(const Packed& packed, const Input& in,
                                                                   TileWorkspace& ws) const {
  thread_local TileWorkspace room;
  SecondPass two;
  Pass& a = two.values;
  a.packed = &packed;
  a.in = in;
  a.derivatives = true;
  a.stride = (in.rows + 15) / 16 * 16;
  const auto rowNumbers = static_cast<std::size_t>(numbersPerRow_ * a.stride);
  const auto adjoints = static_cast<std::size_t>(adjointsPerRow_ * a.stride);
  std::int64_t widest = inputWidth_ * a.stride;
  for (const TileNodeOf<T>& n : nodes_) widest = std::max(widest, n.perRow() ? n.width * a.stride : n.width);
  const auto wide = static_cast<std::size_t>(widest + fixedNumbers_);
  const auto input = static_cast<std::size_t>(inputWidth_ * a.stride);
  a.rowsBase = ws.reserve<T>(rowNumbers + adjoints + input + static_cast<std::size_t>(fixedNumbers_));
  a.adjointsBase = a.rowsBase + rowNumbers;
  a.gradient = a.adjointsBase + adjoints;
  a.fixedBase = a.gradient + input;
  const bool conditioned = in.y || in.labels;
  a.energyNode = joint_ >= 0 && conditioned ? joint_ : energy_;
  a.last = optionalCondition_ && !conditioned ? std::max(energy_, outputs_) : static_cast<int>(nodes_.size()) - 1;
  two.tangents = a;
  two.tangents.rowsBase = room.reserve<T>(rowNumbers + adjoints + wide + input);
  two.tangents.adjointsBase = two.tangents.rowsBase + rowNumbers;
  T* zeros = two.tangents.adjointsBase + adjoints;
  T* direction = zeros + wide;
  two.tangents.fixedBase = zeros;
  two.tangents.zeros = zeros;
  two.tangents.gradient = nullptr;
  two.tangents.in.x = direction;
  if (in.y) two.tangents.in.y = zeros;
  two.zeroNumbers = wide;
  return two;
}

template <class T>
void TileProgramOf<T>::recordScore(const Packed& packed, const Input& in, TileWorkspace& ws, T* score) const {
  Pass pass = secondPass(packed, in, ws).values;
  runForward(pass);
  const TileNodeOf<T>& e = nodes_[static_cast<std::size_t>(pass.energyNode)];
  const std::int64_t n = in.rows * inputWidth_;
  if (!e.dependsOnInput) {
    std::memset(score, 0, sizeof(T) * static_cast<std::size_t>(n));
    return;
  }
  clearAdjoints(pass);
  std::fill_n(pass.adjointsBase + e.adjoint * pass.stride, in.rows, T(1));
  runBackward(pass, Wanted::Input);
  tileKernelsOf<T>().scale(T(-1), T(0), pass.gradient, score, n);
}

template <class T>
void TileProgramOf<T>::scoreGradient(const Packed& packed, const Input& in, TileWorkspace& ws, const T* outer,
                                     T* flat) const {
  if (!nodes_[static_cast<std::size_t>(energy_)].dependsOnInput) return;
  SecondPass two = secondPass(packed, in, ws);
  std::fill_n(two.tangents.fixedBase, two.zeroNumbers, T(0));
  auto* direction = const_cast<T*>(two.tangents.in.x);
  tileKernelsOf<T>().scale(T(-1), T(0), outer, direction, in.rows * inputWidth_);
  two.tangents.flat = flat;
  two.tangents.wanted = Wanted::Parameters;
  const auto at = [&](int i) {
    return SecondCallOf<T>{{*this, two.values, nodes_, i, tileKernelsOf<T>()},
                           {*this, two.tangents, nodes_, i, tileKernelsOf<T>()}};
  };
  const auto live = [&](int i) { return nodes_[static_cast<std::size_t>(i)].live; };
  for (int i = 0; i <= two.values.last; ++i) {
    if (!live(i)) continue;
    SecondCallOf<T> call = at(i);
    nodes_[static_cast<std::size_t>(i)].second->tangent(call);
  }
  clearAdjoints(two.tangents);
  for (int i = two.values.last; i >= 0; --i) {
    const TileNodeOf<T>& n = nodes_[static_cast<std::size_t>(i)];
    if (!n.live || !n.dependsOnParameters) continue;
    SecondCallOf<T> call = at(i);
    n.second->backward(call);
  }
}

// What this file has of the class.
#define LANGEVIN_INSTANCES(T)                                                                                         \
  template std::unique_ptr<TileProgramOf<T>> TileProgramOf<T>::compileSecondOrder(const PlainProgram&, std::string&); \
  template void TileProgramOf<T>::recordScore(const Packed&, const Input&, TileWorkspace&, T*) const;                 \
  template void TileProgramOf<T>::scoreGradient(const Packed&, const Input&, TileWorkspace&, const T*, T*) const;
LANGEVIN_INSTANCES(float)
LANGEVIN_INSTANCES(double)
#undef LANGEVIN_INSTANCES

}  // namespace langevin
