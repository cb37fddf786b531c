// Chain diagnostics on AR(1) chains, whose autocorrelation time is known: x_t = phi x_{t-1} + sqrt(1 - phi^2) xi_t has
// (1 + phi) / (1 - phi) draws for one independent draw.
#include "statistics/diagnostics.hpp"

#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "check.hpp"
#include "tensors/random.hpp"

namespace langevin::diagnostics_test {
namespace {

at::Tensor normals(std::int64_t chains, std::int64_t n, std::uint64_t step = 0) {
  return Random(8).normal(chains, n, step, Stream::User, at::TensorOptions().dtype(at::kDouble));
}

at::Tensor autoregressive(double phi, std::int64_t chains, std::int64_t n) {
  const at::Tensor xi = normals(chains, n);
  std::vector<at::Tensor> columns{xi.select(1, 0)};
  for (std::int64_t t = 1; t < n; ++t)
    columns.push_back(phi * columns.back() + std::sqrt(1 - phi * phi) * xi.select(1, t));
  return at::stack(columns, 1);
}

}  // namespace

TEST(effective_sample_size_of_autoregressive_chains) {
  struct Row {
    double phi, tolerance;
  };
  // Measured spread of the estimator over 40 repetitions of these chains: 2.0 %, 6.7 %, 2.6 % (with a bias of 2.5 %, as
  // the sum of an alternating series is cut at a positive term); 4.5 of them each.
  for (const Row& row : {Row{0.5, 0.09}, Row{0.9, 0.30}, Row{-0.5, 0.145}}) {
    const ChainSummary s = summariseChains(autoregressive(row.phi, 16, 4000));
    const double known = 64000 * (1 - row.phi) / (1 + row.phi);
    CHECK_NEAR(s.essMean / known, 1, row.tolerance);
    CHECK_NEAR(s.essBulk / known, 1, row.tolerance);
    CHECK_NEAR(s.mcse, s.sd / std::sqrt(s.essMean), 1e-15);
    CHECK(s.rhat < 1.01);
  }
}

TEST(rhat_sees_a_shift_a_spread_and_a_drift) {
  const at::Tensor good = normals(4, 500);
  CHECK(summariseChains(good).rhat < 1.01);
  at::Tensor shifted = good.clone();
  shifted.select(0, 2).add_(1.5);  // means 0, 0, 0, 1.5: B/n about 0.6, so R-hat about 1.2
  CHECK(summariseChains(shifted).rhat > 1.1);
  at::Tensor wide = good.clone();  // same means: only the folded draws see it
  wide.select(0, 2).mul_(4.0);
  CHECK(summariseChains(wide).rhat > 1.1);
  CHECK(potentialScaleReduction(rankNormalise(splitChains(wide))) < 1.02);
  const at::Tensor drift = good + at::linspace(-1.5, 1.5, 500, at::kDouble);  // halves of a chain disagree
  CHECK(summariseChains(drift).rhat > 1.1);
  // A heavy tail without moments: ranks do not mind.
  const at::Tensor cauchy = good / normals(4, 500, 1);
  CHECK(summariseChains(cauchy).rhat < 1.02);
}

TEST(rhat_of_a_hand_computed_case) {
  const at::Tensor chains = at::tensor({1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 5.0, 6.0}, at::kDouble).reshape({2, 4});
  // W = 5/3, means 2.5 and 4.5: B/n = 2; (3/4 * 5/3 + 2) / (5/3) = 1.95
  CHECK_NEAR(potentialScaleReduction(chains), std::sqrt(1.95), 1e-14);
}

TEST(ranks_share_ties) {
  const at::Tensor z = rankNormalise(at::tensor({3.0, 1.0, 3.0, 2.0}, at::kDouble).reshape({2, 2}));
  const at::Tensor expected = at::special_ndtri((at::tensor({3.5, 1.0, 3.5, 2.0}, at::kDouble) - 0.375) / 4.25);
  CHECK_NEAR((z.reshape({-1}) - expected).abs().max().item<double>(), 0, 1e-15);
}

TEST(chains_that_say_nothing) {
  CHECK(std::isnan(summariseChains(at::ones({4, 100}, at::kDouble)).rhat));
  CHECK(std::isnan(summariseChains(normals(4, 3)).rhat));
  CHECK(!std::isnan(summariseChains(normals(1, 200)).rhat));  // one chain: its halves are compared
  // A sampler that returns its start: chains that never move and do not agree.
  const at::Tensor stuck = normals(8, 1).expand({8, 300});
  const ChainSummary s = summariseChains(stuck);
  CHECK(s.rhat > 1e3);
  CHECK(s.essBulk < 17);  // the split chains are 16 numbers
  at::Tensor bad = normals(4, 10);
  bad[1][3] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS(summariseChains(bad), Error);
}

}  // namespace langevin::diagnostics_test
