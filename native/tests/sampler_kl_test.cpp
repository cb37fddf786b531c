// The term of improved contrastive divergence: entropy against closed forms, the gradient through the sampler against
// finite differences; and short runs.
#include <numbers>

#include "check.hpp"
#include "divergence_support.hpp"
#include "objectives/sampler_kl.hpp"

namespace langevin::test::sampler_kl_test {
namespace {

// The estimate's sd is sqrt((var log p + d^2 psi'(k)) / n) at most, with var log p = d / 2 of a Gaussian: in one
// dimension sqrt((0.5 + 1.64) / 4000) = 0.023, in three sqrt((1.5 + 14.8) / 4000) = 0.064 for k = 1. The bias at this n
// is below that.
TEST(entropy_of_gaussians) {
  for (const std::int64_t d : {1, 2, 3}) {
    const at::Tensor sd = at::arange(1, d + 1, at::kDouble) * 0.5;
    const at::Tensor x = Random(3).normal(4000, d, 0, Stream::User, at::TensorOptions(at::kDouble)) * sd;
    const double wanted =
        0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi * std::numbers::e) + sd.log().sum().item<double>();
    for (const std::int64_t k : {1, 3}) {
      const auto dims = static_cast<double>(d);
      const double trigamma = k == 1 ? 1.645 : 0.395;
      const double deviation = std::sqrt((0.5 * dims + dims * dims * trigamma) / 4000);
      CHECK_NEAR(nearestNeighbourEntropy(x, k).value, wanted, 4.5 * deviation);
    }
  }
}

TEST(entropy_moves_with_scale_and_has_the_right_gradient) {
  const at::Tensor x = Random(3).normal(50, 2, 0, Stream::User, at::TensorOptions(at::kDouble));
  // H(c x) = H(x) + d log c, exactly.
  CHECK_NEAR(nearestNeighbourEntropy(3 * x, 1).value - nearestNeighbourEntropy(x, 1).value, 2 * std::log(3.0), 1e-12);
  const at::Tensor gradient = nearestNeighbourEntropy(x, 2).gradient;
  for (const std::int64_t i : {0, 17, 49}) {
    at::Tensor up = x.clone(), down = x.clone();
    up[i][1] += 1e-6;
    down[i][1] -= 1e-6;
    const double slope = (nearestNeighbourEntropy(up, 2).value - nearestNeighbourEntropy(down, 2).value) / 2e-6;
    CHECK_NEAR(gradient[i][1].item<double>(), slope, 1e-7);
  }
  CHECK_THROWS(nearestNeighbourEntropy(x.slice(0, 0, 2), 2), Error);
}

Map langevinSampler(int steps) { return {{"kind", "langevin"}, {"steps", steps}, {"stepSize", 0.2}}; }
Map contrastive(int steps, const Map& kl) {
  Map spec{{"kind", "contrastiveDivergence"}, {"sampler", langevinSampler(steps)}};
  if (!kl.empty()) spec["samplerKl"] = kl;
  return spec;
}

// energy mean E0(x_K) - entropy H(x_K) at the weights the energy has now, E0's weights held at `fixed`.
double pathValue(const EnergyRef& energy, const at::Tensor& fixed, const at::Tensor& x, const Map& spec, double weight,
                 double entropy) {
  const auto objective = makeObjectiveFrom(spec);
  const at::Tensor last = once(energy, *objective, x).rows.at(0).x.slice(0, x.size(0));
  const at::Tensor now = energy->parameters().flat().clone();
  at::NoGradGuard guard;
  energy->parameters().flat().copy_(fixed);
  const double value = weight * energy->energyOf(Batch{last, {}}).mean().item<double>() -
                       entropy * nearestNeighbourEntropy(last, 1).value;
  energy->parameters().flat().copy_(now);
  return value;
}

// The same counters give the same noise, so x_K is a smooth function of the weights and differences have a limit.
double gradientError(const EnergyRef& energy, const at::Tensor& x, int steps, double weight, double entropy, int kept) {
  const Map plain = contrastive(steps, {});
  const Map spec = contrastive(steps, {{"energy", weight}, {"entropy", entropy}, {"steps", kept}});
  const at::Tensor claimed =
      once(energy, *makeObjectiveFrom(spec), x).gradient - once(energy, *makeObjectiveFrom(plain), x).gradient;
  const at::Tensor flat = energy->parameters().flat(), fixed = flat.clone();
  double worst = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const double w = fixed[i].item<double>();
    flat[i].fill_(w + 1e-5);
    const double up = pathValue(energy, fixed, x, plain, weight, entropy);
    flat[i].fill_(w - 1e-5);
    const double down = pathValue(energy, fixed, x, plain, weight, entropy);
    flat[i].fill_(w);
    worst = std::max(worst, std::abs((up - down) / 2e-5 - claimed[i].item<double>()));
  }
  return worst;
}

// Differences of 1e-5 in float64 carry about 1e-9; the entropy's curvature makes it 1e-7.
TEST(gradient_through_the_whole_path) {
  const EnergyRef energy =
      energyFrom({{"kind", "mlp"}, {"input", 1}, {"hidden", List{5}}, {"activation", "tanh"}, {"gaussianBase", 1.5}});
  const at::Tensor x = toyRows(40);
  CHECK_NEAR(gradientError(energy, x, 3, 1, 0, 3), 0, 1e-7);
  CHECK_NEAR(gradientError(energy, x, 3, 0, 1, 3), 0, 1e-6);
  CHECK_NEAR(gradientError(energy, x, 3, 0.7, 0.4, 3), 0, 1e-6);
  // A single step is the whole path of CD-1; of a path of three it is not.
  CHECK_NEAR(gradientError(energy, x, 1, 1, 1, 1), 0, 1e-6);
  CHECK(gradientError(energy, x, 3, 1, 0, 1) > 1e-4);
}

TEST(value_and_monitors_of_the_term) {
  const EnergyRef energy = gaussian1d(0.3, 1.1);
  const at::Tensor x = toyRows(60);
  const Map kl{{"energy", 0.5}, {"entropy", 2.0}};
  const TrainingStep::Result plain = once(energy, *makeObjectiveFrom(contrastive(4, {})), x);
  const TrainingStep::Result with = once(energy, *makeObjectiveFrom(contrastive(4, kl)), x);
  CHECK(plain.rows.at(0).x.equal(with.rows.at(0).x));  // the same chains, kept or not
  const double value = 0.5 * with.monitors.at("samplerKlEnergy") - 2.0 * with.monitors.at("entropy");
  CHECK_NEAR(with.loss - plain.loss, value, 1e-12);
  CHECK_NEAR(with.monitors.at("samplerKlEnergy"), with.monitors.at("energyNegatives"), 1e-12);
  // The persistent objective takes the same option.
  Map persistent{
      {"kind", "persistentContrastiveDivergence"}, {"sampler", langevinSampler(4)}, {"buffer", Map{{"size", 100}}}};
  const TrainingStep::Result bare = once(energy, *makeObjectiveFrom(persistent), x);
  persistent["samplerKl"] = kl;
  const TrainingStep::Result full = once(energy, *makeObjectiveFrom(persistent), x);
  CHECK(!full.gradient.equal(bare.gradient));
  CHECK(full.monitors.count("entropy") == 1);
}

TEST(samplers_that_cannot_be_differentiated_are_refused) {
  const Map mala{{"kind", "mala"}, {"steps", 2}, {"stepSize", 0.1}};
  Map clipped = langevinSampler(2), boxed = langevinSampler(2);
  clipped["clip"] = 1.0;
  boxed["box"] = Map{{"low", -3.0}, {"high", 3.0}};
  for (const Map& sampler : {mala, clipped, boxed}) {
    try {
      makeObjectiveFrom({{"kind", "contrastiveDivergence"}, {"sampler", sampler}, {"samplerKl", Map{}}});
      fail(__FILE__, __LINE__, "nothing was thrown");
    } catch (const Error& error) {
      CHECK(error.code == Code::Unsupported);
    }
  }
}

// ---- Short runs ----------------------------------------------------------------------------------------------------

TEST(short_runs_start_from_noise_and_are_named) {
  const EnergyRef energy = gaussian1d(0, 1);
  const at::Tensor x = toyRows(500);
  // One tiny step: where the chains stand is where they start.
  Map spec{{"kind", "contrastiveDivergence"},
           {"mode", "shortRun"},
           {"sampler", Map{{"kind", "langevin"}, {"steps", 1}, {"stepSize", 1e-12}}},
           {"start", Map{{"box", Map{{"low", 10.0}, {"high", 12.0}}}}}};
  const auto objective = makeObjectiveFrom(spec);
  RecordingJob job;
  const Random random(1);
  const Batch rows = energy->rows(x, {});
  objective->prepare(*energy, rows, {}, random);
  TrainingStep step(*energy, random, job, 1, {});
  std::vector<at::Tensor> negatives;
  for (int s = 0; s < 2; ++s) {
    step.begin(s, 2, rows, {});
    negatives.push_back(step.run(*objective, {}).rows.at(0).x.slice(0, 500));
  }
  for (const at::Tensor& n : negatives) {
    CHECK((n > 9.99).logical_and(n < 12.01).all().item<bool>());
    CHECK_NEAR(n.mean().item<double>(), 11, 4.5 * 2 / std::sqrt(12.0 * 500));
  }
  CHECK(!negatives[0].equal(negatives[1]));  // anew every time
  CHECK(job.events.size() == 1);
  CHECK(*job.events[0].at("monitor").get<std::string>() == "shortRun");
}

// What short runs learn: 10 steps from N(4, 1)-like noise end where the data is, while the energy's own law is
// elsewhere. A chain of step h from x0 ends at mean m + (x0 - m) a^K with a = 1 - h P / 2: matching the data's mean 0
// from x0 = 4 needs m below 0.
TEST(short_runs_learn_a_sampler_and_not_a_density) {
  const EnergyRef energy = gaussian1d(0, 1);
  const auto objective = makeObjectiveFrom({{"kind", "contrastiveDivergence"},
                                            {"mode", "shortRun"},
                                            {"sampler", langevinSampler(10)},
                                            {"start", Map{{"box", Map{{"low", 3.5}, {"high", 4.5}}}}}});
  const at::Tensor x = gaussianRows(at::eye(1, at::kDouble), 1000);
  fit(energy, *objective, x, 0.05, 300);
  const double mean = meanOf(energy), precision = 1 / (sdOf(energy) * sdOf(energy));
  const double a = std::pow(1 - 0.1 * precision, 10);
  CHECK_NEAR(mean + (4 - mean) * a, 0, 0.1);  // where the runs end
  CHECK(mean < -0.3);                         // where the density lies
}

}  // namespace
}  // namespace langevin::test::sampler_kl_test
