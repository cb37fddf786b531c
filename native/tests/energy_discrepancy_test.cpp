// Energy discrepancy against its closed form on Gaussians, the law of w, the gaps between mixtures of other weights,
// and controls: the wrong variants of the perturbation must miss what the right one hits.
#include <cmath>

#include "check.hpp"
#include "objectives/support.hpp"
#include "training_support.hpp"

namespace langevin::test::energy_discrepancy_test {
namespace {

Map discrepancy(double t, int negatives, double w) {
  return {{"kind", "energyDiscrepancy"}, {"t", t}, {"negatives", negatives}, {"w", w}};
}

// ED_t(N(0, s2), a x^2 / 2)
double closedForm(double s2, double t, double a) {
  return a * s2 / 2 - 0.5 * std::log1p(a * t) - a * (s2 + t) / (2 * (1 + a * t));
}
double closedSlope(double s2, double t, double a) {
  const double h = 1e-5;
  return (closedForm(s2, t, a + h) - closedForm(s2, t, a - h)) / (2 * h);
}

at::Tensor unitRows(std::int64_t n) { return gaussianRows(at::eye(1, at::kDouble), n); }

TEST(the_closed_form_table) {
  CHECK_NEAR(closedForm(1, 1, 0.25), -0.18657, 5e-6);
  CHECK_NEAR(closedForm(1, 1, 0.5), -0.28607, 5e-6);
  CHECK_NEAR(closedForm(1, 1, 1.0), -0.34657, 5e-6);
  CHECK_NEAR(closedForm(1, 1, 2.0), -0.21597, 5e-6);
}

// w = 0 and M = 512: the estimate of the closed form, in five evaluations of 2,000 rows.
TEST(the_estimator_tends_to_the_closed_form) {
  const at::Tensor x = unitRows(2000);
  for (const double a : {0.5, 1.0, 2.0}) {
    const EnergyRef energy = gaussianEnergy({{a}});
    double loss = 0, slope = 0;
    for (int seed = 0; seed < 5; ++seed) {
      const Evaluation e = evaluate(energy, x, discrepancy(1, 512, 0), seed);
      loss += e.loss / 5;
      slope += e.gradient.at("precision").item<double>() / 5;
    }
    CHECK_NEAR(loss, closedForm(1, 1, a), 0.015);
    // 3 % of the slope; at the minimum of the slope's size at a = 2.
    CHECK_NEAR(slope, closedSlope(1, 1, a), 0.03 * std::max(std::abs(closedSlope(1, 1, a)), closedSlope(1, 1, 2)));
  }
}

// The finite-M values at a = 1: -0.474 for M = 4, -0.362 for M = 32, both with 40,000 rows (standard error 0.004).
TEST(few_negatives_bias_the_estimator) {
  const EnergyRef energy = gaussianEnergy({{1.0}});
  const at::Tensor x = unitRows(40000);
  CHECK_NEAR(evaluate(energy, x, discrepancy(1, 4, 0), 1).loss, -0.474, 0.018);
  CHECK_NEAR(evaluate(energy, x, discrepancy(1, 32, 0), 1).loss, -0.362, 0.018);
}

// ---- The law of w --------------------------------------------------------------------------------------------------

// The estimator with one thing wrong, to see that the tests below would notice.
class WrongDiscrepancy : public Objective {
 public:
  enum class Fault { None, NoiseNotShared, OneNoise, NoColumn, FlippedSign };
  WrongDiscrepancy(Fault fault, double t, std::int64_t negatives) : fault_(fault), t_(t), m_(negatives) {}

  at::Tensor loss(StepContext& context) override {
    const at::Tensor& x = context.batch.x;
    const std::int64_t n = x.size(0), d = x.size(1);
    const Random& random = context.random();
    const at::Tensor e = random.normal(n, d, 0, Stream::Corrupt, x.options());
    const at::Tensor many = random.normal(n * m_, d, 0, Stream::Corrupt, x.options());
    at::Tensor y = repeated(x, m_);
    if (fault_ == Fault::NoiseNotShared) y = y + std::sqrt(t_) * many;
    if (fault_ != Fault::NoiseNotShared && fault_ != Fault::OneNoise) y = y + std::sqrt(t_) * repeated(e, m_);
    const at::Tensor moved = y + std::sqrt(t_) * random.normal(n * m_, d, 0, Stream::NoiseSample, x.options());
    const EnergyPair energy = energiesOf(context, context.batch, {moved, {}});
    at::Tensor v = energy.data - energy.negatives.view({m_, n});
    if (fault_ == Fault::FlippedSign) v = -v;
    if (fault_ != Fault::NoColumn) v = at::cat({v, at::zeros({1, n}, v.options())});
    return v.logsumexp(0).mean() - std::log(static_cast<double>(m_));
  }

 private:
  Fault fault_;
  double t_;
  std::int64_t m_;
};

// Where the slope in a changes sign, by false position (Illinois) on fixed random numbers.
double minimiser(Objective& objective, const at::Tensor& x, double low, double high) {
  const Random random(6);
  Job job;
  const auto slopeAt = [&](double a) {
    const EnergyRef energy = gaussianEnergy({{a}});
    TrainingStep step(*energy, random, job, 1, {});
    step.begin(0, 1, energy->rows(x, {}), {});
    return step.run(objective, {}).gradient[1].item<double>();
  };
  double below = slopeAt(low), above = slopeAt(high);
  if (!(below < 0 && above > 0)) return std::nan("");
  double root = low;
  for (int i = 0; i < 8; ++i) {
    const double last = root;
    root = (low * above - high * below) / (above - below);
    if (std::abs(root - last) < 1e-3) break;
    const double slope = slopeAt(root);
    if (slope < 0) {
      low = root, below = slope, above *= 0.5;
    } else {
      high = root, above = slope, below *= 0.5;
    }
  }
  return root;
}
double minimiserOf(double t, int negatives, double w, const at::Tensor& x, double low = 0.3, double high = 4.3) {
  const auto objective = makeObjectiveFrom(discrepancy(t, negatives, w));
  return minimiser(*objective, x, low, high);
}

TEST(w_one_is_consistent_and_others_are_not) {
  const at::Tensor x = unitRows(20000);
  const double steep = minimiserOf(1, 4, 0, x), right = minimiserOf(1, 4, 1, x), flat = minimiserOf(1, 4, 4, x);
  CHECK(steep > 2.6 && steep < 3.6);
  CHECK(right > 0.94 && right < 1.06);
  CHECK(flat > 0.70 && flat < 0.78);
}

TEST(t_is_a_variance) {
  const at::Tensor x = unitRows(20000);
  const double right = minimiserOf(0.25, 32, 1, x, 0.5, 1.5);
  CHECK(right > 0.97 && right < 1.03);
  // And the table's other row of w, which a deviation of 0.25 would not give.
  CHECK_NEAR(minimiserOf(0.25, 4, 4, x, 0.5, 1.5), 0.745, 0.03);
  CHECK_NEAR(minimiserOf(0.25, 4, 0.1, x, 0.5, 2.0), 1.38, 0.06);
}

TEST(control_wrong_perturbations_are_visible) {
  using Fault = WrongDiscrepancy::Fault;
  const at::Tensor x = unitRows(10000);
  const auto found = [&](Fault fault) {
    WrongDiscrepancy objective(fault, 1, 4);
    return minimiser(objective, x, 0.3, 4.3);
  };
  CHECK_NEAR(found(Fault::None), 1.0, 0.06);
  CHECK_NEAR(found(Fault::NoiseNotShared), 0.81, 0.05);
  CHECK_NEAR(found(Fault::OneNoise), 0.73, 0.05);
  CHECK_NEAR(found(Fault::NoColumn), 3.14, 0.4);
  CHECK(std::isnan(found(Fault::FlippedSign)));
}

// ---- Myopia --------------------------------------------------------------------------------------------------------

// Losses of energies that have nothing to learn.
class PlainContext : public StepContext {
 public:
  PlainContext(Energy& energy, const at::Tensor& x, std::uint64_t seed) : energy_(energy), random_(seed) {
    batch = {x, {}};
  }
  Energy& model() override { return energy_; }
  const Random& random() const override { return random_; }
  Job& job() override { return job_; }
  std::vector<at::Tensor> energies(const std::vector<Batch>& parts) override {
    std::vector<at::Tensor> all;
    for (const Batch& rows : parts) all.push_back(energy_.energyOf(rows, 1));
    return all;
  }
  at::Tensor outputs(const Batch& rows) override { return energy_.outputsOf(rows, 1); }
  at::Tensor score(const Batch& rows) override { return -energy_.energyAndGradient(rows, 1).gradient; }
  ScoreAndCurvature curvature(const Batch&, const at::Tensor&) override { return {}; }
  at::Tensor learnableScalar(const std::string&) override { return {}; }
  void monitor(const std::string&, double) override {}
  void recordData(const at::Tensor&) override {}
  void recordNegatives(const at::Tensor&) override {}

 private:
  Energy& energy_;
  Random random_;
  Job job_;
};

// Unit modes at -5 and 5, the right one with weight rho.
double mixtureLoss(double rho, double t, const at::Tensor& x) {
  const EnergyRef energy = energyFrom({{"kind", "gaussianMixture"},
                                       {"means", List{List{-5.0}, List{5.0}}},
                                       {"sigmas", 1.0},
                                       {"weights", List{1 - rho, rho}}},
                                      at::kFloat);
  const auto objective = makeObjectiveFrom(discrepancy(t, 256, 1));
  PlainContext context(*energy, x, 8);
  return objective->loss(context).item<double>();
}

TEST(a_small_t_is_blind_to_mode_weights) {
  const std::int64_t n = 5000;
  const at::Tensor centre = at::where(at::arange(n).lt(n / 5), 5.0, -5.0).unsqueeze(1);
  const at::Tensor x = (unitRows(n) + centre).to(at::kFloat);
  // Exact gaps by quadrature; 12 %. The random numbers are the same on both sides of a gap.
  const auto gaps = [&](double t, double half, double twentieth) {
    const double right = mixtureLoss(0.2, t, x);
    CHECK_NEAR(mixtureLoss(0.5, t, x) - right, half, std::max(0.12 * half, 0.0005));
    CHECK_NEAR(mixtureLoss(0.05, t, x) - right, twentieth, std::max(0.12 * twentieth, 0.0005));
  };
  gaps(8, 0.02822, 0.03078);
  gaps(32, 0.10511, 0.09759);
  gaps(128, 0.16244, 0.12982);
  gaps(0.5, 0.0, 0.0);
}

}  // namespace
}  // namespace langevin::test::energy_discrepancy_test
