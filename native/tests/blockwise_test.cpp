// blockwise on mixed rows against integration: 3 x 4 discrete states and one real column, whose law is summed on a grid.
// Draws are cells of (state, bin of the real column), 96 of them, and a chi-square test at the level 1e-4; controls are
// kernels that ignore what the other columns are, and must fail it.
#include <cmath>

#include "check.hpp"
#include "discrete_support.hpp"
#include "energies/restricted_target.hpp"

namespace langevin::test::blockwise_test {
namespace {

constexpr std::int64_t kChains = 4096, kBins = 8;

/// categorical 3 ('colour'), real, ordinal 4: 5 columns, the real one between the others.
EnergyRef mixedEnergy(at::ScalarType dtype = at::kFloat, double coupling = 0.5) {
  const Value states = List{Map{{"kind", "categorical"}, {"levels", 3}, {"name", "colour"}}, Map{{"kind", "real"}},
                            Map{{"kind", "ordinal"}, {"levels", 4}}};
  const EnergyRef energy = energyFrom({{"kind", "mlp"},
                                       {"input", 5},
                                       {"hidden", List{12}},
                                       {"activation", "tanh"},
                                       {"gaussianBase", 2.0},
                                       {"states", states}},
                                      dtype);
  energy->parameters().assign({{"0.weight", normals(12, 5, 8) * coupling}, {"2.weight", normals(1, 12, 9)}}, false);
  return energy;
}

/// Rows [12, 5] of the states.
at::Tensor discreteStates() {
  at::Tensor x = at::zeros({12, 5}, at::kDouble);
  for (std::int64_t i = 0; i < 12; ++i) {
    x[i][i / 4] = 1;
    x[i][4] = i % 4;
  }
  return x;
}

double binOf(double r) { return std::min<double>(kBins - 1, std::max(0.0, std::floor((r + 4) / 8 * kBins))); }

/// Probability of every (state, bin), by the midpoint rule between -16 and 16.
at::Tensor lawOfCells(const Energy& energy, double temperature = 1) {
  constexpr std::int64_t kPoints = 4096;
  at::Tensor rows = discreteStates().repeat({kPoints, 1});
  const at::Tensor r = (at::arange(kPoints, at::kDouble) + 0.5) * (32.0 / kPoints) - 16;
  rows.select(1, 3).copy_(r.repeat_interleave(12));
  const at::Tensor e = energy.energyOf(energy.rows(rows, {})).to(at::kDouble).view({kPoints, 12});
  const at::Tensor bins = ((r + 4) * (kBins / 8.0)).floor().clamp(0, kBins - 1).to(at::kLong);
  const at::Tensor law = at::zeros({kBins, 12}, at::kDouble).index_add(0, bins, (e / -temperature).exp());
  return (law / law.sum()).t().reshape({-1});
}

at::Tensor cellsOf(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kDouble).contiguous();
  at::Tensor cells = at::empty({x.size(0)}, at::kLong);
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const double* v = wide.const_data_ptr<double>() + i * 5;
    CHECK(v[0] + v[1] + v[2] == 1 && v[4] >= 0 && v[4] <= 3 && v[4] == std::floor(v[4]));
    const double state = (v[1] == 1 ? 4 : v[2] == 1 ? 8 : 0) + v[4];
    cells.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(state * kBins + binOf(v[3]));
  }
  return cells;
}

Map kernel(Value on, Map sampler) { return {{"on", std::move(on)}, {"sampler", std::move(sampler)}}; }
Map blockwise(List kernels) { return {{"kind", "blockwise"}, {"steps", 1}, {"kernels", std::move(kernels)}}; }

const Map kGibbs{{"kind", "gibbs"}, {"steps", 1}};
const Map kMala{{"kind", "mala"}, {"steps", 3}, {"stepSize", 0.8}};

double settlingP(const Map& spec, const Energy& energy, const at::Tensor& law, std::int64_t steps = 50) {
  return chiSquareP(cellsOf(after(*makeSamplerFrom(spec), energy, uniformStart(energy, kChains), steps).x), law);
}

}  // namespace

TEST(exact_kernels_on_their_columns_settle_at_the_joint_law) {
  const EnergyRef energy = mixedEnergy();
  const at::Tensor law = lawOfCells(*energy);
  // Worth testing: the real column depends on the state and the other way round.
  const at::Tensor table = law.view({12, kBins});
  CHECK((table - table.sum(1, true) * table.sum(0, true)).abs().sum().item<double>() > 0.1);
  const Map hmc{{"kind", "hmc"}, {"steps", 1}, {"stepSize", 0.5}, {"leapfrogSteps", 4}};
  const Map nuts{{"kind", "nuts"}, {"steps", 1}, {"warmup", 0}, {"stepSize", 0.5}};
  const Map gradients{{"kind", "gibbsWithGradients"}, {"steps", 4}};
  const Map discrete{{"kind", "discreteLangevin"}, {"steps", 4}, {"stepSize", 1.0}};
  for (const List& kernels :
       {List{kernel("discrete", kGibbs), kernel("real", kMala)},
        List{kernel("real", hmc), kernel("discrete", gradients)}, List{kernel(1, nuts), kernel(List{0, 2}, discrete)},
        List{kernel("colour", kGibbs), kernel("ordinal", discrete), kernel("real", kMala)}})
    CHECK(settlingP(blockwise(kernels), *energy, law) > kLevel);
  // The start is refused by the same test.
  CHECK(chiSquareP(cellsOf(uniformStart(*energy, kChains)), law) < 1e-9);
}

TEST(temperature_is_that_of_every_kernel) {
  const EnergyRef energy = mixedEnergy();
  Map gibbs = kGibbs, mala = kMala;
  gibbs["temperature"] = mala["temperature"] = 2.0;
  const Map hot = blockwise({kernel("discrete", gibbs), kernel("real", mala)});
  CHECK(settlingP(hot, *energy, lawOfCells(*energy, 2)) > kLevel);
  CHECK(settlingP(hot, *energy, lawOfCells(*energy)) < 1e-9);
  CHECK(makeSamplerFrom(hot)->effectiveTemperature() == 2);
  CHECK(tells(refusal(
                  [&] {
                    makeSamplerFrom(blockwise({kernel("discrete", gibbs), kernel("real", kMala)}));
                  },
                  Code::InvalidOption),
              "temperatures"));
}

namespace {

std::shared_ptr<const ColumnPart> blocksOf(const Energy& energy, const std::vector<std::size_t>& blocks) {
  return std::make_shared<const ColumnPart>(energy.domain(), blocks);
}

/// Alternates kernels as blockwise does, but each sees the other columns as they were at the start of the run.
at::Tensor uncoupled(const Energy& energy, std::int64_t steps) {
  at::Tensor x = uniformStart(energy, kChains);
  RestrictedTarget real(energy, blocksOf(energy, {1})), states(energy, blocksOf(energy, {0, 2}));
  real.hold({x, {}});
  states.hold({x, {}});
  const auto run = [&](const RestrictedTarget& target, const Map& spec) {
    Job job;
    Chains chains;
    chains.x = target.part().columnsOf(x);
    chains.y = target.ownRows();
    advance(*makeSamplerFrom(spec), target, chains, steps, 0, Random(17).fork(Salt{3}), 1, job);
    x = target.part().put(x, chains.x);
  };
  run(real, {{"kind", "mala"}, {"steps", 90}, {"stepSize", 0.8}});
  run(states, kGibbs);
  return x;
}

}  // namespace

TEST(kernels_that_ignore_the_coupling_fail_the_same_check) {
  const EnergyRef energy = mixedEnergy();
  CHECK(chiSquareP(cellsOf(uncoupled(*energy, 90)), lawOfCells(*energy)) < 1e-9);
}

TEST(a_restricted_target_is_the_energy_of_the_whole_rows) {
  const EnergyRef energy = mixedEnergy(at::kDouble);
  const at::Tensor x = uniformStart(*energy, 40);
  RestrictedTarget real(*energy, blocksOf(*energy, {1})), states(*energy, blocksOf(*energy, {0, 2}));
  real.hold({x, {}});
  states.hold({x, {}});
  CHECK(real.width() == 1 && states.width() == 4 && states.domain().discrete() && real.domain().real());
  const EnergyAndGradient whole = energy->energyAndGradient({x, {}});
  const EnergyAndGradient part = real.energyAndGradient({real.part().columnsOf(x), real.ownRows()});
  CHECK(part.energy.equal(whole.energy) && part.gradient.equal(whole.gradient.slice(1, 3, 4)));
  const at::Tensor columns = states.part().columnsOf(x);
  CHECK(states.part().put(x, columns).equal(x));
  CHECK(states.energyAndGradient({columns, states.ownRows()}).gradient.equal(states.part().columnsOf(whole.gradient)));
  // Rows of it, in any order: y says whose other columns they have.
  const at::Tensor some = at::tensor({7, 3, 3, 39}, at::kLong);
  CHECK(states.energyOf({columns.index_select(0, some), some}).equal(whole.energy.index_select(0, some)));
}

TEST(rounds_are_bit_equal_at_any_number_of_threads_and_in_pieces) {
  const EnergyRef energy = mixedEnergy();
  const Map underdamped{{"kind", "underdampedLangevin"}, {"steps", 2}, {"stepSize", 0.3}};
  const Map adapting{{"kind", "hmc"}, {"steps", 2}, {"stepSize", 1.0}, {"leapfrogSteps", 3}, {"warmup", 6}};
  for (const Map& real : {kMala, underdamped, adapting}) {
    const auto sampler = makeSamplerFrom(blockwise({kernel("discrete", kGibbs), kernel("real", real)}));
    const at::Tensor start = uniformStart(*energy, 700);
    const Chains whole = after(*sampler, *energy, start, 8);
    CHECK(after(*sampler, *energy, start, 8, 2).x.equal(whole.x));
    CHECK_NEAR((energy->energyOf({whole.x, {}}) - whole.energy).abs().max().item<double>(), 0, 1e-5);
    Job job;
    Chains pieces;
    pieces.x = start;
    advance(*sampler, *energy, pieces, 3, 0, Random(17), 1, job);
    advance(*sampler, *energy, pieces, 5, 3, Random(17), 1, job);
    CHECK(pieces.x.equal(whole.x));
  }
}

TEST(clamped_columns_stay_and_the_others_have_their_conditional_law) {
  const EnergyRef energy = mixedEnergy(at::kFloat, 1.0);
  const at::Tensor law = lawOfCells(*energy);
  const List kernels{kernel("discrete", kGibbs), kernel("real", kMala)};
  Map clamped = blockwise(kernels);
  clamped["clamp"] = "colour";
  const auto colours = [](const at::Tensor& x) { return x.slice(1, 0, 3); };
  const at::Tensor start = uniformStart(*energy, kChains);
  const at::Tensor held = after(*makeSamplerFrom(clamped), *energy, start, 50).x;
  CHECK(at::equal(colours(held), colours(start).to(held.dtype())));
  // p(ordinal, bin | colour): the joint law over that of the colour.
  const at::Tensor given = law.view({3, 4 * kBins}) / law.view({3, 4 * kBins}).sum(1, true);
  const at::Tensor free = after(*makeSamplerFrom(blockwise(kernels)), *energy, start, 50).x;
  double refused = 1;
  for (std::int64_t colour = 0; colour < 3; ++colour) {
    // Rows that began with this colour.
    const at::Tensor rows = at::nonzero(start.select(1, colour) == 1).view({-1});
    const auto cells = [&](const at::Tensor& x) { return cellsOf(x.index_select(0, rows)) % (4 * kBins); };
    CHECK(rows.size(0) > 1000);
    CHECK(chiSquareP(cells(held), given[colour]) > kLevel);
    refused = std::min(refused, chiSquareP(cells(free), given[colour]));
  }
  // Without the clamp rows have the joint law whatever they began with, which the same test refuses.
  CHECK(refused < 1e-6);
  // The real column held: each row's own law of the states, in the mean over rows.
  Map real = blockwise(kernels);
  real["clamp"] = List{1};
  const at::Tensor x = after(*makeSamplerFrom(real), *energy, start, 50).x;
  CHECK(at::equal(x.select(1, 3), start.select(1, 3).to(x.dtype())));
  at::Tensor expected = at::zeros({12}, at::kDouble), variance = at::zeros({12}, at::kDouble);
  for (std::int64_t i = 0; i < kChains; ++i) {
    at::Tensor states = discreteStates();
    states.select(1, 3).fill_(start[i][3].item<double>());
    const at::Tensor p = at::softmax(-energy->energyOf(energy->rows(states, {})).to(at::kDouble), 0);
    expected += p;
    variance += p * (1 - p);
  }
  at::Tensor counts = at::zeros({12}, at::kDouble);
  const at::Tensor cells = cellsOf(x);
  for (std::int64_t i = 0; i < kChains; ++i) counts[cells[i].item<std::int64_t>() / kBins] += 1;
  // 4.5 standard deviations each, of sums of independent draws.
  CHECK(((counts - expected).abs() / variance.sqrt()).max().item<double>() < 4.5);
}

TEST(kernels_do_not_share_random_numbers) {
  // Two real columns with nothing between them, moved by the same kernel: the same numbers would make them equal.
  const Value states = List{Map{{"kind", "real"}}, Map{{"kind", "real"}}};
  const EnergyRef energy = energyFrom({{"kind", "gaussian"},
                                       {"mean", List{0.0, 0.0}},
                                       {"precision", List{List{1.0, 0.0}, List{0.0, 1.0}}},
                                       {"states", states}});
  const auto sampler = makeSamplerFrom(blockwise({kernel(0, kMala), kernel(1, kMala)}));
  const at::Tensor x = after(*sampler, *energy, at::zeros({4000, 2}, at::kDouble), 12).x;
  const at::Tensor correlation = at::corrcoef(x.t())[0][1];
  CHECK(std::abs(correlation.item<double>()) < 4.5 / std::sqrt(4000.0));
}

TEST(kernels_and_columns_that_do_not_fit_are_refused) {
  const EnergyRef energy = mixedEnergy();
  const auto message = [&](const List& kernels, Code code) {
    return refusal([&] { after(*makeSamplerFrom(blockwise(kernels)), *energy, uniformStart(*energy, 4), 1); }, code);
  };
  CHECK(tells(message({kernel("discrete", kGibbs)}, Code::InvalidOption), "column 3 would never move"));
  CHECK(
      tells(message({kernel("discrete", kMala), kernel("real", kMala)}, Code::Unsupported),
            "kernels[0]: mala moves real columns, and columns 0 to 2 ('colour') of this mlp energy hold categorical"));
  CHECK(tells(message({kernel("shape", kGibbs), kernel("real", kMala)}, Code::InvalidOption),
              "kernels[0].on: this energy has no columns 'shape'"));
  CHECK(tells(message({kernel(3, kGibbs)}, Code::InvalidOption), "no columns '3'"));
  CHECK(tells(message({kernel("real", Map{{"kind", "parallelTempering"},
                                          {"steps", 1},
                                          {"temperatures", List{1.0, 2.0}},
                                          {"sampler", kMala}})},
                      Code::InvalidOption),
              "cannot take turns"));
  CHECK(tells(refusal([&] { after(*makeSamplerFrom(kMala), *energy, uniformStart(*energy, 4), 1); }, Code::Unsupported),
              "use blockwise"));
  Map nothing = blockwise({kernel("discrete", kGibbs), kernel("real", kMala)});
  nothing["clamp"] = List{0, 1, 2};
  CHECK(tells(
      refusal([&] { after(*makeSamplerFrom(nothing), *energy, uniformStart(*energy, 4), 1); }, Code::InvalidOption),
      "nothing is left to draw"));
  // A clamped block needs no kernel.
  Map half = blockwise({kernel("discrete", kGibbs)});
  half["clamp"] = "real";
  CHECK(after(*makeSamplerFrom(half), *energy, uniformStart(*energy, 4), 1).x.size(0) == 4);
}

}  // namespace langevin::test::blockwise_test
