// Spectral normalisation against the singular value decomposition.
#include "program/spectral.hpp"
#include "gradient_check.hpp"

namespace langevin::test::spectral_test {
namespace {

Map network(Value norm, std::int64_t input = 3) {
  Map spec{{"kind", "mlp"}, {"input", input}, {"hidden", List{8, 6}}, {"activation", "tanh"}};
  if (!norm.isNull()) spec.emplace("spectralNorm", std::move(norm));
  return spec;
}

at::Tensor parameter(const EnergyRef& energy, const std::string& name) {
  const auto& info = energy->parameters().info();
  for (std::size_t i = 0; i < info.size(); ++i)
    if (info[i].name == name) return energy->parameters().tensors()[i].detach();
  fail(Code::Internal, "no parameter ", name);
}

struct Weight {
  at::Tensor w, u, v;
  double estimate() const { return at::dot(u, at::mv(w, v)).item<double>(); }
  double exact() const { return at::linalg_svdvals(w)[0].item<double>(); }
};

Weight weight(const EnergyRef& energy, int layer) {
  const std::string at = std::to_string(layer) + ".parametrizations.weight.";
  return {parameter(energy, at + "original"), parameter(energy, at + "0._u"), parameter(energy, at + "0._v")};
}

// The largest |E(a) - E(b)| / |a - b| over random pairs, near and far.
double steepness(const EnergyRef& energy) {
  const at::TensorOptions options(at::kDouble);
  const at::Tensor a = Random(5).normal(4000, energy->inputWidth(), 0, Stream::Data, options);
  const at::Tensor step = Random(6).normal(4000, energy->inputWidth(), 0, Stream::Data, options) * 0.05;
  const at::Tensor rise = energy->energyOf(Batch{a + step, {}}) - energy->energyOf(Batch{a, {}});
  return (rise.abs() / step.norm(2, 1)).max().item<double>();
}

// The energy with exactly normalised weights, by formula.
at::Tensor byDecomposition(const EnergyRef& energy, at::Tensor x, double c) {
  for (int layer : {0, 2, 4}) {
    const Weight w = weight(energy, layer);
    x = at::linear(x, c * w.w / w.exact(), parameter(energy, std::to_string(layer) + ".bias"));
    if (layer < 4) x = x.tanh();
  }
  return x.squeeze(1);
}

}  // namespace

TEST(a_settled_norm_is_the_largest_singular_value) {
  const auto energy = energyFrom(network(2.5));
  energy->parameters().flat().normal_(0, 1, at::detail::createCPUGenerator(3));
  // The control: vectors of other weights are not those of these.
  CHECK(std::abs(weight(energy, 2).estimate() / weight(energy, 2).exact() - 1) > 0.1);
  settleSpectralNorms(energy->program(), energy->parameters());
  for (int layer : {0, 2, 4}) CHECK_NEAR(weight(energy, layer).estimate() / weight(energy, layer).exact(), 1.0, 1e-12);
  const at::Tensor x = Random(8).normal(50, 3, 0, Stream::Data, at::TensorOptions(at::kDouble));
  const at::Tensor difference = energy->energyOf(Batch{x, {}}) - byDecomposition(energy, x, 2.5);
  CHECK_NEAR(difference.abs().max().item<double>(), 0.0, 1e-12);
}

// Central differences settle the vectors anew at every shifted weight, so they see the derivative of the singular value
// itself; that of a weight of constant norm would be another one.
TEST(gradients_are_those_of_the_exact_singular_value) {
  const auto energy = energyFrom(network(1.5));
  settleSpectralNorms(energy->program(), energy->parameters());
  const at::Tensor x = Random(9).normal(40, 3, 0, Stream::Data, at::TensorOptions(at::kDouble));
  const Map objective{{"kind", "energyDiscrepancy"}, {"t", 0.5}, {"negatives", 2}};
  const auto loss = [&] {
    settleSpectralNorms(energy->program(), energy->parameters());
    return evaluate(energy, x, objective, 3).loss;
  };
  const Evaluation e = evaluate(energy, x, objective, 3);
  CHECK_NEAR(gradientError(energy, e.gradient, loss), 0.0, kGradientTolerance);
  // d/dW of f(c W / s(W)) has no part along W: f does not change when W is scaled.
  for (int layer : {0, 2, 4}) {
    const std::string name = std::to_string(layer) + ".parametrizations.weight.original";
    CHECK_NEAR((e.gradient.at(name) * parameter(energy, name)).sum().item<double>(), 0.0, 1e-12);
    CHECK(e.gradient.at(name).abs().max().item<double>() > 1e-3);
  }
}

TEST(scores_and_their_gradients_go_through_the_norm) {
  const auto energy = energyFrom(network(true));
  const at::Tensor x = Random(9).normal(20, 3, 0, Stream::Data, at::TensorOptions(at::kDouble));
  // With u and v held fixed, as training holds them.
  checkGradient(energy, x, {{"kind", "slicedScoreMatching"}});
  checkGradient(energy, x, {{"kind", "denoisingScoreMatching"}, {"sigma", 0.3}});
}

TEST(training_keeps_the_bound_that_a_plain_network_breaks) {
  const at::Tensor x = gaussianRows(at::eye(2, at::kDouble) * 0.01, 256);
  const auto trained = [&](Value norm) {
    const auto energy = energyFrom(network(std::move(norm), 2));
    train(energy, x,
          {{"objective", Map{{"kind", "energyDiscrepancy"}, {"t", 0.1}, {"negatives", 8}}},
           {"optimizer", Map{{"kind", "adam"}, {"lr", 0.01}}},
           {"steps", 300},
           {"batchSize", 64}});
    return energy;
  };
  const auto bounded = trained(true), free = trained({});
  const auto fresh = energyFrom(network(true, 2));  // the same seed: the vectors training started from
  double stale = 1;
  for (int layer : {0, 2, 4}) {
    const Weight w = weight(bounded, layer), start = weight(fresh, layer);
    // One power iteration a step lags a little behind weights that move, from below; the control, none, loses them.
    CHECK(w.estimate() > 0.95 * w.exact());
    CHECK(w.estimate() < (1 + 1e-12) * w.exact());
    stale = std::min(stale, Weight{w.w, start.u, start.v}.estimate() / w.exact());
  }
  CHECK(stale < 0.9);
  CHECK(steepness(bounded) <= 1.0 / (0.95 * 0.95 * 0.95));
  CHECK(steepness(bounded) > 0.3);
  CHECK(steepness(free) > 3);
}

TEST(one_weight_alone_brings_its_vectors) {
  const auto energy = energyFrom(network(true));
  const at::Tensor w = Random(4).normal(6, 8, 0, Stream::Data, at::TensorOptions(at::kDouble));
  const at::Tensor untouched = weight(energy, 0).u.clone();
  Job job;
  const Map values{{"2.parametrizations.weight.original", box(w)}};
  call("network.setParameters", Map{{"network", energy}, {"values", values}}, job);
  CHECK_NEAR(weight(energy, 2).estimate(), at::linalg_svdvals(w)[0].item<double>(), 1e-10);
  CHECK(at::equal(weight(energy, 0).u, untouched));
}

}  // namespace langevin::test::spectral_test
