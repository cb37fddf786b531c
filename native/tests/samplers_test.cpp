// Samplers against closed forms on Gaussian energies, exact invariance to threads, refusal of non-finite states, and
// controls: kernels that are wrong on purpose must fail the very checks the right ones pass.
//
// A check of a variance v over n independent numbers has standard error v sqrt(2 / n); checks allow 4.5 of them, a
// false alarm rate of 7e-6 each. Seeds are fixed, so a passing check stays passing.
#include <cmath>
#include <limits>
#include <numbers>

#include "check.hpp"
#include "energies/energy.hpp"
#include "samplers/sample.hpp"
#include "tensors/tensor.hpp"

namespace langevin::samplers_test {
namespace {

constexpr std::int64_t kColumns = 8;
constexpr double kSigmas = 4.5;

EnergyRef gaussian(double precision, std::int64_t columns = kColumns, at::ScalarType dtype = at::kDouble) {
  List mean, matrix;
  for (std::int64_t i = 0; i < columns; ++i) {
    List row;
    for (std::int64_t j = 0; j < columns; ++j) row.emplace_back(i == j ? precision : 0.0);
    mean.emplace_back(0.0);
    matrix.emplace_back(std::move(row));
  }
  const Value spec(Map{{"kind", "gaussian"}, {"mean", std::move(mean)}, {"precision", std::move(matrix)}});
  return makeEnergy(Spec(spec, "energy"), dtype, at::kCPU, 0);
}

EnergyRef mlp(at::ScalarType dtype = at::kFloat) {
  const Value spec(Map{{"kind", "mlp"},
                       {"input", 3},
                       {"hidden", List{Value(16), Value(16)}},
                       {"activation", "silu"},
                       {"gaussianBase", 1.0}});
  return makeEnergy(Spec(spec, "energy"), dtype, at::kCPU, 5);
}

std::shared_ptr<const Sampler> sampler(const char* kind, Map options) {
  options["kind"] = kind;
  const Value spec(std::move(options));
  return makeSampler(Spec(spec, "sampler"));
}

Chains started(const Energy& energy, std::int64_t chains, double sd = 3.0) {
  Chains c;
  c.x = Random(1).normal(chains, energy.inputWidth(), 0, Stream::Init, energy.options()) * sd;
  return c;
}

struct Ran {
  Chains chains;
  Tally tally;
};

Ran run(const Sampler& s, const Energy& energy, std::int64_t chains, std::int64_t steps, double sd = 3.0,
        int threads = 1) {
  Job job;
  Ran r{started(energy, chains, sd), {}};
  r.tally = advance(s, energy, r.chains, steps, 0, Random(17), threads, job);
  return r;
}

/// How many standard errors the mean square of the numbers is away from `variance` (the mean is known to be 0).
double deviations(const at::Tensor& numbers, double variance) {
  const at::Tensor x = numbers.to(at::kDouble);
  const double found = x.square().mean().item<double>();
  return (found - variance) / (variance * std::sqrt(2.0 / static_cast<double>(x.numel())));
}

/// The one check of a stationary variance, for right and wrong kernels alike. A run that throws fails it.
bool settlesAt(const Sampler& s, double precision, double variance, std::int64_t steps, std::int64_t chains = 16384) {
  const EnergyRef energy = gaussian(precision);
  try {
    return std::abs(deviations(run(s, *energy, chains, steps).chains.x, variance)) < kSigmas;
  } catch (const Error&) {
    return false;
  }
}

CommonOptions plain(double stepSize) {
  CommonOptions options;
  options.stepSize = Schedule(stepSize);
  options.temperature = Schedule(1.0);
  return options;
}

// Wrong on purpose.
class ReturnsStart final : public Sampler {
 public:
  ReturnsStart() : Sampler(plain(1)) {}
  Traits traits() const override { return {}; }
  void step(Chains&, const Target&, const StepClock&, const Random&, Tally&) const override {}
};

class ExactDraws final : public Sampler {
 public:
  explicit ExactDraws(double precision) : Sampler(plain(1)), precision_(precision) {}
  Traits traits() const override { return {}; }
  void step(Chains& c, const Target&, const StepClock& clock, const Random& random, Tally&) const override {
    c.x = random.normal(c.x.size(0), c.x.size(1), clock.counter, Stream::Noise, c.x.options(), c.firstChain) /
          std::sqrt(precision_);
  }

 private:
  double precision_;
};

class SignFlipped final : public Sampler {
 public:
  explicit SignFlipped(double h) : Sampler(plain(h)), h_(h) {}
  Traits traits() const override { return {}; }
  void step(Chains& c, const Target& target, const StepClock& clock, const Random& random, Tally&) const override {
    c.x = c.x + 0.5 * h_ * c.gradient +
          std::sqrt(h_) *
              random.normal(c.x.size(0), c.x.size(1), clock.counter, Stream::Noise, c.x.options(), c.firstChain);
    EnergyAndGradient next = target.energyAndGradient({c.x, c.y});
    c.energy = next.energy;
    c.gradient = next.gradient;
  }

 private:
  double h_;
};

double ulaVariance(double precision, double h) { return 1 / (precision * (1 - h * precision / 4)); }

}  // namespace

TEST(langevin_has_the_known_bias) {
  CHECK(settlesAt(*sampler("langevin", {{"steps", 120}, {"stepSize", 0.1}}), 1, ulaVariance(1, 0.1), 120));
  CHECK(settlesAt(*sampler("langevin", {{"steps", 40}, {"stepSize", 0.2}}), 4, ulaVariance(4, 0.2), 40));
  CHECK(settlesAt(*sampler("langevin", {{"steps", 40}, {"stepSize", 1.0}}), 1, ulaVariance(1, 1.0), 40));
}

TEST(controls_fail_the_bias_check) {
  const double variance = ulaVariance(1, 0.1);
  CHECK(!settlesAt(ReturnsStart(), 1, variance, 120));
  CHECK(!settlesAt(ExactDraws(1), 1, variance, 120));
  CHECK(!settlesAt(SignFlipped(0.1), 1, variance, 120));
  // MALA is exact: it must fail the check of the biased kernel as well.
  CHECK(!settlesAt(*sampler("mala", {{"steps", 120}, {"stepSize", 0.1}}), 1, variance, 120));
}

TEST(mala_and_hmc_are_exact) {
  CHECK(settlesAt(ExactDraws(4), 4, 0.25, 1));
  CHECK(settlesAt(*sampler("mala", {{"steps", 120}, {"stepSize", 0.2}}), 4, 0.25, 120));
  CHECK(settlesAt(*sampler("hmc", {{"steps", 30}, {"stepSize", 0.3}, {"leapfrogSteps", 3}}), 4, 0.25, 30));
  // Steps so large that half of the proposals are refused: only a right test keeps the variance.
  CHECK(settlesAt(*sampler("hmc", {{"steps", 80}, {"stepSize", 0.85}, {"leapfrogSteps", 2}}), 4, 0.25, 80));
  CHECK(!settlesAt(ReturnsStart(), 4, 0.25, 30));
  CHECK(!settlesAt(SignFlipped(0.2), 4, 0.25, 30));
}

TEST(baoab_positions_are_exact_and_velocities_have_their_closed_form) {
  const double precision = 4, h = 0.6;  // h^2 P = 1.44, far from small
  const EnergyRef energy = gaussian(precision);
  const auto s = sampler("underdampedLangevin", {{"steps", 60}, {"stepSize", h}, {"friction", 1.0}});
  const Ran r = run(*s, *energy, 16384, 60);
  CHECK(std::abs(deviations(r.chains.x, 1 / precision)) < kSigmas);
  CHECK(std::abs(deviations(r.chains.velocity, 1 - h * h * precision / 4)) < kSigmas);
  CHECK(std::abs(deviations(r.chains.velocity, 1.0)) > 2 * kSigmas);  // the check can tell
}

TEST(temperature_scales_the_variance) {
  for (const char* kind : {"mala", "hmc", "underdampedLangevin"}) {
    Map options{{"steps", 80}, {"stepSize", 0.4}, {"temperature", 2.5}};
    if (std::string(kind) == "hmc") options["leapfrogSteps"] = 4;
    CHECK(settlesAt(*sampler(kind, options), 1, 2.5, 80));
  }
  // T / (P (1 - h P / 4)): the bias factor does not depend on the temperature.
  CHECK(settlesAt(*sampler("langevin", {{"steps", 60}, {"stepSize", 0.4}, {"temperature", 2.5}}), 1, 2.5 / 0.9, 60));
}

TEST(heuristic_form_reports_its_temperature) {
  const auto s = sampler("langevin", {{"form", "heuristic"}, {"steps", 40}, {"stepSize", 0.2}, {"noise", 0.3}});
  const double temperature = 0.09 / 0.4;
  CHECK_NEAR(s->effectiveTemperature(), temperature, 1e-15);
  CHECK(settlesAt(*s, 1, temperature * ulaVariance(1, 0.4), 40));
  const Value both(Map{
      {"kind", "langevin"}, {"form", "heuristic"}, {"steps", 1}, {"stepSize", 1}, {"noise", 1}, {"temperature", 1}});
  CHECK_THROWS(makeSampler(Spec(both, "sampler")), Error);
}

TEST(reflecting_box_gives_the_truncated_law) {
  // N(0, 1) on [-0.5, 1.5]: mean and variance of the truncated normal in closed form.
  const double a = -0.5, b = 1.5;
  const auto density = [](double v) { return std::exp(-v * v / 2) / std::sqrt(2 * std::numbers::pi); };
  const auto below = [](double v) { return 0.5 * std::erfc(-v / std::numbers::sqrt2); };
  const double mass = below(b) - below(a), mean = (density(a) - density(b)) / mass;
  const double variance = 1 + (a * density(a) - b * density(b)) / mass - mean * mean;
  const EnergyRef energy = gaussian(1);
  const Map box{{"low", a}, {"high", b}, {"mode", "reflect"}};
  struct Row {
    const char* kind;
    Map options;
    double bias;  // of the unadjusted kernels, of order h: measured against refinement, not statistics
  };
  const Row rows[] = {{"mala", {{"steps", 150}, {"stepSize", 0.3}}, 0},
                      {"hmc", {{"steps", 40}, {"stepSize", 0.3}, {"leapfrogSteps", 4}}, 0},
                      {"langevin", {{"steps", 300}, {"stepSize", 0.02}}, 0.004},
                      {"underdampedLangevin", {{"steps", 100}, {"stepSize", 0.1}}, 0.004}};
  for (const Row& row : rows) {
    Map options = row.options;
    options["box"] = box;
    const auto s = sampler(row.kind, options);
    const Ran r = run(*s, *energy, 8192, s->common().steps, 0.1);  // starts inside
    const double n = static_cast<double>(r.chains.x.numel());
    CHECK_NEAR(r.chains.x.mean().item<double>(), mean, kSigmas * std::sqrt(variance / n) + row.bias);
    // Kurtosis of a bounded law is below that of a normal one, so this is a generous standard error.
    CHECK_NEAR(r.chains.x.var().item<double>(), variance, kSigmas * variance * std::sqrt(2 / n) + row.bias);
    CHECK(r.chains.x.min().item<double>() >= a && r.chains.x.max().item<double>() <= b);
    CHECK(r.tally.clamped > 0);
  }
}

TEST(clamping_box_piles_mass_on_the_border) {
  const EnergyRef energy = gaussian(1);
  const auto s = sampler(
      "langevin", {{"steps", 50}, {"stepSize", 0.5}, {"box", Map{{"low", -0.5}, {"high", 0.5}, {"mode", "clamp"}}}});
  const Ran r = run(*s, *energy, 1024, 50);
  CHECK(r.chains.x.abs().eq(0.5).to(at::kDouble).mean().item<double>() > 0.3);
  CHECK(r.tally.clampedShare() > 0.9);
  const Value mala(
      Map{{"kind", "mala"}, {"steps", 1}, {"stepSize", 1}, {"box", Map{{"low", 0}, {"high", 1}, {"mode", "clamp"}}}});
  CHECK_THROWS(makeSampler(Spec(mala, "sampler")), Error);
}

TEST(clip_keeps_metropolis_kernels_exact) {
  const EnergyRef energy = gaussian(4);
  for (const char* kind : {"mala", "hmc"}) {
    Map options{{"steps", 60}, {"stepSize", 0.2}, {"clip", 2.0}};
    if (std::string(kind) == "hmc") options["leapfrogSteps"] = 5;
    const Ran r = run(*sampler(kind, options), *energy, 16384, 60, 0.5);
    CHECK(r.tally.clippedShare() > 0.5);
    CHECK(std::abs(deviations(r.chains.x, 0.25)) < kSigmas);
  }
}

TEST(bit_equal_at_any_number_of_threads) {
  const EnergyRef energy = mlp();
  for (const char* kind : {"langevin", "mala", "hmc", "underdampedLangevin"}) {
    Map options{{"steps", 12}, {"stepSize", 0.1}};
    if (std::string(kind) == "hmc") {
      options["leapfrogSteps"] = 3;
      options["warmup"] = 5;
    }
    const auto s = sampler(kind, options);
    const Ran one = run(*s, *energy, 700, 12);
    for (int threads : {2, 3}) {
      const Ran many = run(*s, *energy, 700, 12, 3.0, threads);
      CHECK(many.chains.x.equal(one.chains.x));
      CHECK(many.chains.energy.equal(one.chains.energy));
      CHECK(many.tally.acceptance == one.tally.acceptance);
    }
  }
}

TEST(energy_and_gradient_belong_to_the_state) {
  const EnergyRef energy = mlp(at::kDouble);
  for (const char* kind : {"langevin", "mala", "hmc", "underdampedLangevin"}) {
    Map options{{"steps", 7}, {"stepSize", 0.4}};
    if (std::string(kind) == "hmc") options["leapfrogSteps"] = 3;
    const Ran r = run(*sampler(kind, options), *energy, 200, 7);
    const EnergyAndGradient now = energy->energyAndGradient({r.chains.x, {}});
    CHECK_NEAR((now.energy - r.chains.energy).abs().max().item<double>(), 0, 1e-12);
    CHECK_NEAR((now.gradient - r.chains.gradient).abs().max().item<double>(), 0, 1e-12);
  }
}

TEST(langevin_replays_from_the_exported_noise) {
  const EnergyRef energy = gaussian(2, 3);
  const double h = 0.3;
  const Ran r = run(*sampler("langevin", {{"steps", 20}, {"stepSize", h}}), *energy, 300, 20);
  at::Tensor x = started(*energy, 300).x;
  std::vector<float> xi(300 * 3);
  for (std::uint64_t t = 0; t < 20; ++t) {
    fillNormal(xi.data(), 300, 3, 17, 0, t, Stream::Noise);
    x = x - h / 2 * 2 * x + std::sqrt(h) * at::from_blob(xi.data(), {300, 3}, at::kFloat).to(at::kDouble);
  }
  CHECK_NEAR((x - r.chains.x).abs().max().item<double>(), 0, 1e-12);
}

TEST(acceptance_of_an_unadjusted_step_is_that_of_mala) {
  // From the same state with the same noise both kernels propose the same move.
  const EnergyRef energy = gaussian(1);
  const Ran ula = run(*sampler("langevin", {{"steps", 1}, {"stepSize", 0.8}}), *energy, 512, 1, 1.0);
  const Ran mala = run(*sampler("mala", {{"steps", 1}, {"stepSize", 0.8}}), *energy, 512, 1, 1.0);
  CHECK(ula.tally.proposals == 512);
  CHECK_NEAR(ula.tally.acceptance, mala.tally.acceptance, 1e-9);
  CHECK(ula.tally.acceptanceRate() > 0.5 && ula.tally.acceptanceRate() < 0.99);
  // BAOAB on a harmonic target at a small step loses almost nothing.
  const Ran baoab = run(*sampler("underdampedLangevin", {{"steps", 1}, {"stepSize", 0.05}}), *energy, 512, 1, 1.0);
  CHECK(baoab.tally.acceptanceRate() > 0.99 && baoab.tally.acceptanceRate() < 1);
}

TEST(divergence_names_chain_and_step) {
  // h P / 4 = 5 > 1: every coordinate grows by a factor 9 a step, until float32 ends at step about 300.
  const EnergyRef energy = gaussian(1, 2, at::kFloat);
  const auto s = sampler("langevin", {{"steps", 1000}, {"stepSize", 20.0}});
  bool caught = false;
  try {
    run(*s, *energy, 4, 1000);
  } catch (const Error& error) {
    caught = true;
    CHECK(error.code == Code::Diverged);
    CHECK(error.details.count("chain") == 1 && error.details.count("step") == 1);
    CHECK(std::string(error.what()).find("stepSize") != std::string::npos);
  }
  CHECK(caught);
  Job job;
  Chains bad = started(*energy, 4);
  bad.x[2][1] = std::numeric_limits<float>::quiet_NaN();
  try {
    advance(*s, *energy, bad, 1, 0, Random(1), 1, job);
    CHECK(false);
  } catch (const Error& error) {
    CHECK(error.code == Code::NonFinite);
    CHECK(*error.details.at("chain").get<double>() == 2);
  }
  // A clamping box must not turn an infinite position into a border point.
  const auto boxed = sampler(
      "langevin", {{"steps", 1}, {"stepSize", 1e30}, {"box", Map{{"low", -1}, {"high", 1}, {"mode", "clamp"}}}});
  Chains far = started(*energy, 4, 1e18);
  CHECK_THROWS(advance(*boxed, *energy, far, 1, 0, Random(1), 1, job), Error);
}

TEST(hmc_counts_divergences_and_adapts_its_step) {
  const EnergyRef energy = gaussian(25);
  const Ran wild = run(*sampler("hmc", {{"steps", 3}, {"stepSize", 4.0}, {"leapfrogSteps", 10}}), *energy, 256, 3);
  CHECK(wild.tally.divergences > 256);
  CHECK(wild.tally.accepted == 0);
  const auto s = sampler("hmc", {{"steps", 300}, {"stepSize", 4.0}, {"leapfrogSteps", 5}, {"warmup", 200}});
  Job job;
  Chains chains = started(*energy, 256, 0.2);
  advance(*s, *energy, chains, 200, 0, Random(17), 1, job);
  const at::Tensor frozen = s->stepSizes(chains);
  const Tally after = advance(*s, *energy, chains, 100, 200, Random(17), 1, job);
  CHECK(s->stepSizes(chains).equal(frozen));
  // Above the target of 0.8: the last 50 steps adapt the size, and the acceptance of columns of one scale falls faster
  // than the logarithm of the step that is averaged.
  CHECK(after.acceptanceRate() > 0.75 && after.acceptanceRate() < 0.96);
  CHECK(std::abs(deviations(chains.x, 1.0 / 25)) < kSigmas);
}

}  // namespace langevin::samplers_test
