// On a CUDA device: random numbers, energies and their gradients, and the sampling loops, against the host and against
// plain ATen on the same device. Run by `npm run test:cuda`.
#include <cmath>
#include <cstdlib>

#include "check.hpp"
#include "program_cases.hpp"
#include "samplers/cuda/executor.hpp"
#include "samplers/sampler.hpp"

using namespace langevin;
using namespace langevin::test;

namespace {

const at::Device kDevice(at::kCUDA, 0);

std::unique_ptr<Energy> onDevice(Program program, bool fused, std::uint64_t seed = 3) {
  if (!fused) setenv("LANGEVIN_EXECUTOR", "aten", 1);
  auto energy = std::make_unique<Energy>(std::move(program), at::kFloat, kDevice, seed);
  unsetenv("LANGEVIN_EXECUTOR");
  if (fused && !energy->cudaTiles()) fail(__FILE__, __LINE__, energy->planReason());
  return energy;
}

std::shared_ptr<const Sampler> samplerOf(const Map& spec) {
  const Value value{spec};
  return makeSampler(Spec(value, "sampler"));
}

struct Outcome {
  Chains chains;
  Tally tally;
  std::string executor;
};

Outcome run(const Map& spec, const Energy& energy, std::int64_t n, std::int64_t steps, std::uint64_t seed = 1) {
  const auto sampler = samplerOf(spec);
  const auto executor = planTile(*sampler, energy);
  Job job;
  Pulse pulse(job, n, steps, false);
  Outcome o;
  o.chains.x = Random(9).normal(n, energy.inputWidth(), 0, Stream::Init, at::kFloat).to(kDevice);
  executor->run(o.chains, {0, steps, 5, true}, steps, Random(seed), o.tally, pulse);
  o.executor = executor->name();
  return o;
}

Map options(const char* kind, double stepSize, std::int64_t steps = 20) {
  return {{"kind", kind}, {"steps", steps}, {"stepSize", stepSize}};
}

void compare(Program program, std::int64_t n, std::uint64_t seed, bool conditioned = false) {
  const auto energy = onDevice(std::move(program), true, seed);
  Batch rows = randomRows(energy->program(), n, seed, conditioned);
  const EnergyAndGradient want = exact(*energy, rows);
  rows.x = rows.x.to(kDevice);
  if (rows.y.defined()) rows.y = rows.y.to(kDevice);
  const EnergyAndGradient got = energy->energyAndGradient(rows);
  CHECK(got.energy.is_cuda());
  CHECK_NEAR(apart(got.energy, want.energy), 0.0, 1e-5);
  CHECK_NEAR(apart(got.gradient, want.gradient), 0.0, 1e-5);
}

double largest(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST(the_kernels_are_in_this_build) { CHECK(cuda::compiled()); }

TEST(device_normals_equal_the_bits_of_the_host) {
  const Random random(0x123456789ABCDEFull);
  for (const std::int64_t cols : {1, 3, 4, 7, 128})
    for (const Stream stream : {Stream::Noise, Stream::User}) {
      const std::uint64_t step = (1ull << 33) + 5, first = (1ull << 35) + 11;
      const auto host = at::TensorOptions(at::kFloat);
      CHECK(random.normal(5001, cols, step, stream, host.device(kDevice), first)
                .cpu()
                .equal(random.normal(5001, cols, step, stream, host, first)));
      CHECK(random.uniform(5001, cols, step, stream, host.device(kDevice), first)
                .cpu()
                .equal(random.uniform(5001, cols, step, stream, host, first)));
    }
}

TEST(energies_and_gradients_of_every_shape_and_operation) {
  const std::vector<std::vector<std::int64_t>> shapes = {{},       {1},   {3},        {17, 130},
                                                         {64, 64}, {128}, {150, 141}, {8, 9, 10, 11, 12, 13}};
  std::uint64_t seed = 1;
  for (const char* act : {"silu", "gelu", "tanh", "sigmoid", "softplus", "relu", "leakyRelu"})
    for (const auto& shape : shapes)
      for (const std::int64_t n : {1, 63, 1000, 20000}) {
        compare(network(act, seed % 2 ? 2 : 37, shape), n, seed);
        ++seed;
      }
  compare(network("silu", 784, {512, 512}), 300, 4);  // weights that are streamed
  compare(residualConditional(), 1000, 77, true);
  compare(continuousConditional(), 1000, 78, true);
  for (const bool labelled : {false, true}) compare(classifier(), 1000, 5, labelled);
  compare(expression(), 1000, 8);
  compare(gaussian(), 1000, 2);
}

TEST(changed_parameters_are_noticed) {
  const auto energy = onDevice(network("silu", 2, {16}), true);
  const Batch rows{Random(6).normal(10, 2, 0, Stream::User, at::kFloat).to(kDevice), {}};
  const at::Tensor before = energy->energyAndGradient(rows).energy.clone();
  {
    at::NoGradGuard guard;
    energy->parameters().flat().mul_(2.0);
  }
  CHECK(!energy->energyAndGradient(rows).energy.allclose(before));
}

TEST(langevin_in_the_kernel_equals_plain_aten) {
  std::vector<Map> specs(5, options("langevin", 0.1));
  specs[1]["clip"] = 0.4;
  specs[2]["box"] = Map{{"low", -1.0}, {"high", 1.2}, {"mode", "reflect"}};
  specs[3]["box"] = Map{{"low", -1.0}, {"high", 1.2}, {"mode", "clamp"}};
  specs[4]["temperature"] = Map{{"kind", "geometric"}, {"from", 4.0}, {"to", 0.25}};
  for (const auto& hidden : std::vector<std::vector<std::int64_t>>{{32, 17}, {130}, {128, 128}, {3, 1}})
    for (const Map& spec : specs)
      for (const std::int64_t n : {1, 3, 130, 3001}) {
        const auto fused = onDevice(network("silu", 3, hidden), true),
                   plain = onDevice(network("silu", 3, hidden), false);
        const Outcome a = run(spec, *fused, n, 20), b = run(spec, *plain, n, 20);
        CHECK(a.executor == "fused-cuda" && b.executor != "fused-cuda");
        // States of size 1, 20 steps of one float32 rounding each: 1e-5 a step is the documented bound.
        CHECK_NEAR(largest(a.chains.x, b.chains.x), 0.0, 2e-4);
        CHECK_NEAR(largest(a.chains.energy, b.chains.energy), 0.0, 2e-4);
        CHECK_NEAR(a.tally.acceptanceRate(), b.tally.acceptanceRate(), 1e-3);
        CHECK(a.tally.proposals == b.tally.proposals);
        CHECK_NEAR(a.tally.clippedShare(), b.tally.clippedShare(), 0.01);
        CHECK_NEAR(a.tally.clampedShare(), b.tally.clampedShare(), 0.01);
      }
}

TEST(mala_in_the_kernel_equals_plain_aten) {
  const auto fused = onDevice(network("silu", 2, {32, 17}), true),
             plain = onDevice(network("silu", 2, {32, 17}), false);
  Map spec = options("mala", 0.8);
  for (const bool boxed : {false, true}) {
    if (boxed) spec["box"] = Map{{"low", -1.5}, {"high", 1.5}, {"mode", "reflect"}};
    const Outcome a = run(spec, *fused, 900, 10), b = run(spec, *plain, 900, 10);
    // A decision can fall either way where uniform and ratio agree to float32: a handful of 9,000.
    CHECK((a.chains.x - b.chains.x).abs().amax(1).gt(1e-3).sum().item<std::int64_t>() <= 3);
    CHECK_NEAR(a.tally.acceptanceRate(), b.tally.acceptanceRate(), 1e-3);
    CHECK(a.tally.acceptanceRate() < 0.999 && a.tally.accepted > 0);
  }
}

TEST(chains_do_not_depend_on_the_tile_or_on_how_a_run_is_cut) {
  const auto energy = onDevice(network("silu", 2, {64, 64}), true);
  const Outcome all = run(options("langevin", 0.3, 600), *energy, 20000, 600);  // three launches of tall tiles
  const Outcome few = run(options("langevin", 0.3, 600), *energy, 77, 600);     // short tiles
  // The order of the sums of a product does not depend on the tile's height; other sums are spread over more lanes.
  CHECK_NEAR(largest(all.chains.x.slice(0, 0, 77), few.chains.x), 0.0, 5e-3);
  CHECK(run(options("langevin", 0.3, 600), *energy, 20000, 600).chains.x.equal(all.chains.x));
}

TEST(a_gaussian_settles_at_the_variance_of_the_discrete_step) {
  // E = P x^2 / 2 with P = 1 a column, h = 0.4: the variance is 1 / (1 - h P / 4) = 1.1111. Means of 60,000 squares:
  // sd 0.0064, four of them: 6 false alarms in 10^5.
  Builder b("gaussian");
  const int x = b.input(3);
  b.setEnergy(b.scale(b.sum(b.square(x)), 0.5));
  const auto energy = onDevice(b.finish(), true);
  const Outcome o = run(options("langevin", 0.4, 100), *energy, 20000, 100);
  CHECK_NEAR(o.chains.x.square().mean().item<double>(), 1.0 / 0.9, 0.026);
  CHECK_NEAR(o.chains.x.mean().item<double>(), 0.0, 0.018);
  // mala has no such bias.
  const Outcome m = run(options("mala", 0.4, 100), *energy, 20000, 100);
  CHECK_NEAR(m.chains.x.square().mean().item<double>(), 1.0, 0.024);
}

TEST(a_diverging_chain_is_named) {
  const auto energy = onDevice(network("silu", 2, {16}), true);
  bool thrown = false;
  try {
    run(options("langevin", 1e30), *energy, 10, 20);
  } catch (const Error& error) {
    thrown = error.code == Code::Diverged && error.details.count("chain") == 1;
  }
  CHECK(thrown);
}

TEST(recorded_steps_equal_eager_ones) {
  // The plain path, recorded as a CUDA graph, against the same step called one by one.
  const auto energy = onDevice(network("silu", 2, {32, 17}), false);
  for (const char* kind : {"langevin", "mala"}) {
    Map spec = options(kind, 0.3, 40);
    spec["clip"] = 2.0;
    spec["box"] = Map{{"low", -2.0}, {"high", 2.0}, {"mode", "reflect"}};
    const Outcome recorded = run(spec, *energy, 500, 40);
    CHECK(recorded.executor == "stepwise-graph");
    const auto sampler = samplerOf(spec);
    Outcome eager;
    eager.chains.x = Random(9).normal(500, 2, 0, Stream::Init, at::kFloat).to(kDevice);
    sampler->init(eager.chains, *energy, Random(1), 5);
    for (std::int64_t t = 0; t < 40; ++t)
      sampler->step(eager.chains, *energy, {t, 40, 5 + static_cast<std::uint64_t>(t), true}, Random(1), eager.tally);
    CHECK_NEAR(largest(recorded.chains.x, eager.chains.x), 0.0, 1e-4);
    CHECK_NEAR(recorded.tally.acceptance, eager.tally.acceptance, 1e-2);
    CHECK(recorded.tally.proposals == eager.tally.proposals);
  }
}
