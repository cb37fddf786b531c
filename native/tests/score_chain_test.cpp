// Scores by hand against autograd through autograd.
#include "training/score_chain.hpp"

#include "base/random.hpp"
#include "check.hpp"
#include "training_support.hpp"

using namespace langevin;
using langevin::test::energyFrom;

namespace {

at::Tensor normal(std::int64_t n, std::int64_t d, std::uint64_t step, at::ScalarType dtype) {
  return Random(5).normal(n, d, step, Stream::User, at::TensorOptions(dtype));
}

struct Derivatives {
  at::Tensor score, gradient;  // [n, d]; d/dtheta of sum outer . score, flat
};

Derivatives byHand(const Energy& energy, const at::Tensor& x, const at::Tensor& outer) {
  const auto chain = ScoreChain::compile(energy.program());
  CHECK(chain != nullptr);
  ScoreChain::Record record;
  Derivatives result{chain->score(energy.parameters().tensors(), x, record),
                     at::zeros_like(energy.parameters().flat())};
  energy.parameters().accumulate(result.gradient,
                                 chain->parameterGradient(energy.parameters().tensors(), record, outer));
  return result;
}

Derivatives byAutograd(const Energy& energy, const at::Tensor& x, const at::Tensor& outer) {
  at::AutoGradMode enable(true);
  const std::vector<at::Tensor> leaves = energy.parameters().leaves();
  Rows rows;
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

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1)).item<double>();
}

// Every activation, base and depth the chain takes.
std::vector<Map> chains() {
  std::vector<Map> specs;
  for (const char* activation : {"silu", "tanh", "sigmoid", "softplus", "gelu"})
    specs.push_back({{"kind", "mlp"}, {"input", 3}, {"hidden", List{7, 6}}, {"activation", activation}});
  const Map plain{{"kind", "mlp"}, {"input", 3}, {"hidden", List{6, 5, 4}}};
  specs.push_back(plain);
  for (const auto& [key, value] : std::vector<std::pair<const char*, Value>>{
           {"inputScale", 4.0}, {"gaussianBase", 2.0}, {"gaussianBase", "full"}}) {
    Map spec = plain;
    spec[key] = value;
    specs.push_back(spec);
  }
  specs.push_back({{"kind", "mlp"}, {"input", 3}, {"hidden", List{}}, {"gaussianBase", 1.5}});
  const List unbiased{Map{{"kind", "linear"}, {"out", 5}, {"bias", false}}, Map{{"kind", "activation"}},
                      Map{{"kind", "linear"}, {"out", 1}, {"bias", false}}};
  specs.push_back({{"kind", "sequential"}, {"input", 3}, {"layers", unbiased}});
  return specs;
}

}  // namespace

TEST(equals_autograd_through_autograd) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    for (const Map& spec : chains()) {
      const EnergyRef energy = energyFrom(spec, dtype);
      for (const auto& [name, value] : energy->parameters().named())
        if (name.rfind("base.", 0) == 0)  // not at their neutral values, and P not symmetric
          energy->parameters().assign(
              {{name, normal(9, 1, 3, dtype).slice(0, 0, value.numel()).reshape(value.sizes())}}, false);
      const at::Tensor x = normal(31, 3, 1, dtype), outer = normal(31, 3, 2, dtype);
      const Derivatives hand = byHand(*energy, x, outer), autograd = byAutograd(*energy, x, outer);
      // The same sums in another order: rounding only. Sums over 31 rows of numbers of order one, times a few hundred.
      const double tolerance = dtype == at::kDouble ? 1e-13 : 1e-5;
      CHECK_NEAR(relative(hand.score, autograd.score), 0.0, tolerance);
      CHECK_NEAR(relative(hand.gradient, autograd.gradient), 0.0, tolerance);
      // A test of the test: another weight on one row must be seen.
      at::Tensor other = outer.clone();
      other.select(0, 4).mul_(2);
      if (hand.gradient.numel() > 4)  // the linear energy's gradient sums over the rows, too
        CHECK(relative(byHand(*energy, x, other).gradient, autograd.gradient) > 1e-3);
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
