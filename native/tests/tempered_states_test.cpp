// parallelTempering over states that are enumerated, and over rows with real and discrete columns: the law it leaves, the
// communication barrier against its integral, round trips against what the refused shares allow (Syed et al. 2022).
#include <cmath>

#include "check.hpp"
#include "discrete_support.hpp"

namespace langevin::test::tempered_states_test {
namespace {

Map tempered(Map inner, Value temperatures, std::int64_t steps = 1) {
  return {{"kind", "parallelTempering"},
          {"steps", steps},
          {"temperatures", std::move(temperatures)},
          {"sampler", std::move(inner)}};
}
Map gibbs(std::int64_t sweeps) { return {{"kind", "gibbs"}, {"steps", sweeps}}; }

Map told(const Sampler& sampler, const Tally& tally) {
  Map diagnostics;
  sampler.report(tally, diagnostics);
  return diagnostics;
}
double numberOf(const Map& map, const char* key) { return *map.at(key).get<double>(); }
double numberOf(const Map& map, const char* key, std::size_t i) { return *(*map.at(key).list())[i].get<double>(); }

Tally run(const Sampler& sampler, const Energy& energy, Chains& chains, std::int64_t steps, std::uint64_t counter,
          int threads = 1) {
  Job job;
  return advance(sampler, energy, chains, steps, counter, Random(17), threads, job);
}

/// Two states far apart in six spins: all up or all down, with a barrier that Gibbs sweeps at T = 1 cross in about e^8 of
/// them. The field gives them the weights 0.77 and 0.23 about.
EnergyRef frozenSpins() {
  const at::Tensor j = at::ones({6, 6}, at::kDouble).fill_diagonal_(0) * 0.9;
  return energyFrom({{"kind", "ising"}, {"sites", 6}, {"coupling", listOf(j)}, {"field", 0.1}});
}

/// Energies of all states, float64.
at::Tensor energies(const Energy& energy) {
  return energy.energyOf(energy.rows(allStates(energy), {})).to(at::kDouble);
}
at::Tensor lawAt(const at::Tensor& e, double beta) { return (-beta * e).softmax(0); }

/// E|E(x) - E(x')| / 2, x and x' independent at the inverse temperature beta.
double barrierDensity(const at::Tensor& e, double beta) {
  const at::Tensor p = lawAt(e, beta), apart = (e.unsqueeze(1) - e.unsqueeze(0)).abs();
  return 0.5 * (p.unsqueeze(1) * p.unsqueeze(0) * apart).sum().item<double>();
}
/// Its integral, by Simpson's rule.
double barrier(const at::Tensor& e, double from, double to) {
  constexpr int kPieces = 200;
  double sum = 0;
  for (int i = 0; i <= kPieces; ++i) {
    const double weight = i == 0 || i == kPieces ? 1 : i % 2 == 1 ? 4 : 2;
    sum += weight * barrierDensity(e, from + (to - from) * i / kPieces);
  }
  return sum * (to - from) / kPieces / 3;
}
/// The share of refused swaps between two temperatures.
double refusedShare(const at::Tensor& e, double beta, double other) {
  const at::Tensor gap = (beta - other) * (e.unsqueeze(1) - e.unsqueeze(0));
  const at::Tensor both = lawAt(e, beta).unsqueeze(1) * lawAt(e, other).unsqueeze(0);
  return 1 - (both * gap.clamp_max(0).exp()).sum().item<double>();
}

}  // namespace

TEST(every_discrete_kernel_settles_at_the_enumerated_law) {
  const EnergyRef spins = isingEnergy("spin"), bits = networkEnergy("binary", 5);
  for (const EnergyRef& energy : {spins, bits}) {
    const at::Tensor law = lawOf(*energy);
    for (const Map& inner : std::vector<Map>{gibbs(1),
                                             {{"kind", "gibbsWithGradients"}, {"steps", 6}},
                                             {{"kind", "discreteLangevin"}, {"steps", 4}, {"stepSize", 1.0}}}) {
      const auto sampler = makeSamplerFrom(tempered(inner, List{1.0, 1.5, 3.0}));
      CHECK(settlingP(*sampler, *energy, law, 60) > kLevel);
      // Control: the law of the second temperature.
      CHECK(settlingP(*sampler, *energy, lawOf(*energy, 1.5), 60) < 1e-6);
    }
  }
}

TEST(swaps_bring_states_over_a_barrier_that_sweeps_do_not_cross) {
  const EnergyRef energy = frozenSpins();
  const at::Tensor law = lawOf(*energy);
  const at::Tensor down = at::full({kChains, 6}, -1.0, energy->options());
  const auto p = [&](const Map& spec, std::int64_t steps) {
    return chiSquareP(numbersOfStates(*energy, after(*makeSamplerFrom(spec), *energy, down, steps).x), law);
  };
  CHECK(p(tempered(gibbs(1), Map{{"from", 1.0}, {"to", 8.0}, {"levels", 6}}), 150) > kLevel);
  CHECK(p(gibbs(1), 900) < 1e-9);  // as many sweeps
}

TEST(the_communication_barrier_is_the_integral) {
  const EnergyRef energy = isingEnergy("spin");
  const at::Tensor e = energies(*energy);
  constexpr std::int64_t kRungs = 17, kSteps = 600, kRuns = 512;
  List temperatures;
  std::vector<double> betas;
  for (std::int64_t k = 0; k < kRungs; ++k) {
    betas.push_back(1 - 0.06 * static_cast<double>(k));  // 1 down to 0.04
    temperatures.emplace_back(1 / betas.back());
  }
  const auto sampler = makeSamplerFrom(tempered(gibbs(3), temperatures));
  Chains chains;
  chains.x = uniformStart(*energy, kRuns);
  run(*sampler, *energy, chains, 50, 0);
  const Map diagnostics = told(*sampler, run(*sampler, *energy, chains, kSteps, 50));
  double sum = 0, variance = 0;
  const double tries = kRuns * kSteps / 2.0;
  for (std::size_t k = 0; k + 1 < betas.size(); ++k) {
    const double r = refusedShare(e, betas[k], betas[k + 1]);
    // 4.5 standard errors of a mean of numbers in (0, 1), at most sqrt(r (1 - r)); three sweeps between two swaps leave
    // a correlation of which a factor of 2 in the error is more than enough.
    const double error = 2 * std::sqrt(r * (1 - r) / tries);
    CHECK_NEAR(1 - numberOf(diagnostics, "swapAcceptance", k), r, 4.5 * error);
    sum += r;
    variance += error * error;
  }
  const double integral = barrier(e, betas.back(), 1);
  CHECK(integral > 1);
  // A ladder's refused shares add up to it but for terms of third order in its steps.
  CHECK_NEAR(sum, integral, 0.002 * integral);
  CHECK_NEAR(numberOf(diagnostics, "communicationBarrier"), integral, 4.5 * std::sqrt(variance) + 0.002 * integral);
}

TEST(round_trips_are_those_that_the_refused_shares_allow) {
  const EnergyRef energy = isingEnergy("spin", 0.6);
  const at::Tensor e = energies(*energy);
  // Ten sweeps leave the energy of a state all but independent of what it was, as the formula supposes.
  const std::vector<double> given{1.0, 1.4, 2.0, 3.2, 6.0};
  List temperatures;
  double odds = 0;
  for (std::size_t k = 0; k < given.size(); ++k) {
    temperatures.emplace_back(given[k]);
    if (k == 0) continue;
    const double r = refusedShare(e, 1 / given[k - 1], 1 / given[k]);
    odds += r / (1 - r);
  }
  const auto sampler = makeSamplerFrom(tempered(gibbs(10), temperatures));
  constexpr std::int64_t kRuns = 512, kSteps = 400;
  Chains chains;
  chains.x = uniformStart(*energy, kRuns);
  run(*sampler, *energy, chains, 100, 0);
  const Map diagnostics = told(*sampler, run(*sampler, *energy, chains, kSteps, 100));
  const double trips = numberOf(diagnostics, "roundTrips"), ideal = 1 / (2 + 2 * odds);
  const double expected = ideal * kRuns * kSteps;
  // 4.5 standard errors of a count whose times are spread no more than those of a Poisson process, and 1 % for what ten
  // sweeps leave.
  CHECK_NEAR(trips, expected, 4.5 * std::sqrt(expected) + 0.01 * expected);
  CHECK_NEAR(numberOf(diagnostics, "roundTripRate"), trips / (kRuns * kSteps), 1e-12);
  CHECK_NEAR(numberOf(diagnostics, "idealRoundTripRate"), ideal, 0.01 * ideal);
  // Control: pairs drawn at random would make 1 / (2 n + 2 sum r / (1 - r)) of n pairs.
  CHECK(trips > 1.5 * kRuns * kSteps / (2.0 * 4 + 2 * odds));
}

TEST(the_ladder_adapts_to_equal_shares_and_the_barrier_stays) {
  const EnergyRef energy = isingEnergy("spin", 0.6);
  const at::Tensor e = energies(*energy);
  Map spec = tempered(gibbs(5), List{1.0, 1.05, 1.1, 1.15, 8.0});
  spec["adapt"] = 300;
  Job job;
  Chains start;
  start.x = uniformStart(*energy, 256);
  const auto tuned = makeSamplerFrom(spec)->tuned(*energy, start, Random(3), 1, job);
  CHECK(tuned != nullptr);
  const Map ladder = told(*tuned, {});
  std::vector<double> shares;
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    shares.push_back(
        refusedShare(e, 1 / numberOf(ladder, "temperatures", k), 1 / numberOf(ladder, "temperatures", k + 1)));
    sum += shares.back();
  }
  // Equal shares up to what the interpolation between five temperatures leaves; the ladder given has 0.03 and 0.7.
  CHECK(*std::max_element(shares.begin(), shares.end()) - *std::min_element(shares.begin(), shares.end()) < 0.08);
  CHECK(refusedShare(e, 1 / 1.15, 1 / 8.0) - refusedShare(e, 1, 1 / 1.05) > 0.4);
  // Four wide steps add up to less than the integral, and to most of it.
  const double integral = barrier(e, 1 / 8.0, 1);
  CHECK(sum < integral && sum > 0.9 * integral);
}

TEST(two_temperatures_that_always_swap_make_a_trip_every_fourth_step) {
  // At temperatures 1 and 1 + 1e-9 no swap is refused; of two levels every second step swaps, and each state is at the
  // cold end at every other swap.
  const EnergyRef energy = isingEnergy("spin");
  const auto sampler = makeSamplerFrom(tempered(gibbs(1), List{1.0, 1.0 + 1e-9}));
  Chains chains;
  chains.x = uniformStart(*energy, 8);
  const Map diagnostics = told(*sampler, run(*sampler, *energy, chains, 400, 0));
  // Swaps at steps 0, 2, 4, ...: the state that began cold is back at the second of them, the other one at the third.
  CHECK(numberOf(diagnostics, "roundTrips") == 8 * 199);
  CHECK_NEAR(numberOf(diagnostics, "idealRoundTripRate"), 0.5, 1e-6);
}

namespace {

/// 3 x 4 states and two real columns.
EnergyRef mixedEnergy() {
  const Value states = List{Map{{"kind", "real"}, {"columns", 2}}, Map{{"kind", "categorical"}, {"levels", 3}},
                            Map{{"kind", "ordinal"}, {"levels", 4}}};
  const EnergyRef energy = energyFrom({{"kind", "mlp"},
                                       {"input", 6},
                                       {"hidden", List{12}},
                                       {"activation", "tanh"},
                                       {"gaussianBase", 1.5},
                                       {"states", states}},
                                      at::kFloat);
  energy->parameters().assign({{"0.weight", normals(12, 6, 8) * 0.8}, {"2.weight", normals(1, 12, 9) * 0.7}}, false);
  return energy;
}

// Cells: a state and a quarter of the plane on each axis, at -0.8, 0 and 0.8.
std::int64_t binOf(double r) { return (r > -0.8) + (r > 0) + (r > 0.8); }
constexpr std::int64_t kCells = 12 * 16;

/// By the midpoint rule on 200 x 200 points between -9 and 9 of each axis.
at::Tensor lawOfCells(const Energy& energy) {
  constexpr std::int64_t kSide = 200;
  const at::Tensor axis = (at::arange(kSide, at::kDouble) + 0.5) * (18.0 / kSide) - 9;
  const at::Tensor a = axis.repeat_interleave(kSide), b = axis.repeat({kSide});
  const at::Tensor bins = (a.gt(-0.8).to(at::kLong) + a.gt(0) + a.gt(0.8)) * 4 + b.gt(-0.8) + b.gt(0) + b.gt(0.8);
  std::vector<at::Tensor> all;
  for (std::int64_t state = 0; state < 12; ++state) {
    at::Tensor rows = at::zeros({kSide * kSide, 6}, at::kDouble);
    rows.select(1, 0).copy_(a), rows.select(1, 1).copy_(b);
    rows.select(1, 2 + state / 4).fill_(1), rows.select(1, 5).fill_(static_cast<double>(state % 4));
    const at::Tensor density = (-energy.energyOf(energy.rows(rows, {})).to(at::kDouble)).exp();
    all.push_back(at::zeros({16}, at::kDouble).index_add(0, bins, density));
  }
  const at::Tensor law = at::cat(all);
  return law / law.sum();
}

at::Tensor cellsOf(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kDouble).contiguous();
  at::Tensor cells = at::empty({x.size(0)}, at::kLong);
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const double* v = wide.const_data_ptr<double>() + i * 6;
    CHECK(v[2] + v[3] + v[4] == 1 && v[5] >= 0 && v[5] <= 3 && v[5] == std::floor(v[5]));
    const std::int64_t state = (v[3] == 1 ? 4 : v[4] == 1 ? 8 : 0) + static_cast<std::int64_t>(v[5]);
    cells.data_ptr<std::int64_t>()[i] = state * 16 + binOf(v[0]) * 4 + binOf(v[1]);
  }
  return cells;
}

Map mixedKernels() {
  const Map mala{{"kind", "mala"}, {"steps", 3}, {"stepSize", 0.5}};
  return {{"kind", "blockwise"},
          {"steps", 2},
          {"kernels", List{Map{{"on", "real"}, {"sampler", mala}}, Map{{"on", "discrete"}, {"sampler", gibbs(1)}}}}};
}

}  // namespace

// Chi-square at the level 1e-4 over 192 cells.
TEST(mixed_rows_settle_at_the_joint_law_with_and_without_tempering) {
  const EnergyRef energy = mixedEnergy();
  const at::Tensor law = lawOfCells(*energy);
  // Worth testing: states and places depend on each other.
  const at::Tensor table = law.view({12, 16});
  CHECK((table - table.sum(1, true) * table.sum(0, true)).abs().sum().item<double>() > 0.1);
  const auto p = [&](const Map& spec, std::int64_t steps) {
    return chiSquareP(cellsOf(after(*makeSamplerFrom(spec), *energy, uniformStart(*energy), steps).x), law);
  };
  CHECK(p(mixedKernels(), 40) > kLevel);
  CHECK(p(tempered(mixedKernels(), List{1.0, 2.0, 4.0}), 30) > kLevel);
  CHECK(p(tempered(mixedKernels(), List{1.3, 2.0, 4.0}), 30) < 1e-6);
  CHECK(chiSquareP(cellsOf(uniformStart(*energy)), law) < 1e-9);
  // Control: states and places drawn apart, each with its own right law, fail the same check.
  const at::Tensor x = after(*makeSamplerFrom(mixedKernels()), *energy, uniformStart(*energy), 40).x;
  const at::Tensor apart = at::cat({x.slice(1, 0, 2), x.slice(1, 2).roll(1, 0)}, 1);
  CHECK(chiSquareP(cellsOf(apart), law) < 1e-6);
}

TEST(blockwise_replicas_go_on_where_they_stopped_at_any_number_of_threads) {
  const EnergyRef energy = mixedEnergy();
  Map kernels = mixedKernels();
  const Map underdamped{{"kind", "underdampedLangevin"}, {"steps", 2}, {"stepSize", 0.3}};
  kernels["kernels"] =
      List{Map{{"on", "real"}, {"sampler", underdamped}}, Map{{"on", "discrete"}, {"sampler", gibbs(1)}}};
  const auto sampler = makeSamplerFrom(tempered(kernels, List{1.0, 2.0, 4.0}));
  Chains whole, pieces, threaded;
  whole.x = pieces.x = threaded.x = uniformStart(*energy, 700);
  const Tally all = run(*sampler, *energy, whole, 12, 0);
  run(*sampler, *energy, pieces, 5, 0);
  pieces.restart();  // as a saved state has it: positions only
  run(*sampler, *energy, pieces, 7, 5);
  CHECK(pieces.x.equal(whole.x) && pieces.ends.equal(whole.ends));
  for (std::size_t k = 0; k < 3; ++k) CHECK(pieces.replicas[k].x.equal(whole.replicas[k].x));
  CHECK(whole.replicas[0].x.equal(whole.x) && whole.replicas[0].replicas.size() == 2);
  const Tally other = run(*sampler, *energy, threaded, 12, 0, 3);
  CHECK(threaded.x.equal(whole.x) && other.own == all.own);
  CHECK((energy->energyOf({whole.x, {}}) - whole.energy).abs().max().item<double>() < 1e-4);
}

TEST(kernels_without_a_temperature_of_their_own_are_refused) {
  Map kernels = mixedKernels();
  const Map nuts{{"kind", "nuts"}, {"steps", 1}, {"warmup", 0}, {"stepSize", 0.5}};
  kernels["kernels"] = List{Map{{"on", "real"}, {"sampler", nuts}}, Map{{"on", "discrete"}, {"sampler", gibbs(1)}}};
  const std::string text = refusal([&] { makeSamplerFrom(tempered(kernels, List{1.0, 2.0})); }, Code::InvalidOption);
  CHECK(tells(text, "'blockwise' cannot be the inner kernel"));
  const EnergyRef bits = networkEnergy("binary", 3);
  const Map mala{{"kind", "mala"}, {"steps", 3}, {"stepSize", 0.5}};
  CHECK(tells(refusal(
                  [&] {
                    after(*makeSamplerFrom(tempered(mala, List{1.0, 2.0})), *bits, uniformStart(*bits, 4), 1);
                  },
                  Code::Unsupported),
              "moves real columns"));
}

}  // namespace langevin::test::tempered_states_test
