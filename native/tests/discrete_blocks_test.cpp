// Discrete samplers and minimum probability flow where sites differ in kind and number of levels, against enumeration.
// Chi-square tests at the level 1e-4 as in discrete_samplers_test.cpp.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "discrete_support.hpp"
#include "samplers/discrete.hpp"

namespace langevin::test::discrete_blocks_test {
namespace {

Map block(const char* kind, std::int64_t levels) { return {{"kind", kind}, {"levels", levels}}; }

/// A network over these columns: E is linear in no site, and far from constant.
EnergyRef blocksEnergy(const Value& states, std::int64_t columns) {
  const EnergyRef energy = energyFrom(
      {{"kind", "mlp"}, {"input", columns}, {"hidden", List{12}}, {"activation", "tanh"}, {"states", states}});
  energy->parameters().assign({{"0.weight", normals(12, columns, 8) * 0.4}, {"2.weight", normals(1, 12, 9)}}, false);
  return energy;
}

/// binary, categorical 3, ordinal 4, cyclic 5: 120 states.
EnergyRef fourKinds() {
  return blocksEnergy(List{Map{{"kind", "binary"}}, block("categorical", 3), block("ordinal", 4), block("cyclic", 5)},
                      6);
}

/// Two categoricals of 3 and one of 5 levels, 45 states.
EnergyRef categoricals() {
  return blocksEnergy(List{Map{{"kind", "categorical"}, {"levels", 3}, {"columns", 6}}, block("categorical", 5)}, 11);
}

/// Ordinal, cyclic and spin sites, one column each, 3 * 4 * 2 = 24 states.
EnergyRef columns() { return blocksEnergy(List{block("ordinal", 3), block("cyclic", 4), Map{{"kind", "spin"}}}, 3); }

/// Ids without an order.
EnergyRef tokens() {
  return blocksEnergy(List{Map{{"kind", "tokens"}, {"vocabulary", 5}, {"length", 2}}, Map{{"kind", "binary"}}}, 3);
}

Chains after(const Map& spec, const Energy& energy, const at::Tensor& start, std::int64_t steps, int threads = 1) {
  return test::after(*makeSamplerFrom(spec), energy, start, steps, threads);
}

double settlingP(const Map& spec, const Energy& energy, const at::Tensor& law, std::int64_t steps) {
  return test::settlingP(*makeSamplerFrom(spec), energy, law, steps);
}

const Map kGibbs{{"kind", "gibbs"}, {"steps", 1}};
const Map kFixedGibbs{{"kind", "gibbs"}, {"steps", 1}, {"order", "fixed"}};
const Map kGradients{{"kind", "gibbsWithGradients"}, {"steps", 1}};
const Map kLangevin{{"kind", "discreteLangevin"}, {"steps", 1}, {"stepSize", 1.0}};

/// x' - x of one site as the proposals see it, and its square.
struct Change {
  at::Tensor along;  // dE/dx . (x' - x)
  double square;
};
Change changeOf(const ColumnBlock& block, const at::Tensor& from, const at::Tensor& to, const at::Tensor& gradient) {
  at::Tensor change = block.columnsOf(to.unsqueeze(0)).squeeze(0) - block.columnsOf(from.unsqueeze(0)).squeeze(0);
  if (block.kind == Domain::Kind::Cyclic) {
    const double raw = change[0].item<double>(), k = static_cast<double>(block.levels);
    change = at::full_like(change, raw > k / 2 ? raw - k : raw <= -k / 2 ? raw + k : raw);
  }
  return {(block.columnsOf(gradient.unsqueeze(0)).squeeze(0) * change).sum(), change.square().sum().item<double>()};
}

/// The proposals between all states, straight from their definitions; every block is one site here.
struct Proposals {
  at::Tensor langevin, gradients;
};
Proposals proposalsOf(const Energy& energy, double stepSize) {
  const at::Tensor x = allStates(energy), g = energy.energyAndGradient(energy.rows(x, {})).gradient;
  const std::int64_t n = x.size(0);
  at::Tensor langevin = at::zeros({n, n}, at::kDouble), gradients = at::zeros({n, n}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      double along = 0, square = 0;
      int moved = 0;
      for (const ColumnBlock& block : energy.domain().blocks()) {
        const Change change = changeOf(block, x[i], x[j], g[i]);
        along += change.along.item<double>();
        square += change.square;
        moved += change.square > 0;
      }
      langevin[i][j] = std::exp(-0.5 * along - square / (2 * stepSize));
      if (moved == 1) gradients[i][j] = std::exp(-0.5 * along);
    }
  // All sites are independent, so one sum over all states is the product of the sums over the levels of each.
  return {langevin / langevin.sum(1, true), gradients / gradients.sum(1, true)};
}

at::Tensor adjusted(const at::Tensor& q, const at::Tensor& law) {
  const at::Tensor flow = law.unsqueeze(1) * q;
  at::Tensor p = at::where(q > 0, q * (flow.t() / flow).clamp_max(1), at::zeros_like(q));
  p.fill_diagonal_(0);
  return p + at::diag(1 - p.sum(1));
}

}  // namespace

TEST(samplers_settle_at_the_enumerated_law_of_unequal_sites) {
  for (const EnergyRef& energy : {fourKinds(), categoricals(), columns()}) {
    const at::Tensor law = lawOf(*energy);
    CHECK(law.max().item<double>() * static_cast<double>(law.size(0)) > 1.5 && law.max().item<double>() < 0.7);
    CHECK(settlingP(kGibbs, *energy, law, 20) > kLevel);
    CHECK(settlingP(kFixedGibbs, *energy, law, 20) > kLevel);
    CHECK(settlingP(kGradients, *energy, law, 150) > kLevel);
    CHECK(settlingP(kLangevin, *energy, law, 150) > kLevel);
    // Controls: the start, and the law at another temperature.
    CHECK(chiSquareP(numbersOfStates(*energy, uniformStart(*energy)), law) < 1e-9);
    Map hot = kGibbs;
    hot["temperature"] = 2.0;
    CHECK(settlingP(hot, *energy, law, 20) < 1e-9 && settlingP(hot, *energy, lawOf(*energy, 2), 20) > kLevel);
  }
}

TEST(gibbs_moves_tokens_and_what_uses_gradients_refuses_them) {
  const EnergyRef energy = tokens();
  const at::Tensor law = lawOf(*energy);
  CHECK(settlingP(kGibbs, *energy, law, 20) > kLevel);
  for (const Map& spec : {kGradients, kLangevin}) {
    std::string message;
    try {
      after(spec, *energy, uniformStart(*energy, 4), 1);
    } catch (const Error& error) {
      message = error.code == Code::Unsupported ? error.what() : "";
    }
    CHECK(message.find("columns 0 to 1 of this mlp energy hold tokens") != std::string::npos);
    CHECK(message.find("use gibbs") != std::string::npos);
  }
}

TEST(one_step_on_ordinal_and_cyclic_columns_has_the_enumerated_law) {
  const EnergyRef energy = columns();
  const at::Tensor law = lawOf(*energy);
  const Proposals proposals = proposalsOf(*energy, 1.0);
  const at::Tensor langevin = adjusted(proposals.langevin, law), gradients = adjusted(proposals.gradients, law);
  for (std::int64_t from : {std::int64_t{3}, law.size(0) - 2}) {
    const at::Tensor start = allStates(*energy)[from].unsqueeze(0).repeat({65536, 1});
    const auto p = [&](const Map& spec, const at::Tensor& row) {
      return chiSquareP(numbersOfStates(*energy, after(spec, *energy, start, 1).x), row);
    };
    CHECK(p(kLangevin, langevin[from]) > kLevel && p(kGradients, gradients[from]) > kLevel);
    CHECK(p(kLangevin, gradients[from]) < 1e-9);
  }
}

TEST(levels_that_a_site_does_not_have_are_never_drawn) {
  const EnergyRef energy = fourKinds();
  const Sites sites(*energy);
  const at::Tensor x = uniformStart(*energy, 50);
  const at::Tensor table = sites.squaredDistances(x), d = sites.differences(x, at::randn_like(x));
  CHECK(table.size(1) == 4 && table.size(2) == 5 && sites.levels() == 5 && !sites.equalLevels());
  const at::Tensor beyond = at::arange(5).unsqueeze(0).ge(sites.levelsOfSites(at::kLong).unsqueeze(1));
  CHECK(table.isinf().equal(beyond.expand_as(table)) && d.isinf().equal(beyond.expand_as(d)));
  const at::Tensor probability = (-d).softmax(2);
  CHECK(probability.masked_select(beyond.expand_as(probability)).eq(0).all().item<bool>());
  // Even for numbers at the end of the unit interval, which a uniform number is rounded to once in 2^24.
  for (const double u : {1 - 0x1p-53, 1.0}) {
    const at::Tensor last = choose(-d, at::full({50, 4}, u, at::kDouble));
    CHECK(last.eq(sites.levelsOfSites(at::kLong) - 1).all().item<bool>());
  }
  // Cyclic sites: no two of 5 levels are more than 2 apart. Ordinal ones of 4 levels: 3.
  CHECK(table.select(1, 3).max().item<double>() == 4);
  CHECK(table.select(1, 2).slice(1, 0, 4).max().item<double>() == 9);
}

TEST(bit_equal_at_any_number_of_threads) {
  for (const Map& spec : {kGibbs, kFixedGibbs, kGradients, kLangevin}) {
    const EnergyRef energy = fourKinds();
    const at::Tensor start = uniformStart(*energy, 700);
    CHECK(after(spec, *energy, start, 5).x.equal(after(spec, *energy, start, 5, 2).x));
  }
}

TEST(flow_goes_through_every_neighbour_once) {
  for (const EnergyRef& energy : {fourKinds(), categoricals(), tokens()}) {
    const at::Tensor x = allStates(*energy), e = energy->energyOf(energy->rows(x, {}));
    const std::vector<SitePlace> sites = sitesOf(*energy);
    double sum = 0;
    for (std::int64_t i = 0; i < x.size(0); ++i)
      for (std::int64_t j = 0; j < x.size(0); ++j) {
        int moved = 0;
        for (const SitePlace& s : sites)
          moved += !x[i].slice(0, s.column, s.column + (s.oneHot ? s.levels : 1))
                        .equal(x[j].slice(0, s.column, s.column + (s.oneHot ? s.levels : 1)));
        if (moved == 1) sum += std::exp(0.5 * (e[i] - e[j]).item<double>());
      }
    const double loss = evaluate(energy, x, {{"kind", "minimumProbabilityFlow"}}, 1).loss;
    CHECK_NEAR(loss, sum / static_cast<double>(x.size(0)), 1e-9 * sum);
  }
}

}  // namespace langevin::test::discrete_blocks_test
