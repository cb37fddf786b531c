// The fused Langevin and MALA loops against their twins, the step-by-step kernels on plain ATen.
#include <cstdlib>

#include "check.hpp"
#include "samplers/sampler.hpp"

using namespace langevin;

namespace {

EnergyRef network(bool fused, std::uint64_t seed = 3) {
  const Value spec(Map{{"kind", "mlp"},
                       {"input", 2},
                       {"hidden", List{Value(32), Value(17)}},
                       {"activation", "silu"},
                       {"gaussianBase", 1.5}});
  if (!fused) setenv("LANGEVIN_EXECUTOR", "aten", 1);
  const EnergyRef energy = makeEnergy(Spec(spec, "energy"), at::kFloat, at::kCPU, seed);
  unsetenv("LANGEVIN_EXECUTOR");
  return energy;
}

struct Outcome {
  Chains chains;
  Tally tally;
};

Outcome run(const Map& samplerSpec, const Energy& energy, std::int64_t n, std::int64_t steps, int threads) {
  const Value value{samplerSpec};
  const auto sampler = makeSampler(Spec(value, "sampler"));
  Job job;
  Outcome o;
  o.chains.x = Random(9).normal(n, 2, 0, Stream::Init, at::kFloat);
  o.tally = advance(*sampler, energy, o.chains, steps, 5, Random(1), threads, job);
  return o;
}

Map options(const char* kind, double stepSize) { return {{"kind", kind}, {"steps", 20}, {"stepSize", stepSize}}; }

void requireFused(const Energy& energy) {
  const Value value{options("langevin", 0.1)};
  CHECK(std::string(planTile(*makeSampler(Spec(value, "s")), energy)->name()) == "fused");
}

double apart(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST(langevin_equals_its_twin_step_by_step) {
  const EnergyRef fused = network(true), plain = network(false);
  requireFused(*fused);
  CHECK(plain->tiles() == nullptr);
  std::vector<Map> specs = {options("langevin", 0.1)};
  specs.push_back(options("langevin", 0.1));
  specs.back()["clip"] = 0.4;
  specs.push_back(options("langevin", 0.5));
  specs.back()["box"] = Map{{"low", -1.0}, {"high", 1.2}, {"mode", "reflect"}};
  specs.push_back(options("langevin", 0.5));
  specs.back()["box"] = Map{{"low", -1.0}, {"high", 1.2}, {"mode", "clamp"}};
  Map heuristic = options("langevin", 0.05);
  heuristic["form"] = "heuristic";
  heuristic["noise"] = 0.01;
  specs.push_back(heuristic);
  for (const Map& spec : specs)
    for (std::int64_t n : {1, 3, 130, 700}) {
      const Outcome a = run(spec, *fused, n, 20, 1), b = run(spec, *plain, n, 20, 1);
      // States of size 1, 20 steps of one float32 rounding each: 1e-5 a step is the documented bound, 2e-5 over all is
      // seen.
      CHECK_NEAR(apart(a.chains.x, b.chains.x), 0.0, 1e-4);
      CHECK_NEAR(apart(a.chains.energy, b.chains.energy), 0.0, 1e-4);
      CHECK_NEAR(a.tally.acceptanceRate(), b.tally.acceptanceRate(), 1e-3);
      CHECK(a.tally.clipped == b.tally.clipped ||
            std::abs(double(a.tally.clipped - b.tally.clipped)) < 0.01 * double(n) * 20);
      CHECK(a.tally.clamped == b.tally.clamped ||
            std::abs(double(a.tally.clamped - b.tally.clamped)) < 0.01 * double(n) * 20);
    }
}

TEST(mala_equals_its_twin) {
  const EnergyRef fused = network(true), plain = network(false);
  Map spec = options("mala", 0.8);
  for (const bool boxed : {false, true}) {
    if (boxed) spec["box"] = Map{{"low", -1.5}, {"high", 1.5}, {"mode", "reflect"}};
    const Outcome a = run(spec, *fused, 900, 10, 1), b = run(spec, *plain, 900, 10, 1);
    // A decision can fall either way where uniform and ratio agree to float32: a handful of 9,000.
    const auto different = (a.chains.x - b.chains.x).abs().amax(1).gt(1e-3).sum().item<std::int64_t>();
    CHECK(different <= 3);
    CHECK_NEAR(a.tally.acceptanceRate(), b.tally.acceptanceRate(), 1e-3);
    CHECK(a.tally.acceptanceRate() < 0.999);
    CHECK(a.tally.accepted > 0);
  }
}

TEST(fused_chains_do_not_depend_on_threads_or_on_how_a_run_is_cut) {
  const EnergyRef energy = network(true);
  for (const char* kind : {"langevin", "mala"}) {
    const Outcome one = run(options(kind, 0.3), *energy, 1000, 20, 1);
    for (int threads : {2, 3}) CHECK(one.chains.x.equal(run(options(kind, 0.3), *energy, 1000, 20, threads).chains.x));
    // Rows of a block are computed alike whatever the block's size: the first 77 chains alone give the same bits.
    const Outcome few = run(options(kind, 0.3), *energy, 77, 20, 1);
    CHECK(few.chains.x.equal(one.chains.x.slice(0, 0, 77)));
  }
}

TEST(a_diverging_chain_is_named) {
  const EnergyRef energy = network(true);
  Map spec = options("langevin", 1e30);
  bool thrown = false;
  try {
    run(spec, *energy, 10, 20, 1);
  } catch (const Error& error) {
    thrown = error.code == Code::Diverged && error.details.count("chain") == 1;
  }
  CHECK(thrown);
}
