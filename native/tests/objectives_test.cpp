// Objectives against closed forms on Gaussian energies, their gradients against central differences, and controls:
// samplers that are wrong on purpose must miss the very targets the right one hits.
//
// Data rows are standardised exactly, so what is left of the noise is the sampler's and the negatives'. Where a check
// is statistical its tolerance is 4.5 standard errors (a false alarm rate of 7e-6) as derived beside it; seeds are
// fixed, so a passing check stays passing.
#include <cmath>
#include <functional>
#include <numbers>

#include "check.hpp"
#include "divergence_support.hpp"
#include "gradient_check.hpp"
#include "training_support.hpp"

namespace langevin::test::objectives_test {
namespace {

Map langevinSampler(double h, int steps = 1) {
  return {{"kind", "langevin"}, {"steps", steps}, {"stepSize", h}, {"form", "proper"}};
}

// P of v P (1 - h P / 4) = 1.
double biasedPrecision(double v, double h) { return (1.0 - std::sqrt(1.0 - h / v)) * 2.0 / h; }

// ---- Contrastive divergence ----------------------------------------------------------------------------------------

// x' = a x + sqrt(h) xi with a = 1 - h P / 2. The noise is known by its counter, so the two zero-mean terms it brings
// into the gradient are taken out exactly and what is left is the expectation.
double expectedCdGradient(double h, double precision, double variance) {
  const EnergyRef energy = gaussianEnergy({{precision}});
  const at::Tensor x = gaussianRows(at::full({1, 1}, variance, at::kDouble), 1000);
  const Evaluation e = evaluate(energy, x, {{"kind", "contrastiveDivergence"}, {"sampler", langevinSampler(h)}}, 5);
  const at::Tensor xi = Random(5).normal(1000, 1, 0, Stream::Noise, x.options());
  const double a = 1.0 - 0.5 * h * precision;
  const double cross = (x * xi).mean().item<double>(), square = xi.square().mean().item<double>();
  return e.gradient.at("precision").item<double>() + a * std::sqrt(h) * cross + 0.5 * h * (square - 1.0);
}

TEST(cd1_tends_to_score_matching) {
  // Score matching: d/dP E[s^2 / 2 + s'] = v P - 1 = 0.53.
  const double steps[] = {0.5, 0.1, 0.02, 0.004}, wanted[] = {0.358, 0.496, 0.523, 0.529};
  for (int i = 0; i < 4; ++i) {
    const double g = expectedCdGradient(steps[i], 0.9, 1.7) / (0.5 * steps[i]);
    CHECK_NEAR(g, wanted[i], 6e-4);  // three published digits
    const double a = 1.0 - 0.45 * steps[i];
    CHECK_NEAR(g, (1.7 * (1.0 - a * a) - steps[i]) / steps[i], 2e-6);  // numbers carry float32 resolution
  }
  CHECK_NEAR(expectedCdGradient(0.004, 0.9, 1.7) / 0.002, 0.53, 0.0053);
}

// Fits P to `rows` numbers of variance 1 by plain gradient descent on the objective, whatever its sampler. A run that
// diverges gives NaN.
double fitPrecision(Objective& objective, std::int64_t rows, double lr, int steps) {
  const EnergyRef energy = gaussianEnergy({{0.5}});
  try {
    return descend(energy, objective, gaussianRows(at::eye(1, at::kDouble), rows), lr, steps)[1].item<double>();
  } catch (const Error& error) {
    CHECK(error.code == Code::Diverged);
    return std::nan("");
  }
}

// The gradient's noise is a sqrt(h / n) = 0.0033 and its slope at the root h a / 2 = 0.0475; the mean of 300 steps
// scatters by 0.0033 / (0.0475 sqrt(300)) = 0.0040, and 4.5 of them are 0.018: less than the bias of 0.0263.
constexpr double kPrecisionTolerance = 0.018;
double fitCd(std::shared_ptr<const Sampler> sampler, std::int64_t rows = 8192, int steps = 400) {
  const auto objective = makeContrastiveDivergence(std::move(sampler));
  return fitPrecision(*objective, rows, 4.0, steps);
}

TEST(cd1_has_the_bias_of_unadjusted_langevin) {
  CHECK_NEAR(biasedPrecision(1.0, 0.1), 1.0263, 5e-5);
  CHECK_NEAR(fitCd(makeSamplerFrom(langevinSampler(0.1))), 1.0263, kPrecisionTolerance);
}

// Metropolis' test makes the kernel exact, and CD-k with an exact kernel has the data's precision as its root. The
// noise of the gradient is at most that of fresh draws, 1 / sqrt(2 n) = 0.011, and its slope at least that of one
// Langevin step of h = 0.5, 0.2: 100 steps scatter by at most 0.0057.
TEST(cd_with_mala_is_unbiased) {
  const auto objective =
      makeContrastiveDivergence(makeSamplerFrom({{"kind", "mala"}, {"steps", 2}, {"stepSize", 0.5}}));
  CHECK_NEAR(fitPrecision(*objective, 4096, 1.0, 134), 1.0, 4.5 * 0.0057);
}

class WrongSampler : public Sampler {
 public:
  using Move = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& noise)>;
  explicit WrongSampler(Move move) : Sampler(common()), move_(std::move(move)) {}
  Traits traits() const override { return {}; }
  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random, Tally&) const override {
    const at::Tensor noise = random.normal(chains.size(), chains.x.size(1), clock.counter, Stream::Noise,
                                           chains.x.options(), chains.firstChain);
    chains.x = move_(chains.x, chains.gradient, noise);
    const EnergyAndGradient v = target.energyAndGradient({chains.x, chains.y});
    chains.energy = v.energy;
    chains.gradient = v.gradient;
  }

 private:
  static CommonOptions common() {
    CommonOptions o;
    o.steps = 1;
    o.stepSize = Schedule(0.1);
    return o;
  }
  Move move_;
};

// The tests of the test: every fake must miss 1.0263.
TEST(control_samplers_miss_the_bias) {
  const double root = std::sqrt(0.1);
  const auto misses = [](double p) { return !(std::abs(p - 1.0263) <= kPrecisionTolerance); };
  // The fakes are far off, so fewer rows and steps show it.
  const auto fit = [](WrongSampler::Move move) {
    return fitCd(std::make_shared<WrongSampler>(std::move(move)), 1024, 100);
  };
  const double start = fit([](const auto& x, const auto&, const auto&) { return x; });
  CHECK(misses(start));
  CHECK_NEAR(start, 0.5, 1e-12);  // no gradient, no training
  // Exact draws of the data's law, whatever the model: P is pushed nowhere in particular.
  CHECK(misses(fit([](const auto&, const auto&, const auto& noise) { return noise; })));
  // The drift's sign flipped; noise twice as strong as the step says; none at all.
  CHECK(misses(fit([root](const auto& x, const auto& g, const auto& xi) { return x + 0.05 * g + root * xi; })));
  CHECK(misses(fit([root](const auto& x, const auto& g, const auto& xi) { return x - 0.05 * g + 2 * root * xi; })));
  CHECK(misses(fit([](const auto& x, const auto& g, const auto&) { return x - 0.05 * g; })));
  // And the same seam with the right formula hits it.
  const auto right = [root](const auto& x, const auto& g, const auto& xi) { return x - 0.05 * g + root * xi; };
  CHECK(!misses(fitCd(std::make_shared<WrongSampler>(right))));
}

// k steps whatever the sampler says, with the schedule and the random numbers of a sampler of k steps.
TEST(cd_k_overrides_the_steps_of_the_sampler) {
  const EnergyRef energy = gaussianEnergy({{0.9}});
  const at::Tensor x = gaussianRows(at::eye(1, at::kDouble), 64);
  Map given{{"kind", "contrastiveDivergence"}, {"sampler", langevinSampler(0.1, 1)}, {"k", 4}};
  const Evaluation k = evaluate(energy, x, given, 5);
  CHECK(k.rows.at(0).equal(
      evaluate(energy, x, {{"kind", "contrastiveDivergence"}, {"sampler", langevinSampler(0.1, 4)}}, 5).rows.at(0)));
}

// Chains' squares are correlated over steps with rho = 0.9025^5 = 0.6, which doubles the scatter; the noise of a mean
// of squares is sqrt(2 / n) / 2 = 0.011 and the slope 0.53: the mean of 150 steps scatters by 0.0034.
TEST(pcd_has_the_bias_of_unadjusted_langevin) {
  const auto objective =
      makeObjectiveFrom({{"kind", "persistentContrastiveDivergence"},
                         {"sampler", langevinSampler(0.1, 5)},
                         {"buffer", Map{{"size", 4096}, {"reinit", 0.0}, {"reinitFrom", "normal"}}}});
  CHECK_NEAR(fitPrecision(*objective, 4096, 0.3, 200), 1.0263, 4.5 * 0.0034);
}

// ---- Noise-contrastive estimation, score matching, maximum likelihood ----------------------------------------------

const at::Tensor& covariance() {
  static const at::Tensor s = at::tensor({1.0, 0.8, 0.8, 1.5}, at::kDouble).view({2, 2});
  return s;
}
double distance(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }
at::Tensor symmetric(const at::Tensor& p) { return 0.5 * (p + p.t()); }

TEST(nce_recovers_precision_and_log_z) {
  const EnergyRef energy = gaussianEnergy({{0.5, 0.0}, {0.0, 0.5}});
  const at::Tensor x = gaussianRows(covariance(), 20000);
  const Trained t = train(
      energy, x,
      {{"objective", Map{{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "gaussian"}, {"sd", std::sqrt(2.0)}}}}},
       {"optimizer", adam(0.05, 1e-4)},
       {"steps", 1000},
       {"batchSize", 2000}});
  const at::Tensor precision = at::linalg_inv(covariance());
  const double logZ = std::log(2 * std::numbers::pi) + 0.5 * std::log(at::linalg_det(covariance()).item<double>());
  // Worst of 20 repeats at this n: 0.039 and 0.020 (specs of the method); twice that.
  CHECK(distance(symmetric(t.parameters.at("precision")), precision) < 0.078);
  CHECK_NEAR(t.extras.at("logZ"), logZ, 0.04);
  // The control: log Z of the starting energy, and a log Z that is not learned, are far off.
  CHECK(std::abs(std::log(4 * std::numbers::pi) - logZ) > 0.4);
}

TEST(nce_logits_vanish_when_noise_is_the_model) {
  const EnergyRef energy = gaussianEnergy({{0.5, 0.0}, {0.0, 0.5}});
  const at::Tensor x = gaussianRows(covariance(), 64);
  const Evaluation e = evaluate(
      energy, x,
      {{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "gaussian"}, {"sd", std::sqrt(2.0)}}}, {"ratio", 3}}, 1);
  // E + log Z + log p_noise = 0 everywhere: u = -log 3, and the importance weights of the log Z estimate are constant.
  CHECK_NEAR(e.extras.at("logZ"), std::log(4 * std::numbers::pi), 1e-12);
  CHECK_NEAR(e.loss, std::log1p(3.0) + 3 * std::log1p(1.0 / 3.0), 1e-12);
}

TEST(dsm_fits_the_blurred_law) {
  const EnergyRef energy = gaussianEnergy({{0.5, 0.0}, {0.0, 0.5}});
  const double sigma = 0.3;
  const Trained t = train(energy, gaussianRows(covariance(), 20000),
                          {{"objective", Map{{"kind", "denoisingScoreMatching"}, {"sigma", sigma}}},
                           {"optimizer", adam(0.05, 1e-4)},
                           {"steps", 1000},
                           {"batchSize", 2000}});
  const at::Tensor blurred = at::linalg_inv(covariance() + sigma * sigma * at::eye(2, at::kDouble));
  const at::Tensor found = symmetric(t.parameters.at("precision"));
  CHECK(distance(found, blurred) < 0.1);                       // twice the worst of 20 repeats
  CHECK(distance(found, at::linalg_inv(covariance())) > 0.2);  // recovering P itself would be wrong
}

TEST(dsm_refuses_piecewise_linear_energies) {
  const EnergyRef energy = mlpEnergy("relu");
  try {
    evaluate(energy, gaussianRows(covariance(), 8), {{"kind", "denoisingScoreMatching"}, {"sigma", 0.3}}, 0);
    fail(__FILE__, __LINE__, "nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.code == Code::Unsupported);
    CHECK(std::string(error.what()).find("relu") != std::string::npos);
  }
}

TEST(maximum_likelihood_on_a_grid_recovers_the_gaussian) {
  for (const bool jitter : {false, true}) {
    const EnergyRef energy = gaussianEnergy({{0.5, 0.0}, {0.0, 0.5}});
    const Trained t = train(energy, gaussianRows(covariance(), 4000),
                            {{"objective", Map{{"kind", "maximumLikelihood"},
                                               {"box", Map{{"low", -9.0}, {"high", 9.0}}},
                                               {"cells", 60},
                                               {"jitter", jitter}}},
                             {"optimizer", adam(0.05, 1e-4)},
                             {"steps", 400},
                             {"batchSize", 4000}});
    // The covariance of the rows is exact and a grid of 0.3 on a smooth Gaussian has no error: what is left is Adam's.
    CHECK(distance(symmetric(t.parameters.at("precision")), at::linalg_inv(covariance())) < 2e-3);
    CHECK_NEAR(t.monitors.at("logZ"), std::log(2 * std::numbers::pi) + 0.5 * std::log(0.86), 2e-3);
  }
}

// ---- Gradients against central differences -------------------------------------------------------------------------

at::Tensor someRows(std::int64_t n = 700) { return gaussianRows(covariance(), n) * 0.5; }

TEST(gradients_of_losses_with_fixed_noise) {
  const at::Tensor x = someRows();  // three tiles
  checkGradient(mlpEnergy("silu"), x,
                {{"kind", "maximumLikelihood"}, {"box", Map{{"low", -4.0}, {"high", 4.0}}}, {"cells", 20}});
  checkGradient(mlpEnergy("tanh"), x, {{"kind", "denoisingScoreMatching"}, {"sigma", 0.4}});
  checkGradient(mlpEnergy("gelu"), x,
                {{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "dataGaussian"}}}, {"ratio", 2}}, {},
                {{"logZ", 0.3}});
  checkGradient(gaussianEnergy({{0.5, 0.1}, {0.1, 0.7}}), x, {{"kind", "denoisingScoreMatching"}, {"sigma", 0.4}});
}

TEST(gradients_of_supervised_losses) {
  const at::Tensor x = someRows(300);
  const at::Tensor labels = Random(2).index(300, 3, 0, Stream::Data);
  checkGradient(energyFrom({{"kind", "classifier"}, {"input", 2}, {"hidden", List{6}}, {"classes", 3}}), x,
                {{"kind", "crossEntropy"}}, labels);
  checkGradient(energyFrom({{"kind", "regressor"}, {"input", 1}, {"output", 1}, {"hidden", List{6}}}), x,
                {{"kind", "meanSquaredError"}});
  checkGradient(
      energyFrom({{"kind", "mixtureDensity"}, {"input", 1}, {"output", 1}, {"hidden", List{6}}, {"components", 2}}), x,
      {{"kind", "negativeLogLikelihood"}});
}

// A collapsed classifier is right about one class, not about all of them.
TEST(equal_logits_choose_one_class) {
  const EnergyRef energy = energyFrom({{"kind", "classifier"}, {"input", 2}, {"hidden", List{6}}, {"classes", 3}});
  energy->parameters().flat().zero_();
  const at::Tensor labels = Random(2).index(300, 3, 0, Stream::Data);
  const Evaluation e = evaluate(energy, someRows(300), {{"kind", "crossEntropy"}}, 3, labels);
  CHECK_NEAR(e.loss, std::log(3.0), 1e-12);
  CHECK_NEAR(e.monitors.at("accuracy"), labels.eq(0).to(at::kDouble).mean().item<double>(), 1e-12);
}

// Negatives depend on the weights but are held fixed in the loss: the difference quotient is taken on the very rows the
// objective evaluated.
TEST(gradients_of_contrastive_losses) {
  const at::Tensor x = someRows();
  for (const char* kind : {"contrastiveDivergence", "persistentContrastiveDivergence"}) {
    const EnergyRef energy = mlpEnergy("silu");
    const Evaluation e = evaluate(energy, x, {{"kind", kind}, {"sampler", langevinSampler(0.1, 3)}}, 3);
    const at::Tensor rows = e.rows.at(0);
    CHECK(rows.size(0) == 1400);
    CHECK(rows.slice(0, 0, 700).equal(x));
    CHECK(!rows.slice(0, 700).equal(x));
    const double worst = gradientError(energy, e.gradient, [&] {
      const at::Tensor energies = energy->energyOf({rows, {}});
      return energies.slice(0, 0, 700).mean().item<double>() - energies.slice(0, 700).mean().item<double>();
    });
    CHECK_NEAR(worst, 0.0, kGradientTolerance);
  }
}

TEST(gradients_of_penalties) {
  const at::Tensor x = someRows(300);
  const EnergyRef energy = mlpEnergy("softplus");
  const Map objective{{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "dataGaussian"}}}, {"logZ", 0.3}};
  const Map penalties{{"energy", 0.1}, {"gradient", 0.2}, {"l1", 0.05}};
  const auto total = [&](const Evaluation& e) {
    return e.loss + e.monitors.at("energyPenalty") + e.monitors.at("gradientPenalty") + e.monitors.at("l1Penalty");
  };
  const auto at3 = [&] { return evaluate(energy, x, objective, 3, {}, {}, penalties); };
  const Evaluation e = at3();
  CHECK(e.monitors.at("gradientPenalty") > 1e-3);
  CHECK_NEAR(e.monitors.at("l1Penalty"), 0.05 * energy->parameters().flat().abs().sum().item<double>(), 1e-12);
  CHECK_NEAR(gradientError(energy, e.gradient, [&] { return total(at3()); }), 0.0, kGradientTolerance);
}

// mean E^2 + 2 mean E, with the derivative of the square in closed form, times `factor`, or by the graph.
class SquarePlusMean : public Objective {
 public:
  SquarePlusMean(bool closed, double factor) : closed_(closed), factor_(factor) {}
  at::Tensor loss(StepContext& context) override {
    const at::Tensor e = context.energy(context.batch), mean = 2 * e.mean();
    if (!closed_) return e.square().mean() + mean;
    const at::Tensor slope = e.detach() * (2 * factor_ / static_cast<double>(e.numel()));
    const double square = e.square().mean().item<double>();
    return context.lossWithGradients(square, {{stranger_ ? e.detach() : e, slope}}) + mean;
  }
  bool stranger_ = false;  // derives by something that was not recorded

 private:
  bool closed_;
  double factor_;
};

TEST(derivatives_in_closed_form_add_to_those_of_the_graph) {
  const EnergyRef energy = mlpEnergy("silu");
  const at::Tensor x = someRows(300);
  const auto gradient = [&](bool closed, double factor) {
    SquarePlusMean objective(closed, factor);
    return once(energy, objective, x);
  };
  const auto graph = gradient(false, 1), closed = gradient(true, 1), wrong = gradient(true, 1.001);
  CHECK_NEAR(closed.loss, graph.loss, 1e-13 * std::abs(graph.loss));
  const double scale = graph.gradient.abs().max().item<double>();
  const auto distance = [&](const TrainingStep::Result& one) {
    return (one.gradient - graph.gradient).abs().max().item<double>() / scale;
  };
  CHECK_NEAR(distance(closed), 0, 1e-13);  // float64, sums in the same order
  CHECK(distance(wrong) > 1e-5);
  SquarePlusMean stranger(true, 1);
  stranger.stranger_ = true;
  CHECK_THROWS(once(energy, stranger, x), Error);
}

// A gradient test that cannot fail proves nothing: a gradient of the wrong sign or scale must be caught.
TEST(control_wrong_gradients_are_caught) {
  const at::Tensor x = someRows(300);
  const EnergyRef energy = mlpEnergy("silu");
  const Map objective{{"kind", "denoisingScoreMatching"}, {"sigma", 0.4}};
  std::map<std::string, at::Tensor> flipped, scaled;
  for (const auto& [name, g] : evaluate(energy, x, objective, 3).gradient) {
    flipped[name] = -g;
    scaled[name] = g * 1.001;
  }
  const auto loss = [&] { return evaluate(energy, x, objective, 3).loss; };
  CHECK(gradientError(energy, flipped, loss) > 1e-3);
  CHECK(gradientError(energy, scaled, loss) > 10 * kGradientTolerance);
}

TEST(refusals_name_the_reason) {
  const at::Tensor x = someRows(20);
  const auto refused = [&](const EnergyRef& energy, const Map& objective, Code code, const char* word,
                           const at::Tensor& y = {}) {
    try {
      evaluate(energy, x, objective, 0, y);
    } catch (const Error& error) {
      return error.code == code && std::string(error.what()).find(word) != std::string::npos;
    }
    return false;
  };
  const EnergyRef mlp = mlpEnergy("silu");
  CHECK(refused(mlp, {{"kind", "negativeLogLikelihood"}}, Code::Unsupported, "normalised"));
  CHECK(refused(mlp, {{"kind", "crossEntropy"}}, Code::Unsupported, "logits"));
  CHECK(refused(mlp, {{"kind", "meanSquaredError"}}, Code::Unsupported, "outputs"));
  CHECK(refused(mlp, {{"kind", "maximumLikelihood"}, {"box", Map{{"low", -0.1}, {"high", 0.1}}}}, Code::InvalidOption,
                "outside the box"));
  CHECK(refused(mlp, {{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "uniform"}, {"low", -0.1}, {"high", 9.0}}}},
                Code::InvalidOption, "cover"));
  const EnergyRef classifier = energyFrom({{"kind", "classifier"}, {"input", 2}, {"hidden", List{4}}, {"classes", 3}});
  CHECK(refused(classifier, {{"kind", "crossEntropy"}}, Code::InvalidOption, "labels"));
  CHECK(refused(classifier, {{"kind", "crossEntropy"}}, Code::InvalidOption, "class 3", at::full({20}, 3, at::kLong)));
}

}  // namespace
}  // namespace langevin::test::objectives_test
