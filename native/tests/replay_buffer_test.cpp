// Restarts of the replay buffer: tested ones keep a law, untested ones impose theirs.
#include "replay/replay_buffer.hpp"

#include "check.hpp"
#include "samplers/sampler.hpp"

namespace langevin::replay_buffer_test {
namespace {

constexpr std::int64_t kChains = 4096;

ReplayBuffer makeBuffer(bool metropolis) {
  ReplayBuffer::Options options;
  options.size = kChains;
  options.reinit = 1;
  options.metropolis = metropolis;
  options.low = {-3};
  options.high = {3};
  ReplayBuffer buffer(options);
  Batch data;
  data.x = at::zeros({8, 1});
  buffer.fill(data, Random(7));
  return buffer;
}

at::Tensor half(const Batch& rows) { return rows.x.square().sum(1).mul(0.5); }

// Variance of the chains after 60 restarts of each and nothing else.
double varianceAfterRestarts(bool metropolis) {
  ReplayBuffer buffer = makeBuffer(metropolis);
  at::Tensor x;
  for (std::uint64_t step = 0; step < 60; ++step) {
    const ReplayBuffer::Draw draw = buffer.draw(kChains, step, half);
    buffer.store(draw, draw.rows.x, 1);
    x = draw.rows.x;
  }
  return x.var(0, false).item<double>();
}

}  // namespace

// N(0, 1) cut at +-3 has variance 1 - 6 phi(3) / (2 Phi(3) - 1) = 0.9733. An independence chain whose proposal density
// is at least 1 / 2.39 of the target's has forgotten its start after 60 steps (0.58^60). The variance of 4,096 draws
// has a standard error below sqrt(2 / 4096) = 0.022; 5 of them: a false alarm in two million runs.
TEST(tested_restarts_sample_the_energy) { CHECK_NEAR(varianceAfterRestarts(true), 0.9733, 0.11); }

// The control: untested restarts leave the uniform law, variance 36 / 12 = 3 (standard error 0.042).
TEST(untested_restarts_impose_their_own_law) { CHECK_NEAR(varianceAfterRestarts(false), 3.0, 0.21); }

TEST(a_chain_outside_the_box_is_not_moved_by_a_tested_restart) {
  ReplayBuffer buffer = makeBuffer(true);
  ReplayBuffer::Draw draw = buffer.draw(kChains, 0, half);
  buffer.store(draw, at::full_like(draw.rows.x, 10.0), 1);
  draw = buffer.draw(kChains, 1, half);
  CHECK(!draw.restarted.any().item<bool>());
  CHECK((draw.rows.x == 10.0).all().item<bool>());
}

TEST(a_start_with_an_energy_that_is_no_number_is_refused) {
  const ReplayBuffer buffer = makeBuffer(true);
  const ReplayBuffer::Draw draw = buffer.draw(
      kChains, 0, [](const Batch& rows) { return at::full({rows.size()}, std::numeric_limits<double>::quiet_NaN()); });
  CHECK(!draw.restarted.any().item<bool>());
}

// ---- strategies ---------------------------------------------------------------------------------------------------
//
// Counts of independent yes-or-no draws have standard deviation sqrt(n p (1 - p)); a check allows 5 of them, a false
// alarm in two million.

namespace {

ReplayBuffer strategyBuffer(const char* strategy, std::int64_t size, const Batch& data, double reinit = 0) {
  ReplayBuffer::Options options;
  options.size = size;
  options.reinit = reinit;
  options.strategy = strategy;
  ReplayBuffer buffer(options);
  buffer.fill(data, Random(7));
  return buffer;
}

void checkBinomial(double count, double n, double p) { CHECK_NEAR(count, n * p, 5 * std::sqrt(n * p * (1 - p))); }

// Rows of classes 0, 1, 2 in shares 0.6, 0.3, 0.1; x is the class.
Batch classRows() {
  Batch data;
  data.y = at::tensor({0, 1, 0, 0, 2, 1, 0, 0, 1, 0}, at::kLong);
  data.x = data.y.to(at::kFloat).unsqueeze(1);
  return data;
}

}  // namespace

TEST(restarts_are_binomial) {
  Batch data;
  data.x = at::zeros({8, 1});
  for (const char* strategy : {"chains", "reservoir"}) {
    ReplayBuffer buffer = strategyBuffer(strategy, 256, data, 0.07);
    double restarts = 0;
    for (std::uint64_t step = 0; step < 400; ++step) {
      const ReplayBuffer::Draw draw = buffer.draw(64, step);
      restarts += draw.restarted.sum().item<double>();
      buffer.store(draw, draw.rows.x, 1);
    }
    checkBinomial(restarts, 400 * 64, 0.07);
  }
}

// Each step's chains end at the number of the step. Of the 64 + 300 * 8 states offered every one is still there with
// probability 64 / 2464; the states of the first and of the second half are counted over 40 buffers. (Slots are
// exchangeable, not independent: their counts vary less than binomial ones, so the allowance is wide.)
TEST(a_reservoir_is_a_uniform_sample_of_all_states) {
  Batch data;
  data.x = at::full({8, 1}, -1.0f);
  double starts = 0, early = 0, late = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    ReplayBuffer::Options options;
    options.size = 64;
    options.reinit = 0;
    options.strategy = "reservoir";
    options.uniform = 0;
    options.data = 1;
    ReplayBuffer buffer(options);
    buffer.fill(data, Random(seed));
    for (std::uint64_t step = 0; step < 300; ++step)
      buffer.store(buffer.draw(8, step), at::full({8, 1}, static_cast<float>(step)), 1);
    const at::Tensor x = buffer.state().at("buffer.x").squeeze(1);
    starts += x.lt(0).sum().item<double>();
    early += at::logical_and(x.ge(0), x.lt(150)).sum().item<double>();
    late += x.ge(150).sum().item<double>();
  }
  checkBinomial(starts, 40 * 64, 64.0 / 2464);
  checkBinomial(early, 40 * 64, 1200.0 / 2464);
  checkBinomial(late, 40 * 64, 1200.0 / 2464);
}

// The control: chains that are stored back keep no state from the first half.
TEST(stored_back_chains_are_no_reservoir) {
  Batch data;
  data.x = at::zeros({8, 1});
  ReplayBuffer buffer = strategyBuffer("chains", 64, data);
  for (std::uint64_t step = 0; step < 300; ++step)
    buffer.store(buffer.draw(8, step), at::full({8, 1}, static_cast<float>(step)), 1);
  const at::Tensor x = buffer.state().at("buffer.x");
  // A slot is untouched for 150 steps with probability (7/8)^150 = 2e-9.
  CHECK(x.ge(150).all().item<bool>());
}

TEST(class_blocks_keep_every_class_at_home) {
  ReplayBuffer buffer = strategyBuffer("classBlocks", 100, classRows(), 0.3);
  const auto labels = [&] { return buffer.state().at("buffer.y"); };
  // Blocks of 33, 33 and 34 slots.
  CHECK(labels().bincount().equal(at::tensor({33, 33, 34}, at::kLong)));
  double drawn[3] = {};
  for (std::uint64_t step = 0; step < 500; ++step) {
    const ReplayBuffer::Draw draw = buffer.draw(20, step);
    CHECK(std::get<0>(at::_unique(draw.slots)).size(0) == 20);
    CHECK(draw.rows.y.equal(labels().index_select(0, draw.slots)));
    for (int c = 0; c < 3; ++c) drawn[c] += draw.rows.y.eq(c).sum().item<double>();
    buffer.store(draw, draw.rows.x, 1);
  }
  CHECK(labels().bincount().equal(at::tensor({33, 33, 34}, at::kLong)));
  // Draws have the classes' frequencies in the data, whatever the blocks' sizes.
  const double share[] = {0.6, 0.3, 0.1};
  for (int c = 0; c < 3; ++c) checkBinomial(drawn[c], 500 * 20, share[c]);
}

TEST(class_blocks_restart_from_rows_of_their_class) {
  ReplayBuffer::Options options;
  options.size = 90;
  options.reinit = 1;
  options.strategy = "classBlocks";
  options.uniform = 0;
  options.data = 1;
  ReplayBuffer buffer(options);
  buffer.fill(classRows(), Random(7));
  const ReplayBuffer::Draw draw = buffer.draw(25, 3);
  CHECK(draw.restarted.all().item<bool>());
  CHECK(draw.rows.x.squeeze(1).equal(draw.rows.y.to(at::kFloat)));
  Batch plain;
  plain.x = at::zeros({4, 1});
  CHECK_THROWS(strategyBuffer("classBlocks", 90, plain), Error);
  CHECK_THROWS(buffer.draw(85, 0), Error);  // some class needs more than its 30
}

TEST(a_buffer_goes_on_where_it_was_saved) {
  for (const char* strategy : {"chains", "reservoir", "classBlocks"}) {
    const auto go = [](ReplayBuffer& buffer, std::uint64_t from, std::uint64_t to) {
      for (std::uint64_t step = from; step < to; ++step) {
        const ReplayBuffer::Draw draw = buffer.draw(10, step);
        buffer.store(draw, draw.rows.x + 1, 1);
      }
    };
    ReplayBuffer whole = strategyBuffer(strategy, 60, classRows(), 0.2),
                 first = strategyBuffer(strategy, 60, classRows(), 0.2),
                 second = strategyBuffer(strategy, 60, classRows(), 0.2);
    go(whole, 0, 20);
    go(first, 0, 9);
    second.setState(first.state());
    go(second, 9, 20);
    for (const auto& [name, value] : whole.state()) CHECK(value.equal(second.state().at(name)));
  }
}

TEST(only_restarted_chains_are_tempered) {
  ReplayBuffer::Options options;
  options.size = 500;
  options.reinit = 0.4;
  options.temper = {8, 4, 2};
  ReplayBuffer buffer(options);
  Batch data;
  data.x = at::zeros({8, 1});
  buffer.fill(data, Random(7));
  ReplayBuffer::Draw draw = buffer.draw(300, 1);
  const at::Tensor before = draw.rows.x.clone();
  std::vector<double> seen;
  buffer.annealRestarts(draw, [&](const Batch& rows, double temperature, std::uint64_t level) {
    CHECK(rows.size() == draw.restarted.sum().item<std::int64_t>());
    CHECK(level == seen.size());
    seen.push_back(temperature);
    return rows.x + temperature;
  });
  CHECK(seen == options.temper);
  const at::Tensor expected = before + 14 * draw.restarted.to(at::kFloat).unsqueeze(1);
  CHECK_NEAR((draw.rows.x - expected).abs().max().item<double>(), 0, 1e-6);
}

// Two modes of weights 0.3 and 0.7, a barrier of 4 between them; chains restart uniformly on a box around both.
// Chains that start cold fall into the nearer mode, half of them each; annealed ones cross while they are warm. They
// freeze at a temperature a little above 1, which leaves the share up to 0.03 short of 0.7; 5 standard errors of
// 4,096 rows are 0.036.
TEST(tempered_restarts_find_the_weights_of_the_modes) {
  const Value mixture(Map{{"kind", "gaussianMixture"},
                          {"means", List{List{-3.0}, List{3.0}}},
                          {"weights", List{0.3, 0.7}},
                          {"sigmas", 1.0}});
  const EnergyRef energy = makeEnergy(Spec(mixture, "energy"), at::kFloat, at::kCPU, 0);
  const Value kernel(Map{{"kind", "mala"}, {"steps", 200}, {"stepSize", 0.5}});
  const auto sampler = makeSampler(Spec(kernel, "sampler"));
  const auto shareOnTheRight = [&](const std::vector<double>& temperatures) {
    ReplayBuffer::Options options;
    options.size = kChains;
    options.reinit = 1;
    options.temper = temperatures;
    options.low = {-6};
    options.high = {6};
    ReplayBuffer buffer(options);
    Batch data;
    data.x = at::zeros({8, 1});
    buffer.fill(data, Random(7));
    ReplayBuffer::Draw draw = buffer.draw(kChains, 0);
    const auto run = [&](const Batch& rows, double temperature, std::uint64_t level) {
      Job job;
      Chains chains;
      chains.x = rows.x;
      advance(*sampler->atTemperature(temperature), *energy, chains, temperature > 1 ? 200 : 20, 0, Random(level), 1,
              job);
      return chains.x;
    };
    buffer.annealRestarts(draw, run);
    return run(draw.rows, 1, 99).gt(0).to(at::kDouble).mean().item<double>();
  };
  CHECK_NEAR(shareOnTheRight({}), 0.5, 0.06);
  CHECK_NEAR(shareOnTheRight({8, 6, 4.5, 3.5, 2.7, 2.2, 1.8, 1.5, 1.25, 1.1}), 0.7 - 0.015, 0.05);
}

}  // namespace langevin::replay_buffer_test
