// What samplers ask of a density, and densities that are no energies: p(x | y) ~ exp(-E(x) - |x - y|^2 / (2 s^2)). With
// a Gaussian E it is a Gaussian in closed form, N((P m + y / s^2) / (P + 1 / s^2), T / (P + 1 / s^2)) for a precision P
// and a temperature T.
#include <cmath>

#include "check.hpp"
#include "energies/recovery_target.hpp"
#include "samplers/sampler.hpp"

namespace langevin::targets_test {
namespace {

constexpr double kPrecision = 2, kMean = 1, kNoise = 0.5;
constexpr std::int64_t kChains = 4096;

EnergyRef gaussian(at::ScalarType dtype = at::kFloat) {
  const Value spec(Map{{"kind", "gaussian"},
                       {"mean", List{kMean, kMean}},
                       {"precision", List{List{kPrecision, 0.0}, List{0.0, kPrecision}}}});
  return makeEnergy(Spec(spec, "energy"), dtype, at::kCPU, 0);
}

std::shared_ptr<const Sampler> samplerOf(Map spec) {
  const Value value(std::move(spec));
  return makeSampler(Spec(value, "sampler"));
}

// Half of the chains know y = (3, -1), the others y = (-1, 3).
at::Tensor copies() {
  const at::Tensor one = at::tensor({3.0f, -1.0f}).expand({kChains / 2, 2});
  return at::cat({one, one.flip(1)});
}

struct Laws {
  double mean, variance;
};
Laws lawOf(double y, double temperature) {
  const double precision = kPrecision + 1 / (kNoise * kNoise);
  return {(kPrecision * kMean + y / (kNoise * kNoise)) / precision, temperature / precision};
}

void requireLaw(const at::Tensor& x, double y, double temperature) {
  const Laws law = lawOf(y, temperature);
  const auto n = static_cast<double>(x.numel());
  const double mean = x.to(at::kDouble).mean().item<double>(), variance = x.to(at::kDouble).var().item<double>();
  CHECK_NEAR(mean, law.mean, 4.5 * std::sqrt(law.variance / n));
  CHECK_NEAR(variance, law.variance, 4.5 * law.variance * std::sqrt(2 / n));
}

std::vector<Map> exactSamplers() {
  return {{{"kind", "mala"}, {"steps", 60}, {"stepSize", 0.2}},
          {{"kind", "mala"}, {"steps", 60}, {"stepSize", 0.4}, {"temperature", 2.0}},
          {{"kind", "hmc"}, {"steps", 25}, {"stepSize", 0.2}, {"leapfrogSteps", 3}},
          {{"kind", "nuts"}, {"steps", 100}, {"warmup", 50}, {"stepSize", 0.3}},
          {{"kind", "parallelTempering"},
           {"steps", 15},
           {"temperatures", List{1.0, 2.0}},
           {"sampler", Map{{"kind", "mala"}, {"steps", 4}, {"stepSize", 0.2}}}}};
}

// Counts how often it is asked.
class Counted final : public Target {
 public:
  explicit Counted(const Energy& energy) : energy_(energy) {}
  const std::string& kind() const override { return energy_.kind(); }
  const Shape& input() const override { return energy_.input(); }
  double workPerRow() const override { return energy_.workPerRow(); }
  const Domain& domain() const override { return energy_.domain(); }
  const Condition& condition() const override { return energy_.condition(); }
  at::TensorOptions options() const override { return energy_.options(); }
  Batch rows(const at::Tensor& x, const at::Tensor& y) const override { return energy_.rows(x, y); }
  at::Tensor energyOf(const Batch& rows) const override {
    ++energies;
    return energy_.energyOf(rows);
  }
  EnergyAndGradient energyAndGradient(const Batch& rows) const override {
    ++gradients;
    return energy_.energyAndGradient(rows);
  }
  mutable int energies = 0, gradients = 0;

 private:
  const Energy& energy_;
};

}  // namespace

TEST(samplers_draw_from_a_density_that_is_no_energy) {
  const EnergyRef energy = gaussian();
  const RecoveryTarget target(*energy, kNoise);
  for (const Map& spec : exactSamplers()) {
    const auto sampler = samplerOf(spec);
    Chains chains;
    chains.x = Random(9).normal(kChains, 2, 0, Stream::Init, at::kFloat);
    chains.y = target.rows(chains.x, copies()).y;
    Job job;
    CHECK(std::string(planTile(*sampler, target)->name()) == "stepwise");
    advance(*sampler, target, chains, sampler->common().steps, 0, Random(17), 2, job);
    const double temperature = sampler->effectiveTemperature();
    const at::Tensor first = chains.x.slice(0, 0, kChains / 2), second = chains.x.slice(0, kChains / 2).flip(1);
    requireLaw(at::cat({first.select(1, 0), second.select(1, 0)}), 3, temperature);
    requireLaw(at::cat({first.select(1, 1), second.select(1, 1)}), -1, temperature);
    // What belongs to a position belongs to the target, not to the energy behind it.
    const EnergyAndGradient now = target.energyAndGradient({chains.x, chains.y});
    CHECK((now.energy - chains.energy).abs().max().item<double>() < 1e-4);
  }
}

TEST(a_noisy_copy_that_says_nothing_leaves_the_energy) {
  const EnergyRef energy = gaussian(at::kDouble);
  const RecoveryTarget target(*energy, 1e9);
  const at::Tensor x = Random(3).normal(5, 2, 0, Stream::Init, at::kDouble);
  const EnergyAndGradient with = target.energyAndGradient({x, x + 1}), without = energy->energyAndGradient({x, {}});
  CHECK((with.energy - without.energy).abs().max().item<double>() < 1e-15);
  CHECK((with.gradient - without.gradient).abs().max().item<double>() < 1e-15);
  CHECK((target.energyOf({x, x + 1}) - with.energy).abs().max().item<double>() == 0);
}

TEST(a_recovery_target_refuses_what_it_cannot_mean) {
  const EnergyRef energy = gaussian();
  const RecoveryTarget target(*energy, kNoise);
  const at::Tensor x = at::zeros({4, 2});
  CHECK_THROWS(target.rows(x, {}), Error);
  CHECK_THROWS(target.rows(x, at::zeros({3, 2})), Error);
  CHECK_THROWS(target.rows(x, at::zeros({4, 1})), Error);
  CHECK_THROWS(RecoveryTarget(*energy, 0), Error);
  const Value states(Map{{"kind", "rbm"}, {"input", std::int64_t{3}}, {"hidden", std::int64_t{2}}});
  const EnergyRef rbm = makeEnergy(Spec(states, "energy"), at::kFloat, at::kCPU, 0);
  CHECK_THROWS(RecoveryTarget(*rbm, kNoise), Error);
  // Real columns are not what gibbs moves, whoever the density comes from.
  CHECK_THROWS(planTile(*samplerOf({{"kind", "gibbs"}, {"steps", 1}}), target), Error);
}

TEST(chains_that_have_started_are_not_evaluated_again) {
  const EnergyRef energy = gaussian();
  const auto sampler = samplerOf({{"kind", "mala"}, {"steps", 3}, {"stepSize", 0.2}});
  Chains chains;
  chains.x = Random(9).normal(8, 2, 0, Stream::Init, at::kFloat);
  Job job;
  const auto asked = [&] {
    const Counted target(*energy);
    advance(*sampler, target, chains, 3, 0, Random(1), 1, job);
    return target.gradients;
  };
  CHECK(!chains.started);
  CHECK(asked() == 4 && chains.started);
  CHECK(asked() == 3);
  chains.restart();
  CHECK(!chains.started && !chains.gradient.defined());
  CHECK(asked() == 4);
}

TEST(gibbs_carries_no_gradient) {
  const Value spec(Map{{"kind", "rbm"}, {"input", std::int64_t{3}}, {"hidden", std::int64_t{2}}});
  const EnergyRef rbm = makeEnergy(Spec(spec, "energy"), at::kDouble, at::kCPU, 0);
  const Counted target(*rbm);
  const auto sampler = samplerOf({{"kind", "gibbs"}, {"steps", 1}});
  Chains chains;
  chains.x = at::zeros({8, 3}, at::kDouble);
  Job job;
  advance(*sampler, target, chains, 2, 0, Random(1), 1, job);
  CHECK(chains.started && !chains.gradient.defined() && target.gradients == 0);
  CHECK(target.energies == 1 + 2 * 3);  // the start, and a visit of every site in each sweep
  advance(*sampler, target, chains, 1, 2, Random(1), 1, job);
  CHECK(target.energies == 1 + 3 * 3);
}

TEST(sums_of_a_sampler_add_up_over_tiles) {
  struct Sums {
    double a = 0, b = 0;
  };
  Tally one, two;
  CHECK(one.ownSums<Sums>().a == 0);
  one.addOwn(Sums{1, 2});
  one.addOwn(Sums{3, 4}, 1);
  two.addOwn(Sums{10, 20}, 1);
  two.merge(one);
  CHECK(two.ownSums<Sums>().b == 2 && two.ownSums<Sums>(1).a == 13 && two.ownSums<Sums>(1).b == 24);
  CHECK(two.ownSums<Sums>(2).b == 0);
}

}  // namespace langevin::targets_test
