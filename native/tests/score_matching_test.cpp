// Score matching against closed forms on Gaussian energies: explicit, sliced, denoising, by derivatives and by finite
// differences. Controls: another sign, another target, a mode weight that no score shows.
//
// "Exactly standardised" rows have the very second moment that is named, so an objective that is quadratic in the
// precision has its root there to rounding; where rows or directions are random the tolerance is twice the worst of 20
// repeats at that number of rows, as the survey of the methods gives it.
#include <cmath>
#include <functional>

#include "check.hpp"
#include "gradient_check.hpp"
#include "program/builder.hpp"
#include "training_support.hpp"

namespace langevin::test::score_matching_test {
namespace {

const at::Tensor& covariance() {
  static const at::Tensor s = at::tensor({1.0, 0.8, 0.8, 1.5}, at::kDouble).view({2, 2});
  return s;
}
double distance(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }
at::Tensor symmetric(const at::Tensor& p) { return 0.5 * (p + p.t()); }
EnergyRef energyOf(Program program) { return std::make_shared<Energy>(std::move(program), at::kDouble, at::kCPU, 0); }

Map explicitMatching() { return {{"kind", "explicitScoreMatching"}}; }
Map sliced(const char* law, int projections, bool reduced = false) {
  return {{"kind", "slicedScoreMatching"}, {"law", law}, {"projections", projections}, {"varianceReduced", reduced}};
}
Map withDifference(Map objective, double step) {
  objective["finiteDifference"] = step;
  return objective;
}
Map ladder(double from, double to, int levels) {
  return {{"kind", "denoisingScoreMatching"}, {"sigma", Map{{"from", from}, {"to", to}, {"levels", levels}}}};
}

// ---- The record of second derivatives ------------------------------------------------------------------------------

struct Recorded {
  at::Tensor score, curvature;
};
Recorded curvatureOf(const EnergyRef& energy, const at::Tensor& x, const at::Tensor& directions) {
  const Random random(1);
  Job job;
  TrainingStep step(*energy, random, job, 1, {});
  const Batch rows = energy->rows(x, {});
  step.begin(0, 1, rows, {});
  const ScoreAndCurvature v = step.curvature(rows, directions);
  return {v.score.detach(), v.curvature.detach()};
}

at::Tensor someRows(std::int64_t n = 700) { return gaussianRows(covariance(), n) * 0.5; }
at::Tensor someDirections(std::int64_t n, std::int64_t m) {
  return Random(3).normal(n * m, 2, 0, Stream::Project, at::TensorOptions(at::kDouble)).view({n, m, 2});
}

TEST(curvature_of_a_gaussian_is_its_precision) {
  const at::Tensor x = someRows(), v = someDirections(700, 3);
  const Recorded found = curvatureOf(gaussianEnergy({{0.5, 0.1}, {0.1, 0.7}}), x, v);
  const at::Tensor p = at::tensor({0.5, 0.1, 0.1, 0.7}, at::kDouble).view({2, 2});
  CHECK(distance(found.curvature, (v.matmul(p) * v).sum(2)) < 1e-13);
  CHECK(distance(found.score, -x.matmul(p)) < 1e-13);
}

TEST(curvature_of_a_network_is_the_slope_of_its_score) {
  const at::Tensor x = someRows(), v = someDirections(700, 2);
  for (const char* activation : {"silu", "tanh", "softplus", "gelu", "sigmoid"}) {
    const EnergyRef energy = mlpEnergy(activation);
    const Recorded found = curvatureOf(energy, x, v);
    CHECK(distance(found.score, -energy->energyAndGradient({x, {}}, 1).gradient) < 1e-13);
    const double h = 1e-5;
    for (std::int64_t m = 0; m < 2; ++m) {
      const at::Tensor along = v.select(1, m);
      const at::Tensor up = energy->energyAndGradient({x + h * along, {}}, 1).gradient;
      const at::Tensor down = energy->energyAndGradient({x - h * along, {}}, 1).gradient;
      // Truncation 1e-10 times the fourth derivative, rounding 1e-16 / 1e-5.
      CHECK(distance(found.curvature.select(1, m), ((up - down) * along).sum(1) / (2 * h)) < 1e-8);
    }
  }
}

TEST(gradients_of_score_matching_losses) {
  const at::Tensor x = someRows(300);  // two tiles
  checkGradient(mlpEnergy("silu"), x, explicitMatching());
  checkGradient(mlpEnergy("tanh"), x, {{"kind", "explicitScoreMatching"}, {"trace", "hutchinson"}, {"projections", 2}});
  checkGradient(mlpEnergy("softplus"), x, sliced("gaussian", 2));
  checkGradient(mlpEnergy("gelu"), x, sliced("sphere", 1, true));
  checkGradient(mlpEnergy("silu"), x, withDifference(sliced("rademacher", 2), 0.1));
  checkGradient(mlpEnergy("silu"), x, {{"kind", "denoisingScoreMatching"}, {"sigma", 0.4}, {"finiteDifference", 0.2}});
  checkGradient(gaussianEnergy({{0.5, 0.1}, {0.1, 0.7}}), x, explicitMatching());
  const Map conditional{
      {"kind", "conditional"}, {"input", 2}, {"condition", 1}, {"hidden", List{7, 6}}, {"activation", "silu"}};
  checkGradient(energyFrom(conditional), x, ladder(1.0, 0.1, 5));
  checkGradient(energyFrom(conditional), x, withDifference(ladder(1.0, 0.1, 5), 0.3));
}

// Float32 takes the fused tiles, three of them here, float64 takes tensors. Directions follow the row, not the tile.
TEST(tiles_of_a_step_equal_tensors) {
  const at::Tensor x = someRows(300);
  const auto gradient = [&](at::ScalarType dtype, const Map& spec, std::uint64_t seed) {
    const EnergyRef energy = mlpEnergy("silu", dtype);
    energy->parameters().flat().copy_(mlpEnergy("silu", at::kFloat)->parameters().flat());
    const Random random(seed);
    Job job;
    TrainingStep step(*energy, random, job, 1, {});
    step.begin(0, 1, energy->rows(x.to(dtype), {}), {});
    return step.run(*makeObjectiveFrom(spec), {}).gradient.to(at::kDouble);
  };
  for (const Map& spec : {explicitMatching(), sliced("rademacher", 2), sliced("rademacher", 1, true)}) {
    const at::Tensor tiles = gradient(at::kFloat, spec, 3), tensors = gradient(at::kDouble, spec, 3);
    CHECK(distance(tiles, tensors) < 1e-5);  // rounding of means of numbers of order one
    // A test of the test: other directions must be seen where there are any.
    if (spec.count("law")) CHECK(distance(tiles, gradient(at::kDouble, spec, 4)) > 1e-3);
  }
}

TEST(score_matching_does_not_depend_on_threads) {
  const at::Tensor x = someRows(3000);
  for (const Map& objective : {explicitMatching(), sliced("gaussian", 2)}) checkSameAtAnyThreads(x, objective, 1500);
}

// ---- Minimisers ----------------------------------------------------------------------------------------------------

// The loss with the sign of its trace flipped, to see that the test below would notice.
class FlippedTrace : public Objective {
 public:
  at::Tensor loss(StepContext& context) override {
    const at::Tensor axes = at::eye(2, at::kDouble).expand({context.batch.size(), 2, 2});
    const ScoreAndCurvature v = context.curvature(context.batch, axes);
    return (0.5 * v.score.square().sum(1) + v.curvature.sum(1)).mean();
  }
};

// d loss / dP = (S P + P S) / 2 - I: zero at P = inverse(S); 2 I there when the trace's sign is flipped.
TEST(explicit_score_matching_has_its_root_at_the_inverse_covariance) {
  const at::Tensor x = gaussianRows(covariance(), 5000), one = at::eye(2, at::kDouble);
  const auto gradientAt = [&](const at::Tensor& precision, Objective& objective) {
    const EnergyRef energy = gaussianEnergy({{1.0, 0.0}, {0.0, 1.0}});
    energy->parameters().flat().slice(0, 2, 6).copy_(precision.reshape({4}));
    const Random random(3);
    Job job;
    TrainingStep step(*energy, random, job, 1, {});
    step.begin(0, 1, {x, {}}, {});
    return symmetric(step.run(objective, {}).gradient.slice(0, 2, 6).view({2, 2}));
  };
  const auto objective = makeObjectiveFrom(explicitMatching()),
             signs = makeObjectiveFrom(sliced("rademacher", 1, true));
  const at::Tensor root = at::linalg_inv(covariance());
  CHECK(gradientAt(root, *objective).abs().max().item<double>() < 1e-12);
  CHECK(distance(gradientAt(one, *objective), covariance() - one) < 1e-12);
  FlippedTrace flipped;
  CHECK(distance(gradientAt(root, flipped), 2 * one) < 1e-12);
  // Signs along the axes of a diagonal precision see its trace exactly: v' P v = tr P whatever v.
  CHECK(distance(gradientAt(one, *signs).diagonal(), covariance().diagonal() - 1.0) < 1e-12);
}

// Twice the worst of 20 repeats with 20,000 random rows: 0.033 explicit, 0.044 sliced.
TEST(score_matching_recovers_the_precision) {
  const at::Tensor x = Random(21)
                           .normal(20000, 2, 0, Stream::Data, at::TensorOptions(at::kDouble))
                           .matmul(at::linalg_cholesky(covariance()).t());
  const at::Tensor p = at::linalg_inv(covariance());
  const auto fit = [&](const Map& objective) {
    const EnergyRef energy = gaussianEnergy({{0.5, 0.0}, {0.0, 0.5}});
    const Trained t = train(
        energy, x, {{"objective", objective}, {"optimizer", adam(0.05, 1e-4)}, {"steps", 300}, {"batchSize", 2000}});
    return distance(symmetric(t.parameters.at("precision")), p);
  };
  CHECK(fit(explicitMatching()) < 0.066);
  CHECK(fit({{"kind", "explicitScoreMatching"}, {"trace", "hutchinson"}}) < 0.088);
  CHECK(fit(sliced("rademacher", 1)) < 0.088);
  CHECK(fit(sliced("gaussian", 2)) < 0.088);
  CHECK(fit(sliced("sphere", 2, true)) < 0.088);
  CHECK(fit(withDifference(sliced("rademacher", 1), 0.1)) < 0.088);
  // The control: denoising at sigma 0.3 finds another precision.
  CHECK(fit({{"kind", "denoisingScoreMatching"}, {"sigma", 0.3}}) > 0.2);
}

TEST(denoising_by_differences_fits_the_blurred_law) {
  const EnergyRef energy = gaussianEnergy({{0.5, 0.0}, {0.0, 0.5}});
  const Trained t =
      train(energy, gaussianRows(covariance(), 20000),
            {{"objective", Map{{"kind", "denoisingScoreMatching"}, {"sigma", 0.3}, {"finiteDifference", 0.1}}},
             {"optimizer", adam(0.05, 1e-4)},
             {"steps", 400},
             {"batchSize", 2000}});
  const at::Tensor found = symmetric(t.parameters.at("precision"));
  CHECK(distance(found, at::linalg_inv(covariance() + 0.09 * at::eye(2, at::kDouble))) < 0.1);
  CHECK(distance(found, at::linalg_inv(covariance())) > 0.2);
}

// E(x, y) = x^2 / (2 (a + exp(2 y))): with y = log sigma and a the variance of the data it is the blurred law at every
// level. One row draws one level, so a is found by all of them together.
EnergyRef blurredEnergy(double a) {
  Builder b("test");
  const int x = b.input(1), y = b.continuousCondition(1);
  const int variance =
      b.add(b.parameterValue("a", at::full({1}, a, at::kDouble), true), b.apply("exp", {b.scale(y, 2)}));
  b.setEnergy(b.scale(b.apply("div", {b.square(x), variance}, 1), 0.5));
  return energyOf(b.finish());
}

TEST(a_ladder_of_sigmas_gives_every_level_its_blurred_law) {
  const at::Tensor x = gaussianRows(at::full({1, 1}, 1.7, at::kDouble), 20000);
  const auto fit = [&](const Map& objective) {
    const EnergyRef energy = blurredEnergy(0.8);
    train(energy, x, {{"objective", objective}, {"optimizer", adam(0.05, 1e-4)}, {"steps", 400}, {"batchSize", 2000}});
    return energy->parameters().flat()[0].item<double>();
  };
  // Twice the survey's worst error of a precision, 0.1, is 0.1 * 1.7^2 = 0.29 of this variance; eight levels share the
  // rows, and less than half of it will do. In one column the projection on a sign loses nothing.
  CHECK_NEAR(fit(ladder(2.0, 0.1, 8)), 1.7, 0.12);
  CHECK_NEAR(fit(withDifference(ladder(2.0, 0.1, 8), 0.1)), 1.7, 0.12);
}

TEST(a_ladder_draws_every_level_and_hands_over_log_sigma) {
  const EnergyRef energy = blurredEnergy(1.7);
  const at::Tensor x = gaussianRows(at::eye(1, at::kDouble), 4000);
  const Random random(4);
  Job job;
  const auto objective = makeObjectiveFrom(ladder(2.0, 0.5, 3));
  CHECK(objective->givesCondition());
  objective->prepare(*energy, {x, {}}, {}, random);
  TrainingStep step(*energy, random, job, 1, {});
  step.begin(0, 1, {x, {}}, {});
  const TrainingStep::Result result = step.run(*objective, {});
  const at::Tensor y = result.rows.at(0).y;
  const double logs[] = {std::log(2.0), 0.0, std::log(0.5)};
  for (double level : logs) {
    // Binomial(4000, 1/3): sd 29.8; 4.5 of them.
    CHECK_NEAR((y - level).abs().lt(1e-12).sum().item<double>(), 4000.0 / 3, 4.5 * 29.8);
  }
  // The weight sigma^2: the loss is |sigma s + e|^2 / 2 on the corrupted rows, e = (x~ - x) / sigma.
  const at::Tensor sigma = y.exp(), noisy = result.rows[0].x;
  const at::Tensor score = -energy->energyAndGradient({noisy, y}, 1).gradient;
  const double wanted = 0.5 * (sigma * score + (noisy - x) / sigma).square().sum(1).mean().item<double>();
  CHECK_NEAR(result.loss, wanted, 1e-12);
}

// ---- Finite differences --------------------------------------------------------------------------------------------

// The error of a difference of step h is c h^2 + O(h^4): halving h quarters it.
TEST(finite_differences_agree_to_second_order) {
  const at::Tensor x = someRows(300);
  const EnergyRef energy = mlpEnergy("tanh");
  const Evaluation exact = evaluate(energy, x, sliced("gaussian", 2), 3);
  const auto errors = [&](double h) {
    const Evaluation e = evaluate(energy, x, withDifference(sliced("gaussian", 2), h), 3);
    double worst = 0;
    for (const auto& [name, g] : exact.gradient) worst = std::max(worst, distance(g, e.gradient.at(name)));
    return std::pair<double, double>(std::abs(e.loss - exact.loss), worst);
  };
  const auto [loss1, gradient1] = errors(0.1);
  const auto [loss2, gradient2] = errors(0.05);
  CHECK(loss1 > 1e-7);
  CHECK_NEAR(loss1 / loss2, 4.0, 0.1);
  CHECK_NEAR(gradient1 / gradient2, 4.0, 0.3);
}

TEST(denoising_differences_agree_to_second_order) {
  const at::Tensor x = someRows(300);
  const double sigma = 0.4;
  const EnergyRef energy = mlpEnergy("tanh");
  const Random random(3);
  const at::Tensor e = random.normal(300, 2, 0, Stream::Corrupt, x.options());
  const at::Tensor v = random.uniform(300, 2, 0, Stream::Project, x.options()).lt(0.5).to(at::kDouble) * 2 - 1;
  const at::Tensor score = -energy->energyAndGradient({x + sigma * e, {}}, 1).gradient;
  const double exact = 0.5 * ((sigma * score + e) * v).sum(1).square().mean().item<double>();
  const auto error = [&](double f) {
    return std::abs(
        evaluate(energy, x, {{"kind", "denoisingScoreMatching"}, {"sigma", sigma}, {"finiteDifference", f}}, 3).loss -
        exact);
  };
  CHECK(error(0.2) > 1e-7);
  CHECK_NEAR(error(0.2) / error(0.1), 4.0, 0.1);
}

// ---- What the directions are ---------------------------------------------------------------------------------------

// The mean over directions of the sliced loss is the explicit one for every law; at 4.5 standard errors of the m-means.
TEST(sliced_losses_average_to_the_explicit_one) {
  const at::Tensor x = someRows(400);
  const EnergyRef energy = mlpEnergy("silu");
  const double exact = evaluate(energy, x, explicitMatching(), 0).loss;
  for (const char* law : {"gaussian", "rademacher", "sphere"}) {
    for (const bool reduced : {false, true}) {
      std::vector<double> losses;
      for (int seed = 0; seed < 40; ++seed) losses.push_back(evaluate(energy, x, sliced(law, 4, reduced), seed).loss);
      const at::Tensor all = at::tensor(losses, at::kDouble);
      const double error = all.std().item<double>() / std::sqrt(40.0);
      CHECK_NEAR(all.mean().item<double>(), exact, 4.5 * error + 1e-12);
      // A law with E[v v'] = 1.05 I would miss it: the test resolves that much.
      CHECK(error < 0.01 * std::abs(exact));
    }
  }
}

TEST(hutchinson_and_variance_reduced_slices_are_one) {
  const at::Tensor x = someRows(300);
  const EnergyRef energy = mlpEnergy("silu");
  const Map hutchinson{{"kind", "explicitScoreMatching"}, {"trace", "hutchinson"}, {"projections", 3}};
  CHECK_NEAR(evaluate(energy, x, hutchinson, 5).loss, evaluate(energy, x, sliced("rademacher", 3, true), 5).loss,
             1e-13);
}

// ---- What score matching cannot see, and what it refuses -----------------------------------------------------------

// Modes of sd 1 at -6 and 6, the left one with the weight 1 / (1 + exp(-theta)).
EnergyRef twoModes(double theta) {
  Builder b("test");
  const int x = b.input(1);
  const int logit = b.parameterValue("theta", at::full({1}, theta, at::kDouble), true);
  const auto term = [&](double mean, int logWeight) {
    return b.add(b.scale(b.square(b.affine(x, 1, -mean)), -0.5), logWeight);
  };
  // log sigmoid(t) = -softplus(-t)
  const int left = term(-6, b.scale(b.apply("softplus", {b.scale(logit, -1)}), -1));
  const int right = term(6, b.scale(b.apply("softplus", {logit}), -1));
  b.setEnergy(b.apply("neg", {b.apply("logsumexp", {b.concat({left, right})}, 1)}, 1));
  return energyOf(b.finish());
}

TEST(score_matching_is_blind_to_mode_weights) {
  // 0.9 of the rows on the left, exactly.
  const std::int64_t n = 4000;
  at::Tensor x = Random(31).normal(n, 1, 0, Stream::Data, at::TensorOptions(at::kDouble));
  x = x + at::where(at::arange(n).lt(9 * n / 10), -6.0, 6.0).to(at::kDouble).unsqueeze(1);
  const auto weightError = [&](const Map& objective) {
    const EnergyRef energy = twoModes(0.0);
    train(energy, x, {{"objective", objective}, {"optimizer", adam(0.05, 0.005)}, {"steps", 300}, {"batchSize", 1000}});
    return std::abs(1 / (1 + std::exp(-energy->parameters().flat()[0].item<double>())) - 0.9);
  };
  const auto lossAt = [&](double weight) {
    return evaluate(twoModes(std::log(weight / (1 - weight))), x, explicitMatching(), 0).loss;
  };
  CHECK(std::abs(lossAt(0.9) - lossAt(0.5)) < 1e-4);
  CHECK(weightError({{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "gaussian"}, {"sd", 6.0}}}, {"ratio", 4}}) <
        0.03);
  CHECK(weightError(explicitMatching()) > 0.2);
  CHECK(weightError(sliced("rademacher", 1)) > 0.2);
}

TEST(vanishing_second_derivatives_are_refused) {
  const at::Tensor x = someRows(20);
  const std::vector<Map> all{explicitMatching(), sliced("gaussian", 1), withDifference(sliced("gaussian", 1), 0.1),
                             Map{{"kind", "denoisingScoreMatching"}, {"sigma", 0.3}, {"finiteDifference", 0.1}}};
  for (const Map& objective : all) {
    for (const char* activation : {"relu", "leakyRelu"}) {
      try {
        evaluate(mlpEnergy(activation), x, objective, 0);
        fail(__FILE__, __LINE__, "nothing was thrown");
      } catch (const Error& error) {
        CHECK(error.code == Code::Unsupported);
        CHECK(std::string(error.what()).find(activation) != std::string::npos);
      }
    }
  }
}

TEST(a_ladder_refuses_energies_and_data_it_cannot_use) {
  const at::Tensor x = someRows(20);
  CHECK_THROWS(evaluate(mlpEnergy("silu"), x, ladder(1, 0.1, 3), 0), Error);
  CHECK_THROWS(evaluate(blurredEnergy(1), x.slice(1, 0, 1), ladder(1, 0.1, 3), 0, at::zeros({20, 1}, at::kDouble)),
               Error);
}

}  // namespace
}  // namespace langevin::test::score_matching_test
