// What is particular to annealedLangevin, parallelTempering and nuts: closed forms of their own numbers, fused against
// stepwise, independence of threads, tiles and cuts, what they refuse.
#include <cstdlib>

#include "program/builder.hpp"
#include "sampler_suite.hpp"

namespace langevin::tempered_samplers_test {

using suite::list;
using suite::samplerOf;

namespace {

EnergyRef withExecutor(const char* executor, const std::function<EnergyRef()>& make) {
  if (executor) setenv("LANGEVIN_EXECUTOR", executor, 1);
  const EnergyRef energy = make();
  unsetenv("LANGEVIN_EXECUTOR");
  return energy;
}

EnergyRef normal(std::int64_t columns, double precision = 1) {
  List mean, matrix;
  for (std::int64_t i = 0; i < columns; ++i) {
    List row;
    for (std::int64_t j = 0; j < columns; ++j) row.emplace_back(i == j ? precision : 0.0);
    mean.emplace_back(0.0);
    matrix.emplace_back(std::move(row));
  }
  return suite::energyOf({{"kind", "gaussian"}, {"mean", std::move(mean)}, {"precision", std::move(matrix)}});
}

EnergyRef network() {
  return suite::energyOf({{"kind", "mlp"}, {"input", 2}, {"hidden", List{Value(16), Value(9)}}, {"gaussianBase", 1.5}});
}

// E(x, sigma) = x^2 / (2 (1 + sigma^2)): N(0, 1) data blurred by sigma; y = log sigma, or sigma itself.
EnergyRef blurredOf(bool logarithm) {
  Builder b("blurred");
  const int x = b.input(1), y = b.continuousCondition(1), sigma = logarithm ? b.apply("exp", {y}) : y;
  b.setEnergy(b.apply("div", {b.square(x), b.affine(b.square(sigma), 2, 2)}));
  return std::make_shared<Energy>(b.finish(), at::kFloat, at::kCPU, 0);
}

EnergyRef blurred() { return blurredOf(true); }

struct Ran {
  Chains chains;
  Tally tally;
};

Ran run(const Sampler& sampler, const Energy& energy, std::int64_t n, int threads = 1, double sd = 1) {
  Job job;
  Ran r;
  r.chains.x = Random(9).normal(n, energy.inputWidth(), 0, Stream::Init, at::kFloat) * sd;
  r.tally = advance(sampler, energy, r.chains, sampler.common().steps, 5, Random(1), threads, job);
  return r;
}

Map report(const Sampler& sampler, const Tally& tally) {
  Map diagnostics;
  sampler.report(tally, diagnostics);
  return diagnostics;
}

double numberAt(const Map& map, const char* key, std::size_t i) { return *(*map.at(key).list())[i].get<double>(); }

Map tempered(std::int64_t steps, Value temperatures, Map inner) {
  return {{"kind", "parallelTempering"},
          {"steps", steps},
          {"temperatures", std::move(temperatures)},
          {"sampler", std::move(inner)}};
}

Map inner(const char* kind) {
  Map spec{{"kind", kind}, {"steps", 3}, {"stepSize", 0.4}};
  if (std::string(kind) == "hmc") spec["leapfrogSteps"] = 2;
  return spec;
}

std::vector<Map> everySampler() {
  std::vector<Map> specs;
  for (const char* kind : {"langevin", "mala", "hmc", "underdampedLangevin"})
    specs.push_back(tempered(8, list({1, 2, 5}), inner(kind)));
  specs.push_back(
      {{"kind", "annealedLangevin"}, {"temperatures", list({4, 2, 1})}, {"stepsPerLevel", 4}, {"stepSize", 0.2}});
  specs.push_back({{"kind", "nuts"}, {"steps", 30}, {"warmup", 25}, {"stepSize", 1.0}});
  return specs;
}

template <class Body>
Code refusal(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code;
  }
  return Code::Internal;
}

}  // namespace

TEST(results_do_not_depend_on_threads_or_tiles) {
  const EnergyRef energy = network();
  for (const Map& spec : everySampler()) {
    const auto sampler = samplerOf(spec);
    const Ran one = run(*sampler, *energy, 400);
    for (int threads : {2, 3}) {
      const Ran many = run(*sampler, *energy, 400, threads);
      CHECK(many.chains.x.equal(one.chains.x));
      CHECK(many.chains.energy.equal(one.chains.energy));
      CHECK(many.tally.acceptance == one.tally.acceptance && many.tally.own == one.tally.own);
    }
    // A chain and its replicas know nothing of their neighbours.
    CHECK(run(*sampler, *energy, 77).chains.x.equal(one.chains.x.slice(0, 0, 77)));
  }
}

TEST(energy_and_gradient_belong_to_the_last_state) {
  const EnergyRef energy = network();
  for (const Map& spec : everySampler()) {
    const Ran r = run(*samplerOf(spec), *energy, 60);
    const EnergyAndGradient now = energy->energyAndGradient({r.chains.x, {}});
    CHECK_NEAR((now.energy - r.chains.energy).abs().max().item<double>(), 0, 1e-5);
    CHECK_NEAR((now.gradient - r.chains.gradient).abs().max().item<double>(), 0, 1e-5);
  }
}

TEST(fused_equals_stepwise) {
  // Metropolis decisions fall the other way once in a million, and then the chain goes elsewhere.
  const EnergyRef fused = network(), plain = withExecutor("aten", network);
  std::vector<Map> specs = everySampler();
  // An adapting chain magnifies a rounding a hundredfold a step, so nuts is compared with one that does not adapt.
  specs.back() = {{"kind", "nuts"}, {"steps", 10}, {"warmup", 0}, {"stepSize", 0.5}};
  for (const Map& spec : specs) {
    const auto sampler = samplerOf(spec);
    const std::string kind = *spec.at("kind").get<std::string>();
    if (kind != "nuts") CHECK(std::string(planTile(*sampler, *fused)->name()) == "fused");
    CHECK(std::string(planTile(*sampler, *plain)->name()) == "stepwise");
    const Ran a = run(*sampler, *fused, 300), b = run(*sampler, *plain, 300);
    const auto different = (a.chains.x - b.chains.x).abs().amax(1).gt(1e-3).sum().item<std::int64_t>();
    if (different > 3) test::fail(__FILE__, __LINE__, kind + ": " + std::to_string(different) + " chains differ");
    CHECK_NEAR(a.tally.acceptance, b.tally.acceptance, 1e-3 * a.tally.acceptance + 1e-9);
  }
}

// ---- annealedLangevin ---------------------------------------------------------------------------------------------

TEST(annealed_langevin_follows_the_noise_levels) {
  // Every level long enough to settle: the last one's variance is that of an unadjusted step alpha = stepSize on
  // precision P = 1 / (1 + sigma_L^2), which is 1 / (P (1 - alpha P / 4)).
  const double last = 0.5, step = 0.5, precision = 1 / (1 + last * last);
  for (const char* executor : {"", "aten"}) {
    const EnergyRef energy = withExecutor(*executor ? executor : nullptr, blurred);
    const auto sampler = samplerOf({{"kind", "annealedLangevin"},
                                    {"noiseLevels", Map{{"from", 4.0}, {"to", last}, {"levels", 4}}},
                                    {"stepsPerLevel", 60},
                                    {"stepSize", step}});
    CHECK(sampler->common().steps == 240 && sampler->traits().warmup == 180);
    const std::int64_t n = *executor ? 2048 : 16384;
    const Ran r = run(*sampler, *energy, n, 1, 4);
    const double variance = 1 / (precision * (1 - step * precision / 4));
    CHECK_NEAR(r.chains.x.var().item<double>(), variance,
               suite::kSigmas * variance * std::sqrt(2.0 / static_cast<double>(n)));
    CHECK_NEAR((r.chains.y - std::log(last)).abs().max().item<double>(), 0, 1e-6);
  }
  // The same levels, told to an energy that takes sigma itself: the same chains, up to exp(log sigma).
  Map spec{{"kind", "annealedLangevin"}, {"noiseLevels", list({2, 1})}, {"stepsPerLevel", 5}, {"stepSize", step}};
  const at::Tensor byLogarithm = run(*samplerOf(spec), *blurredOf(true), 40).chains.x;
  spec["condition"] = "sigma";
  CHECK_NEAR((run(*samplerOf(spec), *blurredOf(false), 40).chains.x - byLogarithm).abs().max().item<double>(), 0, 1e-4);
  // The rule alpha_i = stepSize sigma_i^2 / sigma_L^2: one step at the first level, from one place, has variance
  // alpha_1 = 0.01 (4 / 0.5)^2 = 0.64.
  const auto first = samplerOf(
      {{"kind", "annealedLangevin"}, {"noiseLevels", list({4, 0.5})}, {"stepsPerLevel", 1}, {"stepSize", 0.01}});
  const EnergyRef energy = blurred();
  Job job;
  Pulse pulse(job, 4096, 2, false);
  Tally tally;
  Chains chains;
  chains.x = at::zeros({4096, 1});
  planTile(*first, *energy)->run(chains, {0, 2, 0, 0}, 1, Random(3), tally, pulse);
  CHECK_NEAR(chains.x.var().item<double>(), 0.64, suite::kSigmas * 0.64 * std::sqrt(2.0 / 4096));
}

TEST(annealed_langevin_refuses_what_it_cannot_mean) {
  const Map noisy{{"kind", "annealedLangevin"}, {"noiseLevels", list({2, 1})}, {"stepsPerLevel", 2}, {"stepSize", 0.1}};
  CHECK(refusal([&] { run(*samplerOf(noisy), *network(), 4); }) == Code::InvalidOption);
  Map both = noisy;
  both["temperatures"] = list({2, 1});
  CHECK(refusal([&] { samplerOf(both); }) == Code::InvalidOption);
  Map rising = noisy;
  rising["noiseLevels"] = list({1, 2});
  CHECK(refusal([&] { samplerOf(rising); }) == Code::InvalidOption);
}

// ---- parallelTempering --------------------------------------------------------------------------------------------

TEST(swap_acceptance_has_its_closed_form) {
  // On |x|^2 / 2 in two columns E / T is exponential, and a swap between T and R T is accepted with probability
  // 2 P(E_cold > E_hot) = 2 / (1 + R).
  const EnergyRef energy = normal(2);
  const auto sampler =
      samplerOf(tempered(400, list({1, 2, 8}),
                         Map{{"kind", "hmc"}, {"steps", 2}, {"stepSize", 0.7}, {"leapfrogSteps", 3}, {"jitter", 0.3}}));
  const Ran r = run(*sampler, *energy, 512);
  const Map told = report(*sampler, r.tally);
  // 512 chains x 200 tries a pair, less what is not independent (a tenth is a safe share): sd of a probability < 0.5.
  const double allowed = suite::kSigmas * 0.5 / std::sqrt(512 * 200 / 10.0);
  CHECK_NEAR(numberAt(told, "swapAcceptance", 0), 2.0 / 3, allowed);
  CHECK_NEAR(numberAt(told, "swapAcceptance", 1), 2.0 / 5, allowed);
  CHECK(told.at("replicaAcceptance").list()->size() == 3);
  // Each replica has the law of its temperature.
  const auto variance = [](const Chains& c) { return c.x.var().item<double>(); };
  const double se = suite::kSigmas * std::sqrt(2.0 / 1024);
  CHECK_NEAR(variance(r.chains), 1, se);
  CHECK_NEAR(variance(r.chains.replicas[0]), 2, 2 * se);
  CHECK_NEAR(variance(r.chains.replicas[1]), 8, 8 * se);
}

TEST(the_ladder_adapts_until_all_pairs_refuse_alike) {
  const EnergyRef energy = normal(16);
  Map spec = tempered(300, list({1, 1.1, 1.2, 6}),
                      Map{{"kind", "hmc"}, {"steps", 1}, {"stepSize", 0.6}, {"leapfrogSteps", 3}, {"jitter", 0.3}});
  const auto swapsOf = [&](const Sampler& sampler) {
    const Map told = report(sampler, run(sampler, *energy, 256).tally);
    return std::vector<double>{numberAt(told, "swapAcceptance", 0), numberAt(told, "swapAcceptance", 1),
                               numberAt(told, "swapAcceptance", 2)};
  };
  const std::vector<double> given = swapsOf(*samplerOf(spec));
  CHECK(given[0] > 0.7 && given[2] < 0.1);
  spec["adapt"] = 200;
  const auto sampler = samplerOf(spec);
  Job job;
  Chains start;
  start.x = Random(9).normal(256, 16, 0, Stream::Init, at::kFloat);
  const auto tuned = sampler->tuned(*energy, start, Random(1), 1, job);
  CHECK(tuned != nullptr);
  const std::vector<double> found = swapsOf(*tuned);
  // In a Gaussian equal ratios give equal shares: the ladder becomes geometric, 6^(k/3).
  const Map told = report(*tuned, {});
  CHECK_NEAR(numberAt(told, "temperatures", 1), std::cbrt(6.0), 0.12);
  CHECK_NEAR(numberAt(told, "temperatures", 2), std::cbrt(36.0), 0.25);
  CHECK(*std::max_element(found.begin(), found.end()) - *std::min_element(found.begin(), found.end()) < 0.1);
}

TEST(replicas_go_on_where_they_stopped) {
  const EnergyRef energy = network();
  const auto sampler = samplerOf(tempered(12, list({1, 3}), inner("mala")));
  const auto executor = planTile(*sampler, *energy);
  Job job;
  Pulse pulse(job, 50, 12, false);
  Tally tally;
  const auto started = [] {
    Chains c;
    c.x = Random(9).normal(50, 2, 0, Stream::Init, at::kFloat);
    return c;
  };
  Chains whole = started(), pieces = started();
  executor->run(whole, {0, 12, 0, 0}, 12, Random(1), tally, pulse);
  executor->run(pieces, {0, 12, 0, 0}, 5, Random(1), tally, pulse);
  pieces.restart();  // as a saved state has it: positions only
  executor->run(pieces, {5, 12, 5, 0}, 7, Random(1), tally, pulse);
  CHECK(pieces.x.equal(whole.x) && pieces.replicas[0].x.equal(whole.replicas[0].x));
}

TEST(parallel_tempering_refuses_what_it_cannot_mean) {
  CHECK(refusal([] { samplerOf(tempered(4, list({2, 1}), inner("mala"))); }) == Code::InvalidOption);
  CHECK(refusal([] {
          samplerOf(tempered(4, list({1, 2}), Map{{"kind", "nuts"}, {"steps", 4}, {"stepSize", 1}}));
        }) == Code::InvalidOption);
}

// ---- nuts ---------------------------------------------------------------------------------------------------------

TEST(nuts_finds_the_scales_of_its_columns) {
  // Variances 1e-4, 1 and 100.
  const EnergyRef energy =
      suite::energyOf({{"kind", "gaussian"},
                       {"mean", list({0, 0, 0})},
                       {"precision", List{list({1e4, 0, 0}), list({0, 1, 0}), list({0, 0, 0.01})}}});
  const auto sampler = samplerOf({{"kind", "nuts"}, {"steps", 500}, {"warmup", 500}, {"stepSize", 1.0}});
  Job job;
  Chains chains = run(*sampler, *energy, 128).chains;
  // The ratio of the variances of x and of dE/dx has no noise where E is quadratic.
  const at::Tensor scale = chains.adaptation.slice(1, 7, 10);
  const double expected[] = {0.01, 1, 10};
  for (int c = 0; c < 3; ++c) CHECK_NEAR((scale.select(1, c) / expected[c] - 1).abs().max().item<double>(), 0, 1e-3);
  const at::Tensor frozen = chains.adaptation.clone();
  const auto go = samplerOf({{"kind", "nuts"}, {"steps", 100}, {"warmup", 500}, {"stepSize", 1.0}});
  const Tally tally = advance(*go, *energy, chains, 100, 505, Random(1), 1, job);
  CHECK(chains.adaptation.equal(frozen));
  // Above the target of 0.8: the acceptance falls faster than the logarithm of the step that is averaged.
  CHECK(tally.acceptanceRate() > 0.75 && tally.acceptanceRate() < 0.95);
  CHECK(tally.divergences == 0);
  const Map told = report(*go, tally);
  // With the scales known the target is round: a few leapfrog steps, where one step size for all would need 1,000.
  CHECK(*told.at("leapfrogSteps").get<double>() < 16);
  CHECK(*told.at("deepestShare").get<double>() == 0);
}

TEST(nuts_counts_divergences_and_trees_that_are_too_deep) {
  const EnergyRef funnel = suite::energyOf({{"kind", "funnel"}, {"input", 10}, {"sigma", 3.0}});
  CHECK(run(*samplerOf({{"kind", "nuts"}, {"steps", 30}, {"warmup", 0}, {"stepSize", 1.5}}), *funnel, 128)
            .tally.divergences > 0);
  const auto shallow = samplerOf({{"kind", "nuts"}, {"steps", 20}, {"warmup", 0}, {"stepSize", 0.01}, {"maxDepth", 3}});
  const Ran r = run(*shallow, *normal(2), 64);
  const Map told = report(*shallow, r.tally);
  CHECK(*told.at("deepestShare").get<double>() == 1);
  CHECK(*told.at("leapfrogSteps").get<double>() == 7);
  CHECK(r.tally.acceptanceRate() > 0.99);
}

TEST(nuts_in_a_box_has_the_truncated_law) {
  // N(0, 1) on [-0.5, 1.5]: mean (phi(a) - phi(b)) / mass = 0.3554, see samplers_test.cpp.
  const auto density = [](double v) { return std::exp(-v * v / 2) / std::sqrt(2 * M_PI); };
  const auto below = [](double v) { return 0.5 * std::erfc(-v / std::sqrt(2.0)); };
  const double a = -0.5, b = 1.5, mass = below(b) - below(a), mean = (density(a) - density(b)) / mass;
  const double variance = 1 + (a * density(a) - b * density(b)) / mass - mean * mean;
  const auto sampler = samplerOf(
      {{"kind", "nuts"}, {"steps", 30}, {"warmup", 0}, {"stepSize", 0.4}, {"box", Map{{"low", a}, {"high", b}}}});
  const Ran r = run(*sampler, *normal(4), 2048, 1, 0.1);
  const double n = 2048 * 4;
  CHECK_NEAR(r.chains.x.mean().item<double>(), mean, suite::kSigmas * std::sqrt(variance / n));
  CHECK_NEAR(r.chains.x.var().item<double>(), variance, suite::kSigmas * variance * std::sqrt(2 / n));
  CHECK(r.chains.x.min().item<double>() >= a && r.chains.x.max().item<double>() <= b);
  CHECK(r.tally.clamped > 0);
}

TEST(nuts_knows_temperature) {
  const auto sampler =
      samplerOf({{"kind", "nuts"}, {"steps", 200}, {"warmup", 150}, {"stepSize", 1.0}, {"temperature", 2.5}});
  const Ran r = run(*sampler, *normal(4, 4.0), 2048);
  CHECK_NEAR(r.chains.x.square().mean().item<double>(), 2.5 / 4, suite::kSigmas * 2.5 / 4 * std::sqrt(2.0 / 8192));
}

}  // namespace langevin::tempered_samplers_test
