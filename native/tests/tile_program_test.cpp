// The fused CPU executor against its twin, plain ATen with autograd: values, input gradients, parameter gradients.
#include <cmath>
#include <functional>
#include <random>

#include "base/random.hpp"
#include "check.hpp"
#include "energies/builder.hpp"
#include "energies/energy.hpp"

using namespace langevin;

namespace {

struct Both {
  at::Tensor energy, gradient, flat;
};

Rows randomRows(const Program& p, std::int64_t n, std::uint64_t seed) {
  Rows rows;
  rows.x = Random(seed).normal(n, p.inputWidth, 0, Stream::User, at::kFloat);
  if (p.condition.kind == Condition::Kind::Class) rows.y = Random(seed).index(n, p.condition.width, 1, Stream::User);
  if (p.condition.kind == Condition::Kind::Continuous)
    rows.y = Random(seed).normal(n, p.condition.width, 2, Stream::User, at::kFloat);
  return rows;
}

// Double precision is the yardstick: both float32 paths are compared with it, so a shared mistake cannot hide.
Both exact(const Program& program, const Parameters& parameters, const Rows& rows, const at::Tensor& weights) {
  std::vector<at::Tensor> leaves, constants;
  for (const at::Tensor& t : parameters.tensors()) leaves.push_back(t.detach().to(at::kDouble).requires_grad_(true));
  for (const at::Tensor& c : program.constants) constants.push_back(c.to(at::kDouble));
  Rows r{rows.x.to(at::kDouble).requires_grad_(true), rows.y};
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

// Error relative to the largest entry: float32 sums of hundreds of terms keep about 1e-6 of it.
double apart(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  const double size = std::max(1e-3, b.abs().max().item<double>());
  return (a.to(at::kDouble) - b).abs().max().item<double>() / size;
}

void compare(Program program, std::int64_t n, std::uint64_t seed) {
  Energy energy(std::move(program), at::kFloat, at::kCPU, seed);
  CHECK(energy.tiles() != nullptr);
  const Rows rows = randomRows(energy.program(), n, seed + 1);
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

Program network(const std::string& act, std::int64_t in, const std::vector<std::int64_t>& hidden) {
  Builder b("mlp");
  const int x = b.input(in);
  int v = x;
  int index = 0;
  for (std::int64_t h : hidden) {
    v = b.activation(b.linear(v, std::to_string(index), h), act, 0.1);
    index += 2;
  }
  b.setEnergy(b.add(b.linear(v, std::to_string(index), 1), b.scale(b.sum(b.square(x)), 0.125)));
  return b.finish();
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
  for (std::int64_t n : {1, 33, 150}) {
    Builder b("conditional");
    const int x = b.input(5);
    const int label = b.classCondition(4);
    int h = b.linear(b.concat({x, b.embedding(label, "embedding", 4, 6)}), "0", 24);
    h = b.activation(b.layerNorm(h, "1"), "silu");
    const int body = b.linear(b.activation(b.linear(h, "2.body.0", 24), "tanh"), "2.body.2", 24);
    h = b.add(h, body);
    b.setEnergy(b.linear(h, "3", 1));
    compare(b.finish(), n, 77);
  }
}

TEST(classifier_with_and_without_its_class) {
  for (const bool labelled : {false, true}) {
    Builder b("classifier");
    const int x = b.input(3);
    const int label = b.classCondition(5, true);
    const int logits = b.linear(b.activation(b.linear(x, "0", 20), "silu"), "2", 5);
    b.setOutputs(logits);
    b.setEnergy(b.apply("neg", {b.apply("logsumexp", {logits}, 1)}));
    b.setJointEnergy(b.apply("neg", {b.apply("gather", {logits, label}, 1)}));
    Energy energy(b.finish(), at::kFloat, at::kCPU, 3);
    CHECK(energy.tiles() != nullptr);
    Rows rows = randomRows(energy.program(), 70, 5);
    if (!labelled) rows.y = at::Tensor();
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
  const Value regressor{Map{{"kind", "regressor"}, {"input", 2}, {"hidden", List{8.0}}}};
  CHECK(makeEnergy(Spec(regressor, "energy"), at::kFloat, at::kCPU, 1)->tiles() != nullptr);
}

TEST(a_wrong_derivative_would_be_seen) {
  // Control: the tolerance of compare() is far below the error of a sign mistake in one hidden unit.
  Energy energy(network("silu", 2, {16}), at::kFloat, at::kCPU, 4);
  const Rows rows = randomRows(energy.program(), 50, 6);
  const Both want = exact(energy.program(), energy.parameters(), rows, at::ones({50}));
  at::Tensor wrong = want.gradient.clone();
  wrong.select(1, 0).neg_();
  CHECK(apart(wrong.to(at::kFloat), want.gradient) > 1e-2);
}

TEST(changed_parameters_are_noticed) {
  Energy energy(network("silu", 2, {16}), at::kFloat, at::kCPU, 4);
  const Rows rows = randomRows(energy.program(), 10, 6);
  const at::Tensor before = energy.energyOf(rows).clone();
  {
    at::NoGradGuard guard;
    energy.parameters().flat().mul_(2.0);
  }
  CHECK(!energy.energyOf(rows).allclose(before));
}

TEST(results_do_not_depend_on_threads) {
  Energy energy(network("silu", 2, {64, 64}), at::kFloat, at::kCPU, 4);
  const Rows rows = randomRows(energy.program(), 3001, 6);
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
