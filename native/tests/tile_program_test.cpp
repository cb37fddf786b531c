// The fused CPU executor against its twin, plain ATen with autograd: values, input gradients, parameter gradients.
#include <cmath>
#include <functional>
#include <random>

#include "check.hpp"
#include "energies/energy.hpp"
#include "program/builder.hpp"
#include "program_cases.hpp"
#include "tensors/random.hpp"

namespace langevin::tile_program_test {

using namespace langevin::test;

namespace {

struct Both {
  at::Tensor energy, gradient, flat;
};

// Double precision is the yardstick: both float32 paths are compared with it, so a shared mistake cannot hide.
Both exact(const Program& program, const Parameters& parameters, const Batch& rows, const at::Tensor& weights) {
  std::vector<at::Tensor> leaves, constants;
  for (const at::Tensor& t : parameters.tensors()) leaves.push_back(t.detach().to(at::kDouble).requires_grad_(true));
  for (const at::Tensor& c : program.constants) constants.push_back(c.to(at::kDouble));
  Batch r{rows.x.to(at::kDouble).requires_grad_(true), rows.y};
  if (r.y.defined() && r.y.is_floating_point()) r.y = r.y.to(at::kDouble);
  const at::Tensor e = evaluate(program, leaves, constants, r, {}).energy;
  Both b;
  b.energy = e.detach();
  b.gradient = torch::autograd::grad({e.sum()}, {r.x}, {}, true, false, true)[0];
  if (!b.gradient.defined()) b.gradient = at::zeros_like(r.x);
  std::vector<at::Tensor> learnable;
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (parameters.info()[i].learnable) learnable.push_back(leaves[i]);
  std::vector<at::Tensor> flat;
  if (!learnable.empty()) {
    auto grads = torch::autograd::grad({(e * weights.to(at::kDouble)).sum()}, learnable, {}, std::nullopt, false, true);
    for (std::size_t i = 0; i < grads.size(); ++i)
      flat.push_back((grads[i].defined() ? grads[i] : at::zeros_like(learnable[i])).reshape({-1}));
  }
  b.flat = flat.empty() ? at::zeros({0}, at::kDouble) : at::cat(flat);
  return b;
}

void compare(Program program, std::int64_t n, std::uint64_t seed) {
  Energy energy(std::move(program), at::kFloat, at::kCPU, seed);
  CHECK(energy.tiles() != nullptr);
  const Batch rows = randomRows(energy.program(), n, seed + 1, true);
  const at::Tensor weights = Random(seed).normal(n, 1, 3, Stream::User, at::kFloat).squeeze(1).contiguous();
  const Both want = exact(energy.program(), energy.parameters(), rows, weights);
  const EnergyAndGradient got = energy.energyAndGradient(rows);
  CHECK_NEAR(apart(energy.energyOf(rows), want.energy), 0.0, 1e-5);
  CHECK_NEAR(apart(got.energy, want.energy), 0.0, 1e-5);
  CHECK_NEAR(apart(got.gradient, want.gradient), 0.0, 1e-5);
  TileWorkspace ws;
  at::Tensor e = at::empty({n}), flat = at::zeros({energy.parameters().count()});
  const auto packed = energy.packed();
  energy.tiles()->record(*packed, Energy::tileInput(rows), ws, e.data_ptr<float>(), nullptr);
  energy.tiles()->parameterGradient(*packed, Energy::tileInput(rows), ws, weights.data_ptr<float>(), nullptr,
                                    flat.data_ptr<float>());
  CHECK_NEAR(apart(e, want.energy), 0.0, 1e-5);
  CHECK_NEAR(apart(flat, want.flat), 0.0, 2e-5);
}

}  // namespace

TEST(mlps_of_every_activation_odd_width_and_depth) {
  const std::vector<std::vector<std::int64_t>> shapes = {{}, {1}, {3}, {17, 130}, {64, 64, 64}, {8, 9, 10, 11, 12, 13}};
  std::uint64_t seed = 1;
  for (const char* act : {"silu", "gelu", "tanh", "sigmoid", "softplus", "relu", "leakyRelu"})
    for (const auto& shape : shapes)
      for (std::int64_t n : {1, 5, 200}) {
        compare(network(act, seed % 2 ? 2 : 11, shape), n, seed);
        ++seed;
      }
}

TEST(residual_layer_norm_and_class_embedding) {
  for (std::int64_t n : {1, 33, 150}) compare(residualConditional(), n, 77);
}

TEST(classifier_with_and_without_its_class) {
  for (const bool labelled : {false, true}) {
    Energy energy(classifier(), at::kFloat, at::kCPU, 3);
    CHECK(energy.tiles() != nullptr);
    const Batch rows = randomRows(energy.program(), 70, 5, labelled);
    const at::Tensor weights = at::ones({70});
    const Both want = exact(energy.program(), energy.parameters(), rows, weights);
    const EnergyAndGradient got = energy.energyAndGradient(rows);
    CHECK_NEAR(apart(got.energy, want.energy), 0.0, 1e-5);
    CHECK_NEAR(apart(got.gradient, want.gradient), 0.0, 1e-5);
    CHECK(energy.outputsOf(rows, 1).sizes().equals({70, 5}));
  }
}

TEST(expressions_with_broadcasting_selection_and_branches) {
  Builder b("expression");
  const int x = b.input(4);
  const int c = b.constant(at::tensor({0.5, -1.0, 2.0, 0.25}, at::kDouble));
  const int p = b.parameterValue("p", at::tensor({1.5, 0.5, -0.5, 1.0}, at::kDouble), true);
  const int s = b.sum(x);  // [n, 1], broadcast over columns below
  const int u = b.mul(b.sub(x, c), p);
  const int v = b.apply("div", {u, b.affine(b.square(s), 1.0, 2.0)});
  const int w = b.apply("where", {b.apply("gt", {x, c}), b.apply("sin", {v}), b.apply("cos", {u})});
  const int m = b.apply("maximum", {w, b.apply("tanh", {u})});
  const int l = b.apply("logsumexp", {b.concat({m, b.slice(x, 1, 2)})}, 1);
  b.setEnergy(b.add(l, b.apply("mean", {b.apply("softplus", {u})}, 1)));
  compare(b.finish(), 90, 8);
}

// As in the regressor: what is computed from parameters has one value for all rows, and so has its derivative.
TEST(functions_of_parameters_alone) {
  Builder b("expression");
  const int x = b.input(3);
  const int p = b.parameterValue("p", at::tensor({0.3, -0.2, 0.5}, at::kDouble), true);
  const int q = b.parameterValue("q", at::tensor({0.4}, at::kDouble), false);
  const int f = b.linear(b.activation(b.linear(x, "0", 16), "silu"), "2", 1);
  const int weighted = b.sum(b.mul(b.square(x), b.apply("exp", {p}, 3)));
  b.setEnergy(b.add(weighted, b.mul(b.square(f), b.apply("exp", {b.apply("neg", {q}, 1)}, 1))));
  compare(b.finish(), 150, 21);
  CHECK(make({{"kind", "regressor"}, {"input", 2}, {"hidden", List{8.0}}})->tiles() != nullptr);
}

TEST(a_wrong_derivative_would_be_seen) {
  // Control: the tolerance of compare() is far below the error of a sign mistake in one hidden unit.
  Energy energy(network("silu", 2, {16}), at::kFloat, at::kCPU, 4);
  const Batch rows = randomRows(energy.program(), 50, 6, true);
  const Both want = exact(energy.program(), energy.parameters(), rows, at::ones({50}));
  at::Tensor wrong = want.gradient.clone();
  wrong.select(1, 0).neg_();
  CHECK(apart(wrong.to(at::kFloat), want.gradient) > 1e-2);
}

TEST(changed_parameters_are_noticed) {
  Energy energy(network("silu", 2, {16}), at::kFloat, at::kCPU, 4);
  const Batch rows = randomRows(energy.program(), 10, 6, true);
  const at::Tensor before = energy.energyOf(rows).clone();
  {
    at::NoGradGuard guard;
    energy.parameters().flat().mul_(2.0);
  }
  CHECK(!energy.energyOf(rows).allclose(before));
}

TEST(results_do_not_depend_on_threads) {
  Energy energy(network("silu", 2, {64, 64}), at::kFloat, at::kCPU, 4);
  const Batch rows = randomRows(energy.program(), 3001, 6, true);
  const EnergyAndGradient one = energy.energyAndGradient(rows, 1);
  for (int threads : {2, 3}) {
    const EnergyAndGradient many = energy.energyAndGradient(rows, threads);
    CHECK(one.energy.equal(many.energy));
    CHECK(one.gradient.equal(many.gradient));
  }
}

TEST(normals_have_normal_moments_and_no_two_rows_alike) {
  // 400,000 draws: the mean has sd 0.0016, the variance 0.0022, the fourth moment 0.0155; five sd of each: 1 false
  // alarm in 10^6.
  const at::Tensor z = Random(5).normal(100000, 4, 3, Stream::User, at::kDouble);
  CHECK_NEAR(z.mean().item<double>(), 0.0, 0.008);
  CHECK_NEAR((z * z).mean().item<double>(), 1.0, 0.011);
  CHECK_NEAR(z.pow(4).mean().item<double>(), 3.0, 0.08);
  CHECK_NEAR((z.select(1, 0) * z.select(1, 1)).mean().item<double>(), 0.0, 0.016);
  CHECK(!z[0].equal(z[1]));
  CHECK(!z[0].equal(Random(5).normal(1, 4, 4, Stream::User, at::kDouble)[0]));
}

}  // namespace langevin::tile_program_test
