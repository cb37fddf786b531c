// Scores and curvatures: derivatives of the energy in x. By hand they come along chains of layers, in the fused kernels
// scores of every program of second order as well; what is left is autograd through autograd.
#include "gradients/fused_quantity.hpp"
#include "gradients/quantity.hpp"

namespace langevin {
namespace {

template <class T>
class FusedScore : public FusedQuantityOf<T> {
 public:
  bool covers(const CompiledNetwork& compiled) const override { return compiled.second<T>() != nullptr; }
  std::vector<std::int64_t> rowShape(const CompiledNetwork& compiled, const std::vector<at::Tensor>&) const override {
    return {compiled.network.inputWidth()};
  }
  void evaluate(const FusedTileOf<T>& t, T* value) const override {
    t.compiled.template second<T>()->recordScore(t.packed, t.in, t.workspace, value);
  }
  void parameterGradient(const FusedTileOf<T>& t, const T* outer, T* flat) const override {
    t.compiled.template second<T>()->scoreGradient(t.packed, t.in, t.workspace, outer, flat);
  }
};

// Third derivatives exist in the fused kernels of float32 along chains only.
class FusedCurvature : public FusedQuantityOf<float> {
 public:
  bool covers(const CompiledNetwork& compiled) const override {
    return compiled.network.tiles<float>() && compiled.chain;
  }
  std::vector<std::int64_t> rowShape(const CompiledNetwork& compiled,
                                     const std::vector<at::Tensor>& perRow) const override {
    return {compiled.network.inputWidth() + perRow[0].size(1)};
  }
  void evaluate(const FusedTileOf<float>& t, float* value) const override {
    t.compiled.chain->evaluate(t.packed, t.in, directionsOf(t), t.workspace, value);
  }
  void parameterGradient(const FusedTileOf<float>& t, const float* outer, float* flat) const override {
    t.compiled.chain->parameterGradient(t.packed, t.in, directionsOf(t), t.workspace, outer, flat);
  }

 private:
  static ScoreChain::Directions directionsOf(const FusedTileOf<float>& t) {
    const at::Tensor& v = t.perRow[0];
    return {v.const_data_ptr<float>() + t.range.first * v.stride(0), v.size(1)};
  }
};

// Of the score, and with directions of the curvatures behind it.
class ScoreByHand : public QuantityByHand {
 public:
  bool covers(const CompiledNetwork& compiled) const override { return compiled.chain != nullptr; }
  at::Tensor evaluate(const CompiledNetwork& compiled, const Batch& rows, const std::vector<at::Tensor>& perRow,
                      std::unique_ptr<Kept>& kept) const override {
    auto chain = std::make_unique<KeptChain>();
    const at::Tensor value = compiled.chain->evaluate(compiled.network.parameters().tensors(), rows.x,
                                                      perRow.empty() ? at::Tensor() : perRow[0], chain->record);
    kept = std::move(chain);
    return value;
  }
  std::vector<at::Tensor> parameterGradient(const CompiledNetwork& compiled, const Kept& kept,
                                            const at::Tensor& outer) const override {
    return compiled.chain->parameterGradient(compiled.network.parameters().tensors(),
                                             static_cast<const KeptChain&>(kept).record, outer);
  }

 private:
  struct KeptChain : Kept {
    ScoreChain::Record record;
  };
};

const FusedScore<float> fusedScore32;
const FusedScore<double> fusedScore64;
const FusedCurvature fusedCurvature32;
const FusedQuantity fusedScore{&fusedScore32, &fusedScore64}, fusedCurvature{.float32 = &fusedCurvature32};
const ScoreByHand scoreByHand;

at::Tensor plainScore(const Evaluator& e, const Batch& rows) { return -e.gradient(rows); }

at::Tensor plainCurvature(const Evaluator& e, const Batch& rows) {
  Batch leaf = rows;
  if (!leaf.x.requires_grad()) leaf.x = rows.x.detach().requires_grad_(true);
  const at::Tensor gradient = e.gradient(leaf), &directions = e.perRow(0);
  std::vector<at::Tensor> columns;
  for (std::int64_t m = 0; m < directions.size(1); ++m) {
    const at::Tensor v = directions.select(1, m);
    columns.push_back((gradientOf(gradient * v, leaf.x) * v).sum(1));
  }
  return at::cat({-gradient, at::stack(columns, 1)}, 1);
}

}  // namespace

const Quantity kScore{
    .name = "score", .plain = plainScore, .needs = {.smooth = true}, .fused = &fusedScore, .byHand = &scoreByHand};

Quantity curvature(const at::Tensor& directions) {
  return {.name = "curvature",
          .plain = plainCurvature,
          .needs = {.smooth = true},
          .fused = &fusedCurvature,
          .byHand = &scoreByHand,
          .perRow = {directions.detach()},
          .columns = {directions.size(2), directions.size(1)}};
}

}  // namespace langevin
