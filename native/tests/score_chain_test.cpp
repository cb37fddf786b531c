// Scores by hand against autograd through autograd.
#include "gradients/score_chain.hpp"

#include "check.hpp"
#include "tensors/random.hpp"
#include "training_support.hpp"

namespace langevin::score_chain_test {

using langevin::test::energyFrom;

namespace {

at::Tensor normal(std::int64_t n, std::int64_t d, std::uint64_t step, at::ScalarType dtype) {
  return Random(5).normal(n, d, step, Stream::User, at::TensorOptions(dtype));
}

struct Derivatives {
  at::Tensor score, gradient;  // [n, d] or with curvatures [n, d + m]; d/dtheta of sum outer . score, flat
};

// On tensors; without directions where v is undefined.
Derivatives byHand(const Energy& energy, const at::Tensor& x, const at::Tensor& v, const at::Tensor& outer) {
  const auto chain = ScoreChain::compile(energy.program());
  CHECK(chain != nullptr);
  ScoreChain::Record record;
  Derivatives result{chain->evaluate(energy.parameters().tensors(), x, v, record),
                     at::zeros_like(energy.parameters().flat())};
  energy.parameters().accumulate(result.gradient,
                                 chain->parameterGradient(energy.parameters().tensors(), record, outer));
  return result;
}

// The same as one tile of the fused kernels.
Derivatives inTile(const Energy& energy, const at::Tensor& x, const at::Tensor& v, const at::Tensor& outer) {
  const auto chain = ScoreChain::compile(energy.program());
  const auto packed = energy.packed<float>();
  const TileInput in{.x = x.const_data_ptr<float>(), .rows = x.size(0)};
  const ScoreChain::Directions directions{v.defined() ? v.const_data_ptr<float>() : nullptr,
                                          v.defined() ? v.size(1) : 0};
  TileWorkspace workspace;
  Derivatives result{at::empty_like(outer), at::zeros_like(energy.parameters().flat())};
  chain->evaluate(*packed, in, directions, workspace, result.score.data_ptr<float>());
  chain->parameterGradient(*packed, in, directions, workspace, outer.const_data_ptr<float>(),
                           result.gradient.data_ptr<float>());
  return result;
}

Derivatives byAutograd(const Energy& energy, const at::Tensor& x, const at::Tensor& outer) {
  at::AutoGradMode enable(true);
  const std::vector<at::Tensor> leaves = energy.parameters().leaves();
  Batch rows;
  rows.x = x.detach().requires_grad_(true);
  const at::Tensor total = energy.evaluateWith(leaves, rows, {}).energy.sum();
  const at::Tensor score = -torch::autograd::grad({total}, {rows.x}, {}, true, true)[0];
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& leaf : leaves)
    if (leaf.requires_grad()) inputs.push_back(leaf);
  const auto found = torch::autograd::grad({(score * outer).sum()}, inputs, {}, std::nullopt, false, true);
  std::vector<at::Tensor> gradients(leaves.size());
  for (std::size_t i = 0, k = 0; i < leaves.size(); ++i)
    if (leaves[i].requires_grad()) gradients[i] = found[k++];
  Derivatives result{score.detach(), at::zeros_like(energy.parameters().flat())};
  at::NoGradGuard guard;
  energy.parameters().accumulate(result.gradient, gradients);
  return result;
}

// Score and curvatures side by side, and the gradient of their sum weighted by `outer` [n, d + m].
Derivatives curvatureByAutograd(const Energy& energy, const at::Tensor& x, const at::Tensor& v,
                                const at::Tensor& outer) {
  at::AutoGradMode enable(true);
  const std::vector<at::Tensor> leaves = energy.parameters().leaves();
  Batch rows;
  rows.x = x.detach().requires_grad_(true);
  const at::Tensor total = energy.evaluateWith(leaves, rows, {}).energy.sum();
  const at::Tensor slope = torch::autograd::grad({total}, {rows.x}, {}, true, true)[0];
  std::vector<at::Tensor> columns{-slope};
  for (std::int64_t m = 0; m < v.size(1); ++m) {
    const at::Tensor along = (slope * v.select(1, m)).sum();
    at::Tensor row;
    if (along.requires_grad()) row = torch::autograd::grad({along}, {rows.x}, {}, true, true, true)[0];
    if (!row.defined()) row = at::zeros_like(x);
    columns.push_back((row * v.select(1, m)).sum(1, true));
  }
  const at::Tensor value = at::cat(columns, 1);
  std::vector<at::Tensor> inputs, gradients(leaves.size());
  for (const at::Tensor& leaf : leaves)
    if (leaf.requires_grad()) inputs.push_back(leaf);
  const auto found = torch::autograd::grad({(value * outer).sum()}, inputs, {}, std::nullopt, false, true);
  for (std::size_t i = 0, k = 0; i < leaves.size(); ++i)
    if (leaves[i].requires_grad()) gradients[i] = found[k++];
  Derivatives result{value.detach(), at::zeros_like(energy.parameters().flat())};
  at::NoGradGuard guard;
  energy.parameters().accumulate(result.gradient, gradients);
  return result;
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1)).item<double>();
}

}  // namespace

// A base is not at its neutral values, and its P not symmetric.
EnergyRef chainEnergy(const Map& spec, at::ScalarType dtype) {
  const EnergyRef energy = energyFrom(spec, dtype);
  for (const auto& [name, value] : energy->parameters().named())
    if (name.rfind("base.", 0) == 0)
      energy->parameters().assign({{name, normal(9, 1, 3, dtype).slice(0, 0, value.numel()).reshape(value.sizes())}},
                                  false);
  return energy;
}

TEST(curvatures_equal_autograd_three_times_over) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    for (const Map& spec : langevin::test::chainSpecs(3)) {
      const EnergyRef energy = chainEnergy(spec, dtype);
      const at::Tensor x = normal(31, 3, 1, dtype), v = normal(62, 3, 4, dtype).view({31, 2, 3}),
                       outer = normal(31, 5, 2, dtype);
      outer.slice(1, 3).mul_(50);  // curvatures of a fresh network are small beside its scores
      const Derivatives hand = byHand(*energy, x, v, outer);
      const Derivatives autograd = curvatureByAutograd(*energy, x, v, outer);
      const double tolerance = dtype == at::kDouble ? 1e-12 : 2e-5;
      CHECK_NEAR(relative(hand.score, autograd.score), 0.0, tolerance);
      CHECK_NEAR(relative(hand.gradient, autograd.gradient), 0.0, tolerance);
      // A test of the test: another weight on one direction must be seen.
      at::Tensor other = outer.clone();
      other.select(1, 3).mul_(1.1);
      if (hand.gradient.numel() > 4) CHECK(relative(byHand(*energy, x, v, other).gradient, autograd.gradient) > 1e-3);
    }
  }
}

// Float32 rows of a tile against tensors in float64 at the same parameters: rounding of sums of a few hundred numbers
// of order one. gelu is known to 1.5e-7 there, times outer weights of 50.
TEST(tiles_equal_tensors) {
  for (const std::int64_t m : {0, 1, 2, 5})
    for (const Map& spec : langevin::test::chainSpecs(3)) {
      const EnergyRef energy = chainEnergy(spec, at::kFloat), exact = chainEnergy(spec, at::kDouble);
      exact->parameters().flat().copy_(energy->parameters().flat());
      for (const std::int64_t n : {1, 13, 64}) {
        const at::Tensor x = normal(n, 3, 1, at::kFloat), v = normal(n * m, 3, 4, at::kFloat).view({n, m, 3}),
                         outer = normal(n, 3 + m, 2, at::kFloat);
        outer.slice(1, 3).mul_(50);
        const Derivatives tile = inTile(*energy, x, v, outer);
        const Derivatives tensors = byHand(*exact, x.to(at::kDouble), v.to(at::kDouble), outer.to(at::kDouble));
        CHECK_NEAR(relative(tile.score, tensors.score), 0.0, 2e-5);
        CHECK_NEAR(relative(tile.gradient, tensors.gradient), 0.0, 2e-5);
        // A test of the test: a tile that took another direction must be seen.
        if (m == 0 || energy->parameters().flat().numel() < 5) continue;
        at::Tensor other = v.clone();
        other.select(1, 0).mul_(1.2);
        CHECK(relative(inTile(*energy, x, other, outer).gradient, tensors.gradient) > 1e-4);
      }
    }
}

TEST(equals_autograd_through_autograd) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    for (const Map& spec : langevin::test::chainSpecs(3)) {
      const EnergyRef energy = chainEnergy(spec, dtype);
      const at::Tensor x = normal(31, 3, 1, dtype), outer = normal(31, 3, 2, dtype);
      const Derivatives hand = byHand(*energy, x, {}, outer), autograd = byAutograd(*energy, x, outer);
      // The same sums in another order: rounding only. Sums over 31 rows of numbers of order one, times a few hundred.
      const double tolerance = dtype == at::kDouble ? 1e-13 : 1e-5;
      CHECK_NEAR(relative(hand.score, autograd.score), 0.0, tolerance);
      CHECK_NEAR(relative(hand.gradient, autograd.gradient), 0.0, tolerance);
      // A test of the test: another weight on one row must be seen.
      at::Tensor other = outer.clone();
      other.select(0, 4).mul_(2);
      if (hand.gradient.numel() > 4)  // the linear energy's gradient sums over the rows, too
        CHECK(relative(byHand(*energy, x, {}, other).gradient, autograd.gradient) > 1e-3);
    }
  }
}

TEST(other_energies_take_the_plain_path) {
  const auto taken = [](Map spec) { return ScoreChain::compile(energyFrom(std::move(spec))->program()) != nullptr; };
  const List hidden{5, 4};
  CHECK(!taken({{"kind", "mlp"}, {"input", 2}, {"hidden", hidden}, {"activation", "relu"}}));
  CHECK(!taken({{"kind", "classifier"}, {"input", 2}, {"classes", 3}, {"hidden", hidden}}));
  CHECK(!taken({{"kind", "conditional"}, {"input", 2}, {"condition", 1}, {"hidden", hidden}}));
  CHECK(!taken({{"kind", "doubleWell"}, {"input", 2}}));
  const List normed{Map{{"kind", "linear"}, {"out", 4}}, Map{{"kind", "layerNorm"}},
                    Map{{"kind", "linear"}, {"out", 1}}};
  CHECK(!taken({{"kind", "sequential"}, {"input", 2}, {"layers", normed}}));
}

}  // namespace langevin::score_chain_test
