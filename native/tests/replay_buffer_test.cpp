// Restarts of the replay buffer: tested ones keep a law, untested ones impose theirs.
#include "training/replay_buffer.hpp"

#include "check.hpp"

using namespace langevin;

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
  Rows data;
  data.x = at::zeros({8, 1});
  buffer.fill(data, Random(7));
  return buffer;
}

at::Tensor half(const Rows& rows) { return rows.x.square().sum(1).mul(0.5); }

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
      kChains, 0, [](const Rows& rows) { return at::full({rows.size()}, std::numeric_limits<double>::quiet_NaN()); });
  CHECK(!draw.restarted.any().item<bool>());
}
