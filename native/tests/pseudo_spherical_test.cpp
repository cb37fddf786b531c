// Pseudo-spherical contrastive divergence against quadrature: objective, gradient, optima, invariance, robustness.
// Expected numbers: quadrature of the gamma-score on the toy mixture and a Gaussian model (its maxima by Newton), and
// its derivatives by finite differences. Negatives are exact draws of the model, so nothing but their noise is left.
#include <numbers>

#include "check.hpp"
#include "divergence_support.hpp"
#include "objectives/support.hpp"

namespace langevin::test::pseudo_spherical_test {
namespace {

constexpr double kToyMean = 0.33 * -1 + 0.67 * 2;

// The surrogate's derivatives in (mean, log sd) at mean 0.3, log sd 0.2.
struct Gradient {
  double mean, logSd;
};
Gradient gradientAt(Objective& objective, std::int64_t rows) {
  const EnergyRef energy = gaussian1d(0.3, std::exp(0.2));
  const at::Tensor g = once(energy, objective, toyRows(rows)).gradient;
  return {g[0].item<double>(), -2.0 * std::exp(-0.4) * g[1].item<double>()};
}

// With 2e5 exact draws the weighted means scatter by at most 0.003, the quantile rows carry less than 1e-3.
constexpr double kGradientTolerance = 0.01;
bool isRight(const Gradient& g) {
  return std::abs(g.mean + 0.084079) <= kGradientTolerance && std::abs(g.logSd + 0.686550) <= kGradientTolerance;
}

TEST(gradient_is_the_one_of_the_gamma_score) {
  const auto objective = makePseudoSpherical(0.5, exactChains(200000));
  CHECK(isRight(gradientAt(*objective, 200000)));
}

// What a wrong implementation would do, through the same seam.
class Wrong : public Objective {
 public:
  using Loss = std::function<at::Tensor(const at::Tensor& data, const at::Tensor& negatives)>;
  Wrong(Loss loss, std::int64_t count) : loss_(std::move(loss)), chains_(exactChains(count)) {}
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random& random) override {
    chains_.prepare(model, data, random);
  }
  at::Tensor loss(StepContext& context) override {
    const EnergyPair e = energiesOf(context, context.batch, chains_.advance(context));
    return loss_(e.data, e.negatives);
  }

 private:
  Loss loss_;
  PersistentChains chains_;
};

at::Tensor dataTerm(const at::Tensor& e, double gamma) {
  return -((-gamma * e).logsumexp(0) - std::log(static_cast<double>(e.size(0)))) / gamma;
}
at::Tensor rightLoss(const at::Tensor& data, const at::Tensor& negatives) {
  return dataTerm(data, 0.5) - ((-0.5 * negatives.detach()).softmax(0) * negatives).sum();
}
at::Tensor weightsNotDetached(const at::Tensor& data, const at::Tensor& negatives) {
  return dataTerm(data, 0.5) - ((-0.5 * negatives).softmax(0) * negatives).sum();
}
at::Tensor negativesUnweighted(const at::Tensor& data, const at::Tensor& negatives) {
  return dataTerm(data, 0.5) - negatives.mean();
}

TEST(control_gradients_miss) {
  CHECK(!isRight(gradientAt(*makePseudoSpherical(-0.5, exactChains(20000)), 20000)));  // the sign of gamma flipped
  CHECK(!isRight(gradientAt(*makePseudoSpherical(0, exactChains(20000)), 20000)));     // contrastive divergence
  Wrong attached(weightsNotDetached, 20000), unweighted(negativesUnweighted, 20000);
  CHECK(!isRight(gradientAt(attached, 20000)));
  CHECK(!isRight(gradientAt(unweighted, 20000)));
  Wrong right(rightLoss, 200000);
  CHECK(isRight(gradientAt(right, 200000)));
}

// 1 / (gamma + 1) log of the integral of exp(-(gamma + 1) x^2 / 2) is known; the data term is the loss on the data's
// side. Its negatives' side is the weighted mean of E under the model, here gamma-tilted: 1 / (2 (1 + gamma)).
TEST(objective_value_is_the_quadrature) {
  const double gammas[] = {0.5, 1.0}, wanted[] = {1.701137, 1.206036};
  for (int i = 0; i < 2; ++i) {
    const double gamma = gammas[i];
    const EnergyRef energy = gaussian1d(0, 1);
    const auto objective = makePseudoSpherical(gamma, exactChains(200000));
    const TrainingStep::Result r = once(energy, *objective, toyRows(20000));
    const double logIntegral = 0.5 * std::log(2 * std::numbers::pi / (gamma + 1));
    const double value = r.loss + 0.5 / (1 + gamma) + logIntegral / (gamma + 1);
    CHECK_NEAR(value, wanted[i], 0.01 * wanted[i]);
    // exp(-2 gamma E) against exp(-gamma E) squared under N(0, 1): (1 + 2 gamma)^(1/2) / (1 + gamma) of the draws.
    const double share = r.monitors.at("effectiveNegatives") / 20000;
    CHECK_NEAR(share, std::sqrt(1 + 2 * gamma) / (1 + gamma), 0.01);
  }
}

struct Found {
  double mean, sd;
};
Found optimum(double gamma, const at::Tensor& x, double mean, double sd, double lr = 0.02) {
  const EnergyRef energy = gaussian1d(mean, sd);
  const auto objective = makePseudoSpherical(gamma, exactChains(4096));
  fit(energy, *objective, x, lr, 300);
  return {meanOf(energy), sdOf(energy)};
}
void checkNear(const Found& found, double mean, double sd, double tolerance) {
  CHECK_NEAR(found.mean, mean, tolerance);
  CHECK_NEAR(found.sd, sd, tolerance);
}
// A model step's weighted mean of 4,096 draws scatters by sd / sqrt(4096 share) = 0.03 to 0.04, and the end of a cosine
// of 300 steps averages about 30 of them: 0.007. The tolerance is four of those.
constexpr double kOptimum = 0.03;

// gamma = -0.9 is not among them: below -0.5 the weights exp(-gamma E) of a Gaussian model have infinite variance, and
// with 4,000 negatives a step the fit ends at 1.60 to 1.63, 1.35 in place of 1.7957, 1.4009.
TEST(optima_of_the_toy) {
  struct Wanted {
    double gamma, mean, sd;
  };
  const at::Tensor x = toyRows(4000);
  for (const Wanted& w : {Wanted{-0.5, 1.2231, 1.5866}, Wanted{-0.25, 1.0924, 1.7123}, Wanted{-0.01, 1.0127, 1.8259},
                          Wanted{0.01, 1.0073, 1.8350}, Wanted{0.25, 0.9514, 1.9414}, Wanted{0.5, 0.9065, 2.0461},
                          Wanted{1, 0.8395, 2.2399}, Wanted{1.5, 0.7892, 2.4169}, Wanted{2, 0.7480, 2.5803}})
    checkNear(optimum(w.gamma, x, 1, 1.7), w.mean, w.sd, kOptimum);
}

TEST(gamma_zero_is_contrastive_divergence_and_the_limit) {
  const at::Tensor x = toyRows(4000);
  const Found zero = optimum(0, x, 1, 1.5), small = optimum(1e-3, x, 1, 1.5);
  checkNear(zero, kToyMean, 1.8304, kOptimum);
  checkNear(small, zero.mean, zero.sd, 0.01);  // the same random numbers: only gamma differs
  // The loss and gradient themselves: gamma = 1e-9 leaves a relative 1e-9 of second-order terms.
  const EnergyRef energy = gaussian1d(0.3, 1.2);
  const auto at0 = once(energy, *makePseudoSpherical(0, exactChains(512)), x.slice(0, 0, 512));
  const auto near0 = once(energy, *makePseudoSpherical(1e-9, exactChains(512)), x.slice(0, 0, 512));
  CHECK_NEAR(at0.loss, near0.loss, 1e-5);  // rounding of 1e-16 divided by gamma, times log n
  CHECK_NEAR((at0.gradient - near0.gradient).abs().max().item<double>(), 0, 1e-6);
  Wrong plain([](const auto& data, const auto& negatives) { return data.mean() - negatives.mean(); }, 512);
  CHECK_NEAR((at0.gradient - once(energy, plain, x.slice(0, 0, 512)).gradient).abs().max().item<double>(), 0, 1e-12);
}

// From gamma = 0.5 on there is a second optimum on the narrow mode; where a run ends is decided by where it starts.
TEST(second_local_optimum) {
  const at::Tensor x = toyRows(4000);
  checkNear(optimum(1, x, -1, 0.3, 0.05), -0.9883, 0.2696, kOptimum);
  checkNear(optimum(2, x, 1, 1.8), 0.7480, 2.5803, kOptimum);
  const Found narrow = optimum(2, x, 0, 1, 0.05);
  CHECK(narrow.mean < -0.9 && narrow.sd < 0.6);
}

TEST(a_constant_changes_nothing) {
  for (const double gamma : {-0.5, 0.5, 2.0}) {
    Map objective{{"kind", "pseudoSpherical"},
                  {"gamma", gamma},
                  {"sampler", Map{{"kind", "langevin"}, {"steps", 3}, {"stepSize", 0.05}}},
                  {"buffer", Map{{"size", 300}}}};
    const auto plain = energyFrom({{"kind", "mlp"}, {"input", 1}, {"hidden", List{5}}, {"gaussianBase", 2.0}});
    const Evaluation before = evaluate(plain, toyRows(300), objective, 4);
    // The last bias is the constant: E + c.
    const std::string name = "2.bias";
    for (std::size_t i = 0; i < plain->parameters().info().size(); ++i)
      if (plain->parameters().info()[i].name == name) plain->parameters().tensors()[i].add_(37.0);
    const Evaluation after = evaluate(plain, toyRows(300), objective, 4);
    CHECK_NEAR(after.loss, before.loss, 1e-11);
    for (const auto& [key, g] : before.gradient)
      CHECK_NEAR((after.gradient.at(key) - g).abs().max().item<double>(), 0, 1e-11);
    for (const char* key : {"effectiveNegatives", "effectiveData"})
      CHECK_NEAR(after.monitors.at(key), before.monitors.at(key), 1e-9);
    CHECK_NEAR(after.gradient.at(name).abs().max().item<double>(), 0, 1e-12);  // no gradient along the constant
  }
}

// 10 % of the rows come from elsewhere. Maximum likelihood follows them, gamma = 0.5 leaves them out.
TEST(robust_to_contamination) {
  const at::Tensor x = quantileRows({{0.9, 0, 1}, {0.1, 6, 0.5}}, 4000);
  checkNear(optimum(0, x, 0.3, 1.5), 0.6, 2.0408, kOptimum);
  checkNear(optimum(0.25, x, 0.3, 1.5), 0.0200, 1.0674, kOptimum);
  const Found robust = optimum(0.5, x, 0.3, 1.5);
  checkNear(robust, 0.0004, 1.0014, kOptimum);
  checkNear(robust, 0, 1, 0.05);
  checkNear(optimum(1, x, 0.3, 1.5), 0, 1, kOptimum);
  checkNear(optimum(-0.5, x, 0.6, 2.3), 1.4039, 2.0561, 2 * kOptimum);  // weights of infinite variance
}

// gamma so large that one row takes all the weight.
TEST(degenerate_weights_are_told) {
  const EnergyRef energy = gaussian1d(0, 1e-3);
  RecordingJob job;
  const auto objective = makeObjectiveFrom({{"kind", "pseudoSpherical"},
                                            {"gamma", 50.0},
                                            {"sampler", Map{{"kind", "langevin"}, {"steps", 1}, {"stepSize", 1e-9}}},
                                            {"buffer", Map{{"size", 64}}}});
  const Random random(1);
  const Batch rows = energy->rows(toyRows(64), {});
  objective->prepare(*energy, rows, {}, random);
  TrainingStep step(*energy, random, job, 1, {});
  for (int s = 0; s < 3; ++s) {
    step.begin(s, 3, rows, {});
    step.run(*objective, {});
  }
  int told = 0;
  for (const Map& e : job.events)
    if (*e.at("type").get<std::string>() == "warning" && *e.at("monitor").get<std::string>() == "effectiveNegatives")
      ++told;
  CHECK(told == 1);
}

TEST(gamma_at_or_below_minus_one_is_refused) {
  for (const double gamma : {-1.0, -2.0}) {
    try {
      makeObjectiveFrom({{"kind", "pseudoSpherical"},
                         {"gamma", gamma},
                         {"sampler", Map{{"kind", "langevin"}, {"steps", 1}, {"stepSize", 0.1}}}});
      fail(__FILE__, __LINE__, "nothing was thrown");
    } catch (const Error& error) {
      CHECK(error.code == Code::InvalidOption);
    }
  }
}

}  // namespace
}  // namespace langevin::test::pseudo_spherical_test
