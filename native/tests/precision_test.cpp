// precision: 'bfloat16' of a sampler: the drift's products are rounded, the law of the chains is that of float32 within
// what the rounding explains.
#include "check.hpp"
#include "program/builder.hpp"
#include "samplers/sampler.hpp"
#include "tensors/random.hpp"
#include "training_support.hpp"

namespace langevin::precision_test {

using langevin::test::energyFrom;

namespace {

constexpr std::int64_t kColumns = 16;

// E = |Q x|^2 / 2 with an orthogonal Q: the standard Gaussian, by a layer whose product can be rounded.
EnergyRef rotatedGaussian() {
  Builder b("sequential");
  const int x = b.input(kColumns);
  b.setEnergy(b.scale(b.sum(b.square(b.linear(x, "0", kColumns, false))), 0.5));
  auto energy = std::make_shared<Energy>(b.finish(), at::kFloat, at::kCPU, 1);
  const at::Tensor z = Random(3).normal(kColumns, kColumns, 0, Stream::User, at::kDouble);
  energy->parameters().assign({{"0.weight", std::get<0>(at::linalg_qr(z)).to(at::kFloat)}}, true);
  return energy;
}

struct Run {
  at::Tensor x, energy;
  double acceptance;
};

Run run(const char* kind, const char* precision, const Energy& energy, std::int64_t chains, double stepSize) {
  const Value spec(Map{{"kind", kind}, {"steps", 200}, {"stepSize", stepSize}, {"precision", precision}});
  const auto sampler = makeSampler(Spec(spec, "sampler"));
  Job job;
  Chains c;
  c.x = Random(9).normal(chains, energy.inputWidth(), 0, Stream::Init, at::kFloat);
  const Tally tally = advance(*sampler, energy, c, 200, 0, Random(1), 1, job);
  return {c.x, c.energy, tally.acceptanceRate()};
}

double variance(const at::Tensor& x) { return x.to(at::kDouble).square().mean().item<double>(); }

}  // namespace

TEST(a_gaussian_keeps_its_variance) {
  const EnergyRef energy = rotatedGaussian();
  const double h = 0.5, known = 1 / (1 - h / 4);  // of the unadjusted step
  const Run full = run("langevin", "float32", *energy, 2000, h), half = run("langevin", "bfloat16", *energy, 2000, h);
  // 32,000 numbers: the variance has a relative sd of sqrt(2 / 32000) = 0.8 %; 4.5 of them, a false alarm in 150,000.
  CHECK_NEAR(variance(full.x), known, 0.036 * known);
  CHECK_NEAR(variance(half.x), known, 0.036 * known);
  // The same noise: what is left of the difference is the rounding of Q and x to 8 bits, 2^-9 each in the drift.
  CHECK_NEAR(variance(half.x), variance(full.x), 0.004 * known);
  CHECK(!half.x.equal(full.x));  // control: the rounding took place
  // Energies stay float32: those of the final states, to a few roundings of sums of 16 squares.
  const at::Tensor exact = energy->energyOf({half.x, {}});
  CHECK_NEAR((half.energy - exact).abs().max().item<double>(), 0.0, 1e-4);
}

TEST(a_metropolis_test_does_not_see_the_rounding) {
  const EnergyRef energy = rotatedGaussian();
  const Run half = run("mala", "bfloat16", *energy, 2000, 0.5);
  CHECK_NEAR(variance(half.x), 1.0, 0.036);  // exact for any drift
  CHECK(half.acceptance > 0.5 && half.acceptance < 0.999);
}

TEST(a_trained_energy_keeps_its_moments) {
  const EnergyRef energy = energyFrom(
      {{"kind", "mlp"}, {"input", 2}, {"hidden", List{64, 64}}, {"activation", "silu"}, {"gaussianBase", 1.5}},
      at::kFloat);
  test::train(energy, Random(5).normal(2000, 2, 0, Stream::User, at::kFloat) * 0.7 + 0.5,
              {{"objective", Map{{"kind", "denoisingScoreMatching"}, {"sigma", 0.3}}},
               {"optimizer", Map{{"kind", "adam"}, {"lr", 0.005}}},
               {"steps", 150},
               {"batchSize", 256}});
  const Run full = run("langevin", "float32", *energy, 4000, 0.05),
            half = run("langevin", "bfloat16", *energy, 4000, 0.05);
  // Chains with the same noise stay together: means and variances differ by what 8 bits do to the drift, 1 %
  // of the spread.
  const at::Tensor a = full.x.to(at::kDouble), b = half.x.to(at::kDouble);
  const at::Tensor spread = a.var(0, true);
  CHECK_NEAR(((a.mean(0) - b.mean(0)).abs() / spread.sqrt()).max().item<double>(), 0.0, 0.01);
  CHECK_NEAR((b.var(0, true) / spread - 1).abs().max().item<double>(), 0.0, 0.02);
}

TEST(a_run_cut_in_two_goes_on_the_same) {
  const EnergyRef energy = rotatedGaussian();
  const Value spec(Map{{"kind", "langevin"}, {"steps", 40}, {"stepSize", 0.3}, {"precision", "bfloat16"}});
  const auto sampler = makeSampler(Spec(spec, "sampler"));
  Job job;
  const auto start = [] {
    Chains c;
    c.x = Random(9).normal(130, kColumns, 0, Stream::Init, at::kFloat);
    return c;
  };
  Chains whole = start(), parts = start();
  advance(*sampler, *energy, whole, 40, 0, Random(1), 1, job);
  advance(*sampler, *energy, parts, 15, 0, Random(1), 2, job);
  parts.restart();  // as a resumed run finds its chains
  advance(*sampler, *energy, parts, 25, 15, Random(1), 2, job);
  CHECK(whole.x.equal(parts.x));
}

}  // namespace langevin::precision_test
