// Kernel and learned Stein discrepancies against quadrature and closed forms, and the goodness-of-fit test's rates.
#include <numbers>

#include "check.hpp"
#include "divergence_support.hpp"
#include "statistics/stein_kernel.hpp"

namespace langevin::test::stein_test {
namespace {

// A quadrature of N(mean, sd^2) out to `reach` sds: points [n, 1] and weights [n].
struct Quadrature {
  at::Tensor x, w;
};
Quadrature quadrature(double mean, double sd, std::int64_t n = 401, double reach = 9) {
  const at::Tensor z = at::linspace(-reach, reach, n, at::kDouble);
  const at::Tensor w = (-0.5 * z.square()).exp();
  return {(mean + sd * z).unsqueeze(1), w / w.sum()};
}

// The oracle is another formula: integration by parts turns the mean of the Stein kernel into
// E_p[(s - grad log p)(x)' k(x, y) (s - grad log p)(y)], without any derivative of k.
TEST(stein_kernel_is_the_quadrature_of_score_differences) {
  const InverseMultiquadric kernel{1.3, -0.4};
  const Quadrature p = quadrature(0.4, 1.2);
  const at::Tensor truth = -(p.x - 0.4) / (1.2 * 1.2);
  for (const auto& [mean, precision] : {std::pair{0.4, 0.2}, std::pair{-1.0, 0.7}, std::pair{0.0, 2.0}}) {
    const at::Tensor s = -precision * (p.x - mean);
    const at::Tensor u = steinKernel(p.x, s, p.x, s, kernel);
    const at::Tensor k = (1.0 + at::cdist(p.x, p.x).square() / (1.3 * 1.3)).pow(-0.4);
    const at::Tensor weighted = p.w.unsqueeze(1) * (s - truth);
    const double wanted = weighted.t().matmul(k).matmul(weighted).item<double>();
    CHECK(wanted > 0.01);
    CHECK_NEAR(p.w.dot(u.matmul(p.w)).item<double>(), wanted, 1e-9);
  }
  // Zero at the law itself.
  CHECK_NEAR(p.w.dot(steinKernel(p.x, truth, p.x, truth, kernel).matmul(p.w)).item<double>(), 0, 1e-10);
}

TEST(stein_kernel_in_two_dimensions) {
  // Points a quarter of an sd apart: the kernel's second derivatives are resolved to 1e-7, the tails cut at 1e-8.
  const std::int64_t n = 49;
  const Quadrature a = quadrature(0.3, 1.0, n, 6), b = quadrature(-0.5, 0.7, n, 6);
  const at::Tensor x = at::cat({a.x.repeat_interleave(n, 0), b.x.repeat({n, 1})}, 1);
  const at::Tensor w = a.w.repeat_interleave(n) * b.w.repeat({n});
  const at::Tensor centre = at::tensor({0.3, -0.5}, at::kDouble), sd = at::tensor({1.0, 0.7}, at::kDouble);
  const at::Tensor truth = -(x - centre) / sd.square();
  const at::Tensor s =
      -(x - at::tensor({0.0, 0.1}, at::kDouble)).matmul(at::tensor({1.0, 0.3, 0.3, 1.5}, at::kDouble).view({2, 2}));
  const InverseMultiquadric kernel{0.9, -0.5};
  const at::Tensor k = (1.0 + at::cdist(x, x).square() / 0.81).pow(-0.5);
  const at::Tensor weighted = w.unsqueeze(1) * (s - truth);
  const double wanted = (weighted * k.matmul(weighted)).sum().item<double>();
  CHECK_NEAR(w.dot(steinKernel(x, s, x, s, kernel).matmul(w)).item<double>(), wanted, 1e-5 * wanted);
}

// u by its definition: the derivatives of k from autograd.
at::Tensor steinKernelByAutograd(const at::Tensor& rows, const at::Tensor& s, const InverseMultiquadric& kernel) {
  at::AutoGradMode enable(true);
  const std::int64_t n = rows.size(0), d = rows.size(1);
  const at::Tensor x = rows.repeat_interleave(n, 0).detach().requires_grad_(true);
  const at::Tensor y = rows.repeat({n, 1}).detach().requires_grad_(true);
  const at::Tensor k = (1.0 + (x - y).square().sum(1) / (kernel.scale * kernel.scale)).pow(kernel.beta);
  const auto first = torch::autograd::grad({k.sum()}, {x, y}, {}, true, true);
  at::Tensor trace = at::zeros_like(k);
  for (std::int64_t c = 0; c < d; ++c)
    trace = trace + torch::autograd::grad({first[0].select(1, c).sum()}, {y}, {}, true)[0].select(1, c);
  const at::Tensor si = s.repeat_interleave(n, 0), sj = s.repeat({n, 1});
  return ((si * sj).sum(1) * k.detach() + (si * first[1].detach() + sj * first[0].detach()).sum(1) + trace.detach())
      .view({n, n});
}

// 150 rows are three tiles, the last one not full; the rows lie far from 0, where products of coordinates cancel.
void checkSums(std::int64_t d, const InverseMultiquadric& kernel) {
  const at::TensorOptions options(at::kDouble);
  const at::Tensor x = Random(2).normal(150, d, 0, Stream::User, options) + 50.0;
  const at::Tensor s = Random(3).normal(150, d, 0, Stream::User, options).requires_grad_(true);
  const at::Tensor u = steinKernelByAutograd(x, s, kernel);
  // The coordinates are rounded at 1e-14; sums over 150 pairs and the products s' (x - y) at 50 leave 1e-11.
  CHECK_NEAR((steinKernel(x, s, x, s, kernel) - u).abs().max().item<double>(), 0, 1e-11);
  double values[2];
  for (const bool diagonal : {false, true}) {
    const at::Tensor sum = diagonal ? u.sum() : u.sum() - u.diagonal().sum();
    const at::Tensor wanted = torch::autograd::grad({sum}, {s}, {}, true)[0];
    const SteinSum one = steinSum(x, s, kernel, diagonal, 1), two = steinSum(x, s, kernel, diagonal, 2);
    CHECK_NEAR((one.gradient - wanted).abs().max().item<double>(), 0, 1e-10);
    values[diagonal] = (s.detach() * one.gradient).sum().item<double>() + one.rest;
    CHECK_NEAR(values[diagonal], sum.item<double>(), 1e-9);
    CHECK(at::equal(one.gradient, two.gradient) && one.rest == two.rest);
    // In float32, of sums of 150 pairs of order one.
    const SteinSum single = steinSum((x - 50.0).to(at::kFloat), s.to(at::kFloat), kernel, diagonal, 1);
    CHECK_NEAR((single.gradient - wanted).abs().max().item<double>(), 0, 1e-4);
  }
  CHECK(std::abs(values[0] - values[1]) > 1);  // the pairs i = j are seen
}

TEST(stein_sums_are_the_definition_by_autograd) {
  for (const std::int64_t d : {1, 2, 5}) {
    checkSums(d, {0.8, -0.5});
    checkSums(d, {1.7, -0.3});
  }
}

// ---- As an objective -----------------------------------------------------------------------------------------------

// The rows stand for N(0.7, 1.4^2) by their quantiles: up to that quadrature the discrepancy is 0 there and only there.
TEST(minimiser_is_the_law_of_the_rows) {
  const at::Tensor x = quantileRows({{1, 0.7, 1.4}}, 400);
  for (const char* estimator : {"biased", "unbiased"}) {
    const EnergyRef energy = gaussian1d(-0.5, 0.8);
    const auto objective = makeObjectiveFrom({{"kind", "steinDiscrepancy"}, {"scale", 1.5}, {"estimator", estimator}});
    double first = 0, last = 0;
    fit(energy, *objective, x, 0.05, 300, 9, [&](TrainingStep::Result& r) {
      if (first == 0) first = r.loss;
      last = r.loss;
    });
    // 400 quantiles cut the tails at 3 sds, and leaving out i = j moves the minimum by 1 / n.
    CHECK_NEAR(meanOf(energy), 0.7, 0.02);
    CHECK_NEAR(sdOf(energy), 1.4, 0.05);
    CHECK(first > 0.3);
    CHECK(std::abs(last) < 0.02);
  }
}

TEST(median_scale_and_refusals) {
  const at::Tensor x = at::tensor({0.0, 1.0, 3.0}, at::kDouble).unsqueeze(1);  // distances 1, 2, 3
  const auto objective = makeObjectiveFrom({{"kind", "steinDiscrepancy"}});
  once(gaussian1d(0, 1), *objective, x);
  CHECK_NEAR(*objective->statistics().at("scale").get<double>(), 2, 1e-12);
  for (const Map& wrong : {Map{{"beta", 0.5}}, Map{{"beta", -1.0}}, Map{{"scale", 0.0}}, Map{{"estimator", "v"}}}) {
    Map spec = wrong;
    spec["kind"] = "steinDiscrepancy";
    CHECK_THROWS(makeObjectiveFrom(spec), Error);
  }
  // One row has no pairs.
  CHECK_THROWS(
      once(gaussian1d(0, 1), *makeObjectiveFrom({{"kind", "steinDiscrepancy"}, {"scale", 1.0}}), x.slice(0, 0, 1)),
      Error);
}

// ---- Goodness of fit -----------------------------------------------------------------------------------------------

struct Fit {
  double statistic, pValue;
};
Fit goodness(const EnergyRef& energy, const at::Tensor& x, Map options = {}) {
  options["energy"] = energy;
  options["x"] = box(x);
  options.try_emplace("bootstrap", 199);
  options.try_emplace("threads", 1);
  Job job;
  const Value result = call("metrics.kernelSteinDiscrepancy", options, job);
  return {*result.map()->at("statistic").get<double>(), *result.map()->at("pValue").get<double>()};
}
at::Tensor draws(int sample, double mean, double sd, std::int64_t n = 100) {
  const auto options = at::TensorOptions(at::kDouble);
  return mean + sd * Random(5).normal(n, 1, static_cast<std::uint64_t>(sample), Stream::User, options);
}

// At level 0.05 a calibrated test refuses 0.05 +- 0.0154 (one sd) of 200 true samples; between 1 and 23 of them
// lie 4.5 sds above and 3.2 below. Shifted by 0.5 at n = 100, hardly a sample passes.
TEST(false_alarms_and_power) {
  const EnergyRef energy = gaussian1d(0, 1);
  int alarms = 0, caught = 0, wide = 0;
  double statistic = 0;
  for (int i = 0; i < 200; ++i) {
    const Fit fit = goodness(energy, draws(i, 0, 1), {{"seed", i}});
    alarms += fit.pValue <= 0.05;
    statistic += fit.statistic / 200;
    if (i >= 50) continue;
    caught += goodness(energy, draws(i, 0.5, 1), {{"seed", i}}).pValue <= 0.05;
    wide += goodness(energy, draws(i, 0, 1.6), {{"seed", i}}).pValue <= 0.05;
  }
  CHECK(alarms >= 1 && alarms <= 23);
  CHECK(caught >= 45);
  CHECK(wide >= 40);
  // The unbiased statistic has mean 0 under the hypothesis; one has an sd of about 0.02 at n = 100, 200 of them 0.0015.
  CHECK_NEAR(statistic, 0, 4.5 * 0.0015);
}

// A correlated chain of the right law: independent signs refuse it far too often, flipping ones do not.
TEST(chains_need_slow_signs) {
  const EnergyRef energy = gaussian1d(0, 1);
  int independent = 0, slow = 0;
  for (int i = 0; i < 60; ++i) {
    const at::Tensor xi = draws(i, 0, 1, 300).squeeze(1);
    at::Tensor x = at::empty({300}, at::kDouble);
    double state = xi[0].item<double>();
    for (std::int64_t t = 0; t < 300; ++t) {
      state = 0.8 * state + 0.6 * xi[t].item<double>();
      x[t].fill_(state);
    }
    independent += goodness(energy, x.unsqueeze(1), {{"seed", i}}).pValue <= 0.05;
    slow += goodness(energy, x.unsqueeze(1), {{"seed", i}, {"flip", 0.02}}).pValue <= 0.05;
  }
  CHECK(independent >= 20);
  CHECK(slow <= 12);  // 0.05 of 60 and 4.5 sds are 10.6; the bootstrap of a chain is right only for long ones
}

TEST(goodness_is_a_function_of_its_seed_alone) {
  const EnergyRef energy = gaussian1d(0, 1);
  const at::Tensor x = draws(3, 0.1, 1, 300);
  const Fit one = goodness(energy, x, {{"threads", 1}, {"seed", 5}});
  const Fit two = goodness(energy, x, {{"threads", 2}, {"seed", 5}});
  CHECK(one.statistic == two.statistic && one.pValue == two.pValue);
  CHECK(goodness(energy, x, {{"seed", 6}}).statistic == one.statistic);
  const Fit biased = goodness(energy, x, {{"seed", 5}, {"estimator", "biased"}});
  CHECK(biased.pValue == one.pValue && biased.statistic > one.statistic);
  CHECK_THROWS(goodness(energy, x.slice(0, 0, 1)), Error);
}

// ---- A critic in place of a kernel ---------------------------------------------------------------------------------

// With a linear critic g = W x + b on rows of mean 0 and variance v under E = P (x - m)^2 / 2:
// W = (1 - P v) / (2 lambda v), b = P m / (2 lambda), and the mean without the penalty is
// ((1 - P v)^2 / v + P^2 m^2) / (2 lambda). Its gradient at that critic is (-W v + m b in P, P b in m).
Map linearCritic(int steps, const char* trace = "exact") {
  return {{"kind", "learnedSteinDiscrepancy"},
          {"critic", Map{{"hidden", List{}}}},
          {"criticOptimizer", Map{{"kind", "sgd"}, {"lr", 0.2}}},
          {"criticSteps", steps},
          {"lambda", 0.7},
          {"trace", trace}};
}

TEST(best_critic_and_its_value) {
  const double v = 1.44, m = 0.5, precision = 1.3, lambda = 0.7;
  const at::Tensor x = gaussianRows(at::full({1, 1}, v, at::kDouble), 200);
  for (const char* trace : {"exact", "hutchinson"}) {  // in one dimension v' (dg/dx) v is dg/dx
    const auto objective = makeObjectiveFrom(linearCritic(400, trace));
    const TrainingStep::Result r = once(gaussian1d(m, 1 / std::sqrt(precision)), *objective, x);
    const double w = (1 - precision * v) / (2 * lambda * v), b = precision * m / (2 * lambda);
    const auto critic = objective->networks().at("critic")->parameters().flat();
    CHECK_NEAR(critic[0].item<double>(), w, 1e-6);
    CHECK_NEAR(critic[1].item<double>(), b, 1e-6);
    const double fisher = (1 - precision * v) * (1 - precision * v) / v + precision * precision * m * m;
    CHECK_NEAR(r.loss, fisher / (2 * lambda), 1e-6);
    CHECK_NEAR(r.gradient[1].item<double>(), -w * v + m * b, 1e-6);
    CHECK_NEAR(r.gradient[0].item<double>(), precision * b, 1e-6);
  }
}

TEST(learned_discrepancy_recovers_the_gaussian) {
  const at::Tensor x = gaussianRows(at::full({1, 1}, 1.44, at::kDouble), 200) + 0.4;
  const EnergyRef energy = gaussian1d(-0.5, 0.8);
  const auto objective = makeObjectiveFrom(linearCritic(5));
  fit(energy, *objective, x, 0.05, 300);
  CHECK_NEAR(meanOf(energy), 0.4, 0.02);  // min-max with a lagging critic: what Adam's last rates leave
  CHECK_NEAR(sdOf(energy), 1.2, 0.02);
}

TEST(traces_agree_in_two_dimensions) {
  // The mean over rows of v' J v has the exact trace as its mean; 4,000 rows of an MLP leave about 0.01.
  const at::Tensor x = gaussianRows(at::eye(2, at::kDouble), 4000);
  const auto value = [&](const char* trace) {
    const auto objective = makeObjectiveFrom({{"kind", "learnedSteinDiscrepancy"},
                                              {"critic", Map{{"hidden", List{16}}, {"activation", "tanh"}}},
                                              {"criticOptimizer", Map{{"kind", "sgd"}, {"lr", 1e-300}}},
                                              {"criticSteps", 1},
                                              {"trace", trace}});
    return once(mlpEnergy("silu"), *objective, x).loss;
  };
  CHECK_NEAR(value("exact"), value("hutchinson"), 0.05);
}

// The path of autograd. In one dimension |W| = 0.1 whatever is learned, so the value is +-0.1 (1 - P v).
TEST(normalised_critics) {
  Map spec = linearCritic(2);
  spec["critic"] = Map{{"hidden", List{}}, {"spectralNorm", 0.1}};
  const at::Tensor x = gaussianRows(at::full({1, 1}, 1.44, at::kDouble), 200);
  const auto objective = makeObjectiveFrom(spec);
  const TrainingStep::Result r = once(gaussian1d(0, 1 / std::sqrt(1.3)), *objective, x);
  CHECK_NEAR(std::abs(r.loss), 0.1 * (1.3 * 1.44 - 1), 1e-6);
}

TEST(learned_discrepancy_is_the_same_at_any_number_of_threads) {
  const at::Tensor x = gaussianRows(at::eye(2, at::kDouble), 700).to(at::kFloat);
  for (const char* trace : {"exact", "hutchinson"}) {
    Map spec = linearCritic(3, trace);
    spec["critic"] = Map{{"hidden", List{16, 16}}};
    std::vector<at::Tensor> critics, gradients;
    for (const int threads : {1, 2}) {
      const auto objective = makeObjectiveFrom(spec);
      const TrainingStep::Result r = once(mlpEnergy("silu", at::kFloat), *objective, x, 9, threads);
      critics.push_back(objective->networks().at("critic")->parameters().flat().clone());
      gradients.push_back(r.gradient.clone());
    }
    CHECK(at::equal(critics[0], critics[1]) && at::equal(gradients[0], gradients[1]));
  }
}

TEST(rough_critics_are_refused) {
  Map spec = linearCritic(1);
  spec["critic"] = Map{{"hidden", List{4}}, {"activation", "relu"}};
  CHECK_THROWS(once(gaussian1d(0, 1), *makeObjectiveFrom(spec), toyRows(16)), Error);
}

}  // namespace
}  // namespace langevin::test::stein_test
