// Energies and network outputs: values of the program itself. Their fused twins keep a tile's forward pass for the
// passes back.
#include "gradients/fused_quantity.hpp"
#include "gradients/quantity.hpp"

namespace langevin {
namespace {

// Dropout's masks exist in the plain path only.
bool isTrainable(const CompiledNetwork& compiled) {
  const TileProgram* tiles = compiled.network.tiles();
  return tiles && tiles->trainable();
}

class FusedEnergy : public FusedQuantity {
 public:
  bool covers(const CompiledNetwork& compiled) const override { return isTrainable(compiled); }
  std::vector<std::int64_t> rowShape(const CompiledNetwork&, const std::vector<at::Tensor>&) const override {
    return {};
  }
  void evaluate(const FusedTile& t, float* value) const override {
    t.compiled.network.tiles()->record(t.packed, t.in, t.workspace, value, nullptr);
  }
  void parameterGradient(const FusedTile& t, const float* outer, float* flat) const override {
    t.compiled.network.tiles()->parameterGradient(t.packed, t.in, t.workspace, outer, nullptr, flat);
  }
  bool hasInputGradient() const override { return true; }
  void inputGradient(const FusedTile& t, const float* outer, float* gradient) const override {
    t.compiled.network.tiles()->inputGradient(t.packed, t.in, t.workspace, outer, nullptr, gradient);
  }
};

class FusedOutputs : public FusedQuantity {
 public:
  bool covers(const CompiledNetwork& compiled) const override { return isTrainable(compiled); }
  std::vector<std::int64_t> rowShape(const CompiledNetwork& compiled, const std::vector<at::Tensor>&) const override {
    return {compiled.network.outputWidth()};
  }
  void evaluate(const FusedTile& t, float* value) const override {
    t.compiled.network.tiles()->record(t.packed, t.in, t.workspace, nullptr, value);
  }
  void parameterGradient(const FusedTile& t, const float* outer, float* flat) const override {
    t.compiled.network.tiles()->parameterGradient(t.packed, t.in, t.workspace, nullptr, outer, flat);
  }
  bool hasInputGradient() const override { return true; }
  void inputGradient(const FusedTile& t, const float* outer, float* gradient) const override {
    t.compiled.network.tiles()->inputGradient(t.packed, t.in, t.workspace, nullptr, outer, gradient);
  }
};

const FusedEnergy fusedEnergy;
const FusedOutputs fusedOutputs;

}  // namespace

const Quantity kEnergy{.name = "energy",
                       .plain = [](const Evaluator& e, const Batch& rows) { return e.energy(rows); },
                       .fused = &fusedEnergy};

const Quantity kOutputs{.name = "outputs",
                        .plain = [](const Evaluator& e, const Batch& rows) { return e.outputs(rows); },
                        .needs = {.energy = false, .outputs = true},
                        .fused = &fusedOutputs};

}  // namespace langevin
