// The Pareto shape of importance weights against laws whose shape is known.
#include "statistics/log_weights.hpp"

#include <cmath>

#include "check.hpp"

namespace langevin::test::log_weights_test {
namespace {

// Quantiles of a law at (i - 1/2) / n: a sample without its noise.
template <class Quantile>
at::Tensor quantiles(std::int64_t n, Quantile quantile) {
  at::Tensor t = at::empty({n}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i)
    t.data_ptr<double>()[i] = quantile((static_cast<double>(i) + 0.5) / static_cast<double>(n));
  return t;
}

// What the weakly informative prior makes of a shape that m largest weights show exactly.
double withPrior(double k, std::int64_t n) {
  const double m = std::min(std::floor(static_cast<double>(n) / 5), std::ceil(3 * std::sqrt(static_cast<double>(n))));
  return (m * k + 5) / (m + 10);
}

TEST(the_pareto_shape_of_weights_of_known_laws) {
  constexpr std::int64_t n = 200000;
  // Weights (1 - u)^-k: what exceeds any of them follows a generalised Pareto law of shape k exactly.
  for (const double k : {0.1, 0.3, 0.5, 0.7, 1.0, 1.5})
    CHECK_NEAR(paretoShape(quantiles(n, [&](double u) { return -k * std::log1p(-u); })), withPrior(k, n), 0.02);
  // Exponential excesses have shape 0; weights that end at 1 and fall off linearly before it have shape -1.
  CHECK_NEAR(paretoShape(quantiles(n, [](double u) { return std::log(1 - std::log1p(-u)); })), withPrior(0, n), 0.02);
  CHECK_NEAR(paretoShape(quantiles(n, [](double u) { return std::log(u); })), withPrior(-1, n), 0.05);
}

// A proposal N(0, s^2) for N(0, 1): log w = z^2 (1 - s^2) / 2 + const under z of N(0, 1), whose tail has shape 1 - s^2.
// Its tail is reached slowly (by logarithms of n), so the bounds are wide; what counts is the side of 0.7.
TEST(a_narrow_proposal_shows_in_the_pareto_shape) {
  constexpr std::int64_t n = 100000;
  const at::Tensor z = at::special_ndtri(quantiles(n, [](double u) { return u; }));
  const auto shape = [&](double s) { return paretoShape(z.square() * ((1 - s * s) / 2)); };
  CHECK(shape(0.9) < 0.4 && shape(0.75) < 0.7);
  CHECK(shape(0.4) > 0.7 && shape(0.05) > 0.85);
}

TEST(weights_without_a_tail_have_no_shape) {
  CHECK(std::isnan(paretoShape(at::zeros({24}, at::kDouble))));
  CHECK(std::isinf(paretoShape(at::zeros({1000}, at::kDouble))));
  const WeightSummary equal = summariseWeights(at::full({1000}, 3.0, at::kDouble), "weights");
  CHECK_NEAR(equal.logMean, 3, 1e-12);
  CHECK_NEAR(equal.ess, 1000, 1e-6);
  CHECK(equal.standardError < 1e-6);
  at::Tensor one = at::full({1000}, -50.0, at::kDouble);
  one[17] = 50.0;
  CHECK_NEAR(summariseWeights(one, "weights").ess, 1, 1e-6);
}

}  // namespace
}  // namespace langevin::test::log_weights_test
