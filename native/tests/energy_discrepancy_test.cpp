// Energy discrepancy against its closed form on Gaussians, the law of w, the gaps between mixtures of other weights,
// its expectation on discrete rows by enumeration, and controls: the wrong variants must miss what the right one hits.
#include <cmath>

#include "check.hpp"
#include "discrete_support.hpp"
#include "objectives/support.hpp"
#include "perturbations/site_moves.hpp"
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

// ---- Discrete rows, by enumeration ---------------------------------------------------------------------------------

// 24 states: a bit, three categories, a ring of four.
EnergyRef smallTable() {
  return networkEnergy(List{Map{{"kind", "binary"}}, Map{{"kind", "categorical"}, {"levels", 3}},
                            Map{{"kind", "cyclic"}, {"levels", 4}}},
                       5);
}

at::Tensor uniformKernel(std::int64_t levels, double t) {
  return std::exp(-t) * at::eye(levels, at::kDouble) + (1 - std::exp(-t)) / static_cast<double>(levels);
}
at::Tensor ringKernel(std::int64_t levels, double t) {
  std::vector<at::Tensor> rows;
  for (std::int64_t from = 0; from < levels; ++from) rows.push_back(ringLaw(levels, t).roll(from));
  return at::stack(rows);
}
at::Tensor kron(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c) { return at::kron(at::kron(a, b), c); }

// q [x, y], and the law of x' given y [y, x']; y may have states that x has not.
struct KernelPair {
  Map perturbation;
  at::Tensor q, back;
};
KernelPair structuredPair(double t, double tBase) {
  const at::Tensor q = kron(uniformKernel(2, t), uniformKernel(3, t), ringKernel(4, tBase * 16));
  return {{{"kind", "structured"}, {"t", t}, {"tBase", tBase}}, q, q};
}
// y tells of the subset too: 1, 2 or 3 blocks equally often, each subset of a size as often as the others.
KernelPair subsetPair(double t, double tBase) {
  std::vector<at::Tensor> q, back;
  for (int subset = 1; subset < 8; ++subset) {
    const auto part = [&](int block, const at::Tensor& kernel) {
      return (subset >> block) & 1 ? kernel : at::eye(kernel.size(0), at::kDouble);
    };
    const int size = (subset & 1) + ((subset >> 1) & 1) + ((subset >> 2) & 1);
    back.push_back(
        kron(part(0, uniformKernel(2, t)), part(1, uniformKernel(3, t)), part(2, ringKernel(4, tBase * 16))));
    q.push_back(back.back() / (size == 3 ? 3.0 : 9.0));
  }
  return {{{"kind", "structured"}, {"t", t}, {"tBase", tBase}, {"subsets", true}}, at::cat(q, 1), at::cat(back)};
}
// The last level of every site of y is the mask.
KernelPair maskedPair(double t) {
  const auto mask = [&](std::int64_t levels) {
    return at::cat({std::exp(-t) * at::eye(levels, at::kDouble), at::full({levels, 1}, 1 - std::exp(-t), at::kDouble)},
                   1);
  };
  const auto fill = [](std::int64_t levels) {
    return at::cat(
        {at::eye(levels, at::kDouble), at::full({1, levels}, 1.0 / static_cast<double>(levels), at::kDouble)});
  };
  return {{{"kind", "absorbing"}, {"t", t}}, kron(mask(2), mask(3), mask(4)), kron(fill(2), fill(3), fill(4))};
}

// Mean and, of rows x drawn from `law`, variance over y and the candidates of log(w / M + mean_j exp(E(x) - E(x'_j))),
// M = 1 or 2. Candidates of one row share its y, or each have one (`shared` false, a wrong variant).
struct Expected {
  at::Tensor mean;
  double variance;
};
Expected expectedLoss(const at::Tensor& e, const at::Tensor& law, const KernelPair& k, int negatives, double w,
                      bool shared = true) {
  const at::Tensor ratio = (e.unsqueeze(1) - e.unsqueeze(0)).exp();  // [x, x']
  at::Tensor weight = k.q.matmul(k.back), term = (w + ratio).log();
  if (negatives == 2) {
    weight = shared ? at::einsum("xy,yb,yc->xbc", {k.q, k.back, k.back}) : weight.unsqueeze(2) * weight.unsqueeze(1);
    term = (w / 2 + (ratio.unsqueeze(2) + ratio.unsqueeze(1)) / 2).log();
  }
  const std::int64_t n = e.size(0);
  weight = weight.reshape({n, -1}), term = term.reshape({n, -1});
  const at::Tensor mean = (weight * term).sum(1);
  return {(law * mean).sum(), (law * ((weight * term.square()).sum(1) - mean.square())).sum().item<double>()};
}

// The largest slope of the expected loss in the energy of a state, at the energies of the data's law.
double slopeAtTruth(const KernelPair& kernel, int negatives, double w, bool shared = true) {
  const at::Tensor law = lawOf(*smallTable());
  const at::Tensor e = (-law.log()).detach().requires_grad_(true);
  expectedLoss(e, law, kernel, negatives, w, shared).mean.backward();
  return e.grad().abs().max().item<double>();
}

TEST(with_w_one_the_truth_is_stationary_for_every_kernel_and_m) {
  for (const double t : {0.05, 0.5, 3.0})
    for (const KernelPair& kernel : {structuredPair(t, t / 10), subsetPair(t, t / 10), maskedPair(t)}) {
      CHECK((kernel.q.sum(1) - 1).abs().max().item<double>() < 1e-12);
      for (const int negatives : {1, 2}) CHECK(slopeAtTruth(kernel, negatives, 1) < 1e-13);
    }
}

TEST(control_the_truth_is_not_stationary_for_wrong_variants) {
  const at::Tensor same = at::eye(24, at::kDouble);
  for (const KernelPair& kernel : {structuredPair(0.5, 0.05), maskedPair(0.5)}) {
    for (const int negatives : {1, 2}) CHECK(slopeAtTruth(kernel, negatives, 0) > 1e-3);
    CHECK(slopeAtTruth(kernel, 2, 4) > 1e-4);
    CHECK(slopeAtTruth(kernel, 2, 1, false) > 1e-5);
  }
  // One perturbation only. With one candidate that is fair, as its kernel is symmetric (conditional noise contrast).
  const KernelPair right = structuredPair(0.5, 0.05), once{{}, same, right.q};
  CHECK(slopeAtTruth(once, 1, 1) < 1e-13 && slopeAtTruth(once, 2, 1) > 2e-4);
  // Masks that are filled by another law than the even one.
  KernelPair filled = maskedPair(0.5);
  filled.back = filled.back * at::linspace(1, 2, 24, at::kDouble);
  filled.back = filled.back / filled.back.sum(1, true);
  CHECK(slopeAtTruth(filled, 2, 1) > 1e-3);
}

// 96,000 rows, every state as often: 4.5 standard errors, which the enumeration gives too. The kernels of the controls
// change a tenth as much.
TEST(the_loss_of_discrete_rows_is_the_enumerated_one) {
  const EnergyRef energy = smallTable();
  const at::Tensor x = allStates(*energy).repeat({4000, 1}), even = at::full({24}, 1.0 / 24, at::kDouble);
  const at::Tensor e = energy->energyOf(energy->rows(allStates(*energy), {}));
  for (const KernelPair& kernel : {structuredPair(0.5, 0.05), subsetPair(0.5, 0.05), maskedPair(0.5)})
    for (const int negatives : {1, 2}) {
      const Expected expected = expectedLoss(e, even, kernel, negatives, 1);
      const Map objective{
          {"kind", "energyDiscrepancy"}, {"perturbation", kernel.perturbation}, {"negatives", negatives}};
      const double loss = evaluate(energy, x, objective, 3).loss;
      const double error = std::sqrt(expected.variance / 96000);
      CHECK_NEAR(loss, expected.mean.item<double>(), 4.5 * error);
      const auto apart = [&](const KernelPair& wrong, double w) {
        return std::abs(expectedLoss(e, even, wrong, negatives, w).mean.item<double>() - loss) > 5 * error;
      };
      CHECK(apart(structuredPair(0.05, 0.005), 1));
      CHECK(apart(kernel.perturbation.count("subsets") ? structuredPair(0.5, 0.05) : subsetPair(0.5, 0.05), 1));
      CHECK(apart(maskedPair(0.05), 1));
      CHECK(apart(kernel, 0));
    }
}

// With many candidates and w = 0, one mask a row is (negative log pseudo-likelihood) / d - mean log K.
TEST(the_grid_tends_to_the_pseudo_likelihood) {
  const EnergyRef energy = smallTable();
  const at::Tensor states = allStates(*energy), e = energy->energyOf(energy->rows(states, {}));
  const std::vector<SitePlace> sites = sitesOf(*energy);
  double mean = 0, squares = 0, between = 0;
  for (std::int64_t i = 0; i < 24; ++i) {
    double own = 0, ownSquares = 0;
    for (std::int64_t s = 0, stride = 24; s < 3; ++s) {
      const std::int64_t levels = sites[static_cast<std::size_t>(s)].levels;
      stride /= levels;
      const std::int64_t first = i - (i / stride) % levels * stride;
      const at::Tensor fibre = e.slice(0, first, first + (levels - 1) * stride + 1, stride);
      const double f = ((e[i] - fibre).logsumexp(0)).item<double>() - std::log(static_cast<double>(levels));
      own += f / 3, ownSquares += f * f / 3;
    }
    mean += own / 24, squares += ownSquares / 24, between += own * own / 24;
  }
  const Map grid{{"kind", "absorbing"}, {"grid", true}};
  const Map objective{{"kind", "energyDiscrepancy"}, {"perturbation", grid}, {"negatives", 1000}, {"w", 0}};
  double loss = 0;
  for (int seed = 0; seed < 10; ++seed) loss += evaluate(energy, states.repeat({40, 1}), objective, seed).loss / 10;
  // 4.5 standard errors of which site is masked, and what 1,000 candidates leave of the bias of a log of a mean.
  CHECK_NEAR(loss, mean, 4.5 * std::sqrt((squares - between) / 9600) + 0.002);
  CHECK(std::abs(mean) > 0.05);
}

// Three bits, four categories, a ring of six: 192 states, learned from 100,000 rows.
List tableStates() {
  return {Map{{"kind", "binary"}, {"columns", 3}}, Map{{"kind", "categorical"}, {"levels", 4}},
          Map{{"kind", "cyclic"}, {"levels", 6}}};
}

double distanceAfter(const Map& objective) {
  const EnergyRef truth = networkEnergy(tableStates(), 8);
  const at::Tensor law = lawOf(*truth);
  const EnergyRef model = energyFrom(
      {{"kind", "mlp"}, {"input", 8}, {"hidden", List{48, 48}}, {"activation", "tanh"}, {"states", tableStates()}},
      at::kFloat, 5);
  train(model, exactDraws(*truth, law, 100000, 4).to(at::kFloat),
        {{"objective", objective}, {"optimizer", adam(0.01, 1e-4)}, {"steps", 1500}, {"batchSize", 256}, {"seed", 2}});
  return 0.5 * (lawOf(*model) - law).abs().sum().item<double>();
}

TEST(a_law_of_bits_categories_and_a_ring_is_recovered) {
  const Map kernel{{"kind", "structured"}, {"t", 1.0}, {"tBase", 0.05}};
  const auto objective = [&](Map perturbation, double w, int negatives) {
    return Map{
        {"kind", "energyDiscrepancy"}, {"perturbation", std::move(perturbation)}, {"w", w}, {"negatives", negatives}};
  };
  // The rows themselves are 0.0175 from their law (total variation, sqrt(192 / (2 pi n))).
  const double right = distanceAfter(objective(kernel, 1, 8));
  // Controls: too few candidates without w, and a kernel that leaves the ring as it is.
  const double steep = distanceAfter(objective(kernel, 0, 2));
  Map still = kernel;
  still["tBase"] = 1e-9;
  const double ring = distanceAfter(objective(still, 1, 8));
  CHECK(right < 0.035 && steep > 0.15 && ring > 0.05);
}

}  // namespace
}  // namespace langevin::test::energy_discrepancy_test
