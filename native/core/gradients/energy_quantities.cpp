// Energies and network outputs: values of the program itself. Their fused twins keep a tile's forward pass for the
// passes back.
#include "gradients/fused_quantity.hpp"
#include "gradients/quantity.hpp"

namespace langevin {
namespace {

// Dropout's masks exist in the plain path only.
bool isTrainable(const CompiledNetwork& compiled) {
  bool trainable = false;
  compiled.network.withTiles([&](const auto& tiles) { trainable = tiles.trainable(); });
  return trainable;
}

template <class T>
class FusedEnergy : public FusedQuantityOf<T> {
 public:
  bool covers(const CompiledNetwork& compiled) const override { return isTrainable(compiled); }
  std::vector<std::int64_t> rowShape(const CompiledNetwork&, const std::vector<at::Tensor>&) const override {
    return {};
  }
  void evaluate(const FusedTileOf<T>& t, T* value) const override {
    t.compiled.network.template tiles<T>()->record(t.packed, t.in, t.workspace, value, nullptr);
  }
  void parameterGradient(const FusedTileOf<T>& t, const T* outer, T* flat) const override {
    t.compiled.network.template tiles<T>()->parameterGradient(t.packed, t.in, t.workspace, outer, nullptr, flat);
  }
  bool hasInputGradient() const override { return true; }
  void inputGradient(const FusedTileOf<T>& t, const T* outer, T* gradient) const override {
    t.compiled.network.template tiles<T>()->inputGradient(t.packed, t.in, t.workspace, outer, nullptr, gradient);
  }
};

template <class T>
class FusedOutputs : public FusedQuantityOf<T> {
 public:
  bool covers(const CompiledNetwork& compiled) const override { return isTrainable(compiled); }
  std::vector<std::int64_t> rowShape(const CompiledNetwork& compiled, const std::vector<at::Tensor>&) const override {
    return {compiled.network.outputWidth()};
  }
  void evaluate(const FusedTileOf<T>& t, T* value) const override {
    t.compiled.network.template tiles<T>()->record(t.packed, t.in, t.workspace, nullptr, value);
  }
  void parameterGradient(const FusedTileOf<T>& t, const T* outer, T* flat) const override {
    t.compiled.network.template tiles<T>()->parameterGradient(t.packed, t.in, t.workspace, nullptr, outer, flat);
  }
  bool hasInputGradient() const override { return true; }
  void inputGradient(const FusedTileOf<T>& t, const T* outer, T* gradient) const override {
    t.compiled.network.template tiles<T>()->inputGradient(t.packed, t.in, t.workspace, nullptr, outer, gradient);
  }
};

const FusedEnergy<float> fusedEnergy32;
const FusedEnergy<double> fusedEnergy64;
const FusedOutputs<float> fusedOutputs32;
const FusedOutputs<double> fusedOutputs64;
const FusedQuantity fusedEnergy{&fusedEnergy32, &fusedEnergy64}, fusedOutputs{&fusedOutputs32, &fusedOutputs64};

}  // namespace

const Quantity kEnergy{.name = "energy",
                       .plain = [](const Evaluator& e, const Batch& rows) { return e.energy(rows); },
                       .fused = &fusedEnergy};

const Quantity kOutputs{.name = "outputs",
                        .plain = [](const Evaluator& e, const Batch& rows) { return e.outputs(rows); },
                        .needs = {.energy = false, .outputs = true},
                        .fused = &fusedOutputs};

}  // namespace langevin
