// The fused loops against their twins, the step-by-step kernels on plain ATen.
//
// A step of both sides starts from the same state; where it leads may differ by float32 rounding of sums in another
// order, and by nothing else: 1e-5 relative to max(1, |value|); in float64 1e-12. A Metropolis decision can fall either way where uniform
// and ratio agree to float32 (about one proposal in a million): at most 3 of some 70,000 may.
#include <cstdlib>

#include "check.hpp"
#include "samplers/sampler.hpp"
#include "tensors/tensor.hpp"

namespace langevin::fused_samplers_test {
namespace {

EnergyRef makeOn(bool fused, const Map& spec, std::uint64_t seed, at::ScalarType dtype = at::kFloat) {
  const Value value{spec};
  if (!fused) setenv("LANGEVIN_EXECUTOR", "aten", 1);
  const EnergyRef energy = makeEnergy(Spec(value, "energy"), dtype, at::kCPU, seed);
  unsetenv("LANGEVIN_EXECUTOR");
  return energy;
}

struct Pair {
  EnergyRef fused, plain;
  explicit Pair(const Map& spec, std::uint64_t seed = 3, at::ScalarType dtype = at::kFloat)
      : fused(makeOn(true, spec, seed, dtype)), plain(makeOn(false, spec, seed, dtype)) {}
};

Map network(std::int64_t input, List hidden, const char* activation) {
  return {{"kind", "mlp"},
          {"input", input},
          {"hidden", std::move(hidden)},
          {"activation", activation},
          {"gaussianBase", 1.5}};
}

const Map kNetwork = network(2, {Value(32), Value(17)}, "silu");

std::shared_ptr<const Sampler> samplerOf(const Map& spec) {
  const Value value{spec};
  return makeSampler(Spec(value, "sampler"));
}

Map options(const char* kind, double stepSize) {
  Map spec{{"kind", kind}, {"steps", 20}, {"stepSize", stepSize}};
  if (std::string(kind) == "hmc") spec["leapfrogSteps"] = 3;
  return spec;
}

Map with(Map spec, const Map& more) {
  for (const auto& [key, value] : more) spec[key] = value;
  return spec;
}

const Map kSchedule{{"kind", "geometric"}, {"from", 2.0}, {"to", 0.5}};

Map box(const char* mode) { return {{"low", -1.0}, {"high", 1.2}, {"mode", mode}}; }

// Every fused sampler with every option it has.
std::vector<Map> everySampler() {
  std::vector<Map> specs;
  for (const char* kind : {"langevin", "mala", "hmc", "underdampedLangevin"}) {
    const Map plain = options(kind, std::string(kind) == "langevin" ? 0.1 : 0.4);
    for (const Map& more : {Map{}, Map{{"clip", 0.4}}, Map{{"box", box("reflect")}}, Map{{"temperature", kSchedule}},
                            Map{{"stepSize", kSchedule}, {"clip", 2.0}, {"box", box("reflect")}}})
      specs.push_back(with(plain, more));
  }
  for (const char* kind : {"langevin", "underdampedLangevin"})
    specs.push_back(with(options(kind, 0.5), {{"box", box("clamp")}}));
  for (const double noise : {0.0, 0.01})
    specs.push_back(with(options("langevin", 0.05), {{"form", "heuristic"}, {"noise", noise}}));
  specs.push_back(with(options("hmc", 0.3), {{"jitter", 0.5}}));
  specs.push_back(with(options("hmc", 0.3), {{"warmup", 12}, {"jitter", 0.2}, {"leapfrogSteps", 1}}));
  // Its metric is found after 15 steps.
  specs.push_back(with(options("hmc", 0.3), {{"warmup", 20}, {"box", box("reflect")}}));
  specs.push_back(with(options("underdampedLangevin", 0.3), {{"friction", 8.0}}));
  return specs;
}

double apart(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  return ((a - b).abs() / b.abs().clamp_min(1)).max().item<double>();
}

// Normal numbers, or states where the columns have some.
at::Tensor startOf(const Energy& energy, std::int64_t n) {
  const Random random(9);
  if (energy.domain().mixed()) return energy.domain().uniform(n, 0, Stream::Init, random, energy.options());
  if (energy.domain().real()) return random.normal(n, energy.inputWidth(), 0, Stream::Init, energy.dtype());
  const at::Tensor u = random.uniform(n, energy.inputWidth(), 0, Stream::Init, at::kDouble);
  return energy.domain().encode(u.gt(0.5).to(at::kLong), energy.dtype());
}

struct Parity {
  std::int64_t proposals = 0, decisions = 0;  // decisions: rows that were refused on one side only

  // `steps` steps, each of both sides from the state the fused one reached.
  void check(const Map& spec, const Pair& energy, std::int64_t n, const at::Tensor& y, std::int64_t steps) {
    const auto sampler = samplerOf(spec);
    const auto fused = planTile(*sampler, *energy.fused), plain = planTile(*sampler, *energy.plain);
    CHECK(std::string(fused->name()) == "fused");
    CHECK(std::string(plain->name()) == "stepwise");
    Job job;
    Pulse pulse(job, n, steps, false);
    const Random random(1);
    Chains chains;
    chains.x = startOf(*energy.fused, n);
    chains.y = y;
    chains.firstChain = 7;
    startTile(*sampler, *energy.fused, chains, random, 5);
    for (std::int64_t t = 0; t < steps; ++t) {
      Chains twin = chains;
      Tally a, b;
      const StepClock clock{t, steps, 5 + static_cast<std::uint64_t>(t), 1};
      fused->run(chains, clock, 1, random, a, pulse);
      plain->run(twin, clock, 1, random, b, pulse);
      compare(chains, twin, a, b, n);
    }
  }

 private:
  void compare(const Chains& chains, const Chains& twin, const Tally& a, const Tally& b, std::int64_t n) {
    const double bound = chains.x.scalar_type() == at::kFloat ? 1e-5 : 1e-12;
    const at::Tensor same = ((chains.x - twin.x).abs() / twin.x.abs().clamp_min(1)).amax(1).le(bound);
    proposals += n;
    decisions += n - same.sum().item<std::int64_t>();
    const auto kept = [&](const at::Tensor& t) { return t.index({same}); };
    CHECK(apart(kept(chains.energy), kept(twin.energy)) <= bound);
    CHECK(chains.gradient.defined() == twin.gradient.defined());
    if (twin.gradient.defined()) CHECK(apart(kept(chains.gradient), kept(twin.gradient)) <= bound);
    if (twin.velocity.defined()) CHECK(apart(kept(chains.velocity), kept(twin.velocity)) <= bound);
    if (twin.adaptation.defined()) CHECK(apart(kept(chains.adaptation), kept(twin.adaptation)) <= 20 * bound);
    CHECK(a.proposals == b.proposals && a.steps == b.steps && a.divergences == b.divergences);
    CHECK_NEAR(a.acceptance, b.acceptance, 10 * bound * static_cast<double>(n));
    // Rows whose gradient norm or position agrees with a limit to float32.
    CHECK(std::abs(a.clipped - b.clipped) <= 1 && std::abs(a.clamped - b.clamped) <= 1);
  }
};

struct Outcome {
  Chains chains;
  Tally tally;
};

Outcome run(const Map& spec, const Energy& energy, std::int64_t n, std::int64_t steps, int threads) {
  Job job;
  Outcome o;
  o.chains.x = startOf(energy, n);
  o.tally = advance(*samplerOf(spec), energy, o.chains, steps, 5, Random(1), threads, job);
  return o;
}

bool same(const Chains& a, const Chains& b) {
  const auto equal = [](const at::Tensor& p, const at::Tensor& q) {
    return p.defined() == q.defined() && (!p.defined() || p.equal(q));
  };
  return equal(a.x, b.x) && equal(a.energy, b.energy) && equal(a.gradient, b.gradient) &&
         equal(a.velocity, b.velocity) && equal(a.adaptation, b.adaptation);
}

Code refusal(const Map& spec, const Energy& energy) {
  try {
    run(spec, energy, 10, 20, 1);
  } catch (const Error& error) {
    CHECK(error.details.count("chain") == 1 && error.details.count("step") == 1);
    return error.code;
  }
  return Code::Internal;
}

}  // namespace

TEST(every_step_equals_its_twin) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const Pair energy(kNetwork, 3, dtype);
    Parity parity;
    for (const Map& spec : everySampler())
      for (const std::int64_t n : {1, 3, 130}) parity.check(spec, energy, n, {}, n == 130 ? 16 : 6);
    CHECK(parity.proposals > 50000);
    CHECK(parity.decisions <= (dtype == at::kFloat ? 3 : 0));
  }
}

// Energies whose sites have two levels: of spins on a lattice, binary with hidden units, and one that is linear in no
// site, so that the estimates of a move and of its way back differ.
std::vector<Map> energiesOfTwoLevels() {
  const Map ising{{"kind", "ising"}, {"lattice", List{Value(5), Value(4)}}, {"coupling", 0.3}};
  const Map rbm{{"kind", "rbm"}, {"input", 30}, {"hidden", 8}};
  const Map curved{
      {"kind", "mlp"}, {"input", 17}, {"hidden", List{Value(32)}}, {"activation", "tanh"}, {"states", "binary"}};
  return {ising, rbm, curved};
}

TEST(steps_between_two_levels_equal_their_twins) {
  std::vector<Map> samplers;
  for (const double stepSize : {0.05, 0.6})
    for (const bool adjusted : {true, false})
      samplers.push_back(with(options("discreteLangevin", stepSize), {{"adjusted", adjusted}}));
  samplers.push_back(with(options("discreteLangevin", 0.3), {{"temperature", kSchedule}}));
  for (const Map& more : {Map{}, Map{{"temperature", kSchedule}}})
    samplers.push_back(with({{"kind", "gibbsWithGradients"}, {"steps", 20}}, more));
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    Parity parity;
    for (const Map& energy : energiesOfTwoLevels()) {
      const Pair pair(energy, 3, dtype);
      for (const Map& sampler : samplers)
        for (const std::int64_t n : {1, 150}) parity.check(sampler, pair, n, {}, 20);
    }
    // Sites by the thousand, each with a uniform of 48 bits, and rows with one test each.
    CHECK(parity.proposals == 63'420 && parity.decisions <= 3);
  }
}

// Kernels that take turns, each in its own loop over its own columns of the held rows: apart from each other, between
// others, several kinds at once, and one that has no loop (gibbs on more than two levels).
TEST(rounds_of_kernels_equal_their_twins) {
  const auto kernel = [](Value on, Map sampler) { return Map{{"on", std::move(on)}, {"sampler", std::move(sampler)}}; };
  const auto steps = [](const char* kind, double stepSize) { return with(options(kind, stepSize), {{"steps", 3}}); };
  const List states{Map{{"kind", "real"}, {"columns", 3}}, Map{{"kind", "binary"}, {"columns", 4}, {"name", "bits"}},
                    Map{{"kind", "categorical"}, {"levels", 3}, {"columns", 6}, {"name", "colour"}},
                    Map{{"kind", "real"}, {"columns", 2}, {"name", "size"}}};
  const Map energy{{"kind", "mlp"},        {"input", 15},      {"hidden", List{Value(32)}},
                   {"activation", "tanh"}, {"states", states}, {"gaussianBase", 1.5}};
  const Map gibbs{{"kind", "gibbs"}, {"steps", 1}}, gradients{{"kind", "gibbsWithGradients"}, {"steps", 3}};
  const Value bits = List{Value("bits")}, colour = List{Value("colour")};
  const List rounds[] = {
      {kernel("real", steps("langevin", 0.1)), kernel(bits, steps("discreteLangevin", 0.3)), kernel(colour, gibbs)},
      {kernel(colour, steps("discreteLangevin", 0.3)), kernel(bits, gibbs), kernel("real", steps("mala", 0.3))},
      {kernel("real", steps("underdampedLangevin", 0.3)), kernel(bits, gradients), kernel(colour, gradients)},
      {kernel("real", steps("hmc", 0.3)), kernel("discrete", steps("discreteLangevin", 0.3))}};
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const Pair pair(energy, 3, dtype);
    Parity parity;
    for (const List& kernels : rounds)
      for (const std::int64_t n : {1, 150})
        parity.check({{"kind", "blockwise"}, {"steps", 1}, {"kernels", kernels}}, pair, n, {}, 10);
    CHECK(parity.proposals == 4 * 151 * 10 && parity.decisions <= (dtype == at::kFloat ? 6 : 0));
  }
}

TEST(chains_of_two_levels_do_not_depend_on_threads_or_on_how_a_run_is_cut) {
  for (const Map& spec : energiesOfTwoLevels()) {
    const Pair pair(spec);
    for (const Map& sampler : {options("discreteLangevin", 0.3), Map{{"kind", "gibbsWithGradients"}, {"steps", 20}}}) {
      const Outcome one = run(sampler, *pair.fused, 400, 20, 1), two = run(sampler, *pair.fused, 400, 20, 2);
      CHECK(same(one.chains, two.chains));
      CHECK(one.tally.accepted == two.tally.accepted && one.tally.accepted > 0);
      Outcome cut = run(sampler, *pair.fused, 400, 11, 2);
      Job job;
      advance(*samplerOf(sampler), *pair.fused, cut.chains, 9, 16, Random(1), 1, job);
      CHECK(same(one.chains, cut.chains));
    }
  }
}

// Control: a step that went through float32 somewhere is no float64 step.
TEST(a_float32_step_is_seen_in_float64) {
  const Pair energy(kNetwork, 3, at::kDouble);
  const EnergyRef narrow = makeOn(true, kNetwork, 3);
  for (const char* kind : {"langevin", "underdampedLangevin"}) {
    const Map spec = options(kind, 0.1);
    const at::Tensor wide = run(spec, *energy.fused, 40, 1, 1).chains.x;
    CHECK(apart(run(spec, *energy.plain, 40, 1, 1).chains.x, wide) < 1e-12);
    CHECK(apart(run(spec, *narrow, 40, 1, 1).chains.x.to(at::kDouble), wide) > 1e-9);
  }
}

TEST(every_shape_of_energy_equals_its_twin) {
  // Widths around and between the vector lengths, depths 1 to 4.
  const List hidden[] = {
      {Value(1)}, {Value(130), Value(3)}, {Value(17), Value(64), Value(17)}, {Value(8), Value(8), Value(8), Value(8)}};
  const char* activations[] = {"tanh", "softplus", "gelu", "silu"};
  Parity parity;
  std::uint64_t seed = 11;
  for (const std::int64_t input : {1, 3, 17, 130})
    for (int depth = 0; depth < 4; ++depth, ++seed) {
      const Pair energy(network(input, hidden[depth], activations[(depth + input) % 4]), seed,
                        depth % 2 == 0 ? at::kFloat : at::kDouble);
      for (const char* kind : {"langevin", "mala", "hmc", "underdampedLangevin"})
        parity.check(with(options(kind, 0.1), {{"clip", 3.0}}), energy, 5, {}, 4);
    }
  CHECK(parity.decisions <= 3);
}

TEST(conditions_reach_the_block_of_their_chains) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    Parity parity;
    const Map common{{"kind", "conditional"}, {"input", 2}, {"hidden", List{Value(16)}}, {"gaussianBase", 1.0}};
    const Pair byClass(with(common, {{"classes", 3}}), 3, dtype), byRow(with(common, {{"condition", 2}}), 3, dtype);
    for (const char* kind : {"langevin", "mala", "hmc", "underdampedLangevin"}) {
      parity.check(options(kind, 0.2), byClass, 301, at::arange(301, at::kLong).remainder(3), 3);
      parity.check(options(kind, 0.2), byRow, 301, Random(2).normal(301, 2, 0, Stream::User, dtype), 3);
    }
    CHECK(parity.decisions <= 3);
  }
}

TEST(fused_chains_do_not_depend_on_threads_or_on_how_a_run_is_cut) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble})
    for (const Map& spec : everySampler()) {
      const EnergyRef energy = makeOn(true, kNetwork, 3, dtype);
      const Outcome one = run(spec, *energy, 1000, 20, 1);
      for (int threads : {2, 3}) CHECK(same(one.chains, run(spec, *energy, 1000, 20, threads).chains));
      // Rows of a block are computed alike whatever the block's size: the first 77 chains alone give the same bits.
      CHECK(run(spec, *energy, 77, 20, 1).chains.x.equal(one.chains.x.slice(0, 0, 77)));
      // Twenty steps at once, or 7, 1 and 12.
      const auto sampler = samplerOf(spec);
      const auto executor = planTile(*sampler, *energy);
      Job job;
      Pulse pulse(job, 77, 20, false);
      Chains pieces;
      pieces.x = Random(9).normal(77, 2, 0, Stream::Init, dtype);
      Tally tally;
      std::int64_t t = 0;
      for (const std::int64_t count : {7, 1, 12}) {
        executor->run(pieces, {t, 20, 5 + static_cast<std::uint64_t>(t), 20}, count, Random(1), tally, pulse);
        t += count;
      }
      CHECK(pieces.x.equal(one.chains.x.slice(0, 0, 77)));
    }
}

TEST(the_start_of_the_caller_is_not_written_to) {
  const EnergyRef energy = makeOn(true, kNetwork, 3);
  for (const char* kind : {"langevin", "mala", "hmc", "underdampedLangevin"}) {
    const at::Tensor start = Random(9).normal(50, 2, 0, Stream::Init, at::kFloat), copy = start.clone();
    Job job;
    Chains chains;
    chains.x = start;
    advance(*samplerOf(options(kind, 0.3)), *energy, chains, 4, 0, Random(1), 1, job);
    CHECK(start.equal(copy));
    CHECK(!chains.x.equal(copy));
  }
}

TEST(a_diverging_chain_is_named) {
  const EnergyRef wide = makeOn(true, kNetwork, 3, at::kDouble);
  CHECK(refusal(options("langevin", 1e300), *wide) == Code::Diverged);
  const EnergyRef energy = makeOn(true, kNetwork, 3);
  CHECK(refusal(options("langevin", 1e30), *energy) == Code::Diverged);
  CHECK(refusal(options("underdampedLangevin", 1e30), *energy) == Code::Diverged);
  // A network that saturates keeps a finite energy at an infinite position.
  Map flat = network(1, {Value(4)}, "tanh");
  flat.erase("gaussianBase");
  CHECK(refusal(options("langevin", 1e42), *makeOn(true, flat, 3)) == Code::Diverged);
}

TEST(lost_proposals_are_refused_and_counted) {
  const EnergyRef energy = makeOn(true, kNetwork, 3);
  for (const char* kind : {"mala", "hmc"}) {
    const Outcome o = run(options(kind, 1e30), *energy, 40, 3, 1);
    CHECK(o.tally.divergences == 120 && o.tally.accepted == 0);
    // An energy or a ratio that is not a number must not count as a good proposal, or a warm-up would raise its step.
    CHECK(o.tally.proposals == 120 && o.tally.acceptance == 0);
    CHECK(o.chains.x.equal(Random(9).normal(40, 2, 0, Stream::Init, at::kFloat)));
  }
}

}  // namespace langevin::fused_samplers_test
