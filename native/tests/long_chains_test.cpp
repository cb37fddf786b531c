// Short chains against long ones: the loss's parts on the same chains, the drift of unadjusted Langevin in closed form,
// CD-K to the bit at weight 0, and a region that short chains do not see.
#include <cmath>

#include "check.hpp"
#include "divergence_support.hpp"
#include "objectives/support.hpp"
#include "program/builder.hpp"

namespace langevin::test::long_chains_test {
namespace {

constexpr double kStep = 0.2;
const at::TensorOptions kDouble = at::TensorOptions(at::kDouble);

Map contrastive(int steps, const Map& longChains = {}, double stepSize = kStep) {
  const Map sampler{{"kind", "langevin"}, {"steps", steps}, {"stepSize", stepSize}};
  Map spec{{"kind", "contrastiveDivergence"}, {"sampler", sampler}};
  if (!longChains.empty()) spec["longChains"] = longChains;
  return spec;
}
Map longer(int steps, double weight, double fraction = 1) {
  return {{"steps", steps}, {"weight", weight}, {"fraction", fraction}};
}

// Contrastive divergence from negatives that are there already.
class Given : public Objective {
 public:
  explicit Given(at::Tensor x) : x_(std::move(x)) {}
  at::Tensor loss(StepContext& context) override { return contrast(context, context.batch, {x_, {}}); }

 private:
  at::Tensor x_;
};

// Float64: sums in another order.
TEST(loss_and_gradient_are_the_weighted_sum_of_both_lengths) {
  const EnergyRef energy = mlpEnergy("silu");
  const std::int64_t n = 40;
  const at::Tensor x = Random(5).normal(n, 2, 0, Stream::Data, kDouble);
  for (const auto& [weight, fraction, count] : {std::tuple{0.3, 1.0, n}, {1.0, 1.0, n}, {0.5, 0.24, 10L}}) {
    const TrainingStep::Result both = once(energy, *makeObjectiveFrom(contrastive(3, longer(8, weight, fraction))), x);
    const at::Tensor rows = both.rows.at(0).x;
    CHECK(rows.size(0) == 2 * n + count);
    const at::Tensor last = rows.slice(0, n, 2 * n), further = rows.slice(0, 2 * n);
    // The short chains are those of CD-3.
    const TrainingStep::Result plain = once(energy, *makeObjectiveFrom(contrastive(3)), x);
    CHECK(last.equal(plain.rows.at(0).x.slice(0, n)));
    Given given(further);
    const TrainingStep::Result ofLong = once(energy, given, x);
    CHECK_NEAR(both.loss, (1 - weight) * plain.loss + weight * ofLong.loss, 1e-13);
    const at::Tensor wanted = (1 - weight) * plain.gradient + weight * ofLong.gradient;
    CHECK((both.gradient - wanted).abs().max().item<double>() < 1e-13);
    CHECK((both.gradient - plain.gradient).abs().max().item<double>() > 1e-3);
    const at::Tensor difference = energy->energyOf({last.slice(0, 0, count), {}}) - energy->energyOf({further, {}});
    CHECK_NEAR(both.monitors.at("drift"), difference.mean().item<double>(), 1e-13);
  }
}

// x_L is x_K after five more steps by hand, with noise of its own.
TEST(the_long_chain_is_the_short_one_carried_on) {
  const EnergyRef energy = mlpEnergy("silu");
  const std::int64_t n = 40;
  const at::Tensor x = Random(5).normal(n, 2, 0, Stream::Data, kDouble);
  const at::Tensor rows = once(energy, *makeObjectiveFrom(contrastive(3, longer(8, 0.5))), x).rows.at(0).x;
  at::Tensor chain = rows.slice(0, n, 2 * n);
  for (std::uint64_t t = 0; t < 5; ++t) {
    const at::Tensor xi = Random(9).normal(n, 2, t, Stream::Noise, kDouble, static_cast<std::uint64_t>(n));
    chain = chain - kStep / 2 * energy->energyAndGradient({chain, {}}, 1).gradient + std::sqrt(kStep) * xi;
  }
  CHECK((chain - rows.slice(0, 2 * n)).abs().max().item<double>() < 1e-12);
}

// E = P (x - m)^2 / 2 and y = x - m: a step is y' = a y + sqrt(h) xi with a = 1 - h P / 2, so from rows of mean y0 and
// variance v0
//   E y_t^2 = a^2t (y0^2 + v0) + h (1 - a^2t) / (1 - a^2).
// Within 4.5 standard errors of the mean of n differences, once in 150,000 by chance.
TEST(drift_of_a_gaussian_in_closed_form) {
  const double m = 1.5, sd = 0.8, precision = 1 / (sd * sd), v0 = 0.49, a = 1 - kStep * precision / 2;
  const EnergyRef energy = gaussian1d(m, sd);
  const std::int64_t n = 20000;
  const at::Tensor x = gaussianRows(at::full({1, 1}, v0, at::kDouble), n);
  const auto square = [&](int t) {
    const double decay = std::pow(a, 2 * t);
    return decay * (m * m + v0) + kStep * (1 - decay) / (1 - a * a);
  };
  const auto seen = [&](int shortSteps, int longSteps, double& error) {
    const Map spec = contrastive(shortSteps, longer(longSteps, 0.5));
    const TrainingStep::Result r = once(energy, *makeObjectiveFrom(spec), x);
    const at::Tensor e = energy->energyOf({r.rows.at(0).x.slice(0, n), {}});
    error = (e.slice(0, 0, n) - e.slice(0, n)).std().item<double>() / std::sqrt(static_cast<double>(n));
    return r.monitors.at("drift");
  };
  double error = 0;
  for (const auto& [k, l] : {std::pair{1, 2}, {2, 6}, {4, 40}}) {
    const double drift = seen(k, l, error), wanted = precision / 2 * (square(k) - square(l));
    CHECK_NEAR(drift, wanted, 4.5 * error);
    CHECK(wanted > 20 * error);
  }
  // Short chains that have converged: a^40 = 0.0009.
  CHECK_NEAR(seen(40, 80, error), 0, 4.5 * error);
}

TEST(weight_0_is_plain_contrastive_divergence_to_the_bit) {
  const at::Tensor x = gaussianRows(at::eye(2, at::kDouble), 300).to(at::kFloat);
  const auto weights = [&](const Map& objective) {
    const EnergyRef energy = mlpEnergy("silu", at::kFloat);
    const Trained t = train(
        energy, x, {{"objective", objective}, {"optimizer", adam(0.02, 0.001)}, {"steps", 6}, {"batchSize", 128}});
    return std::pair{energy->parameters().flat().clone(), t.monitors};
  };
  const auto [plain, none] = weights(contrastive(4));
  const auto [looked, monitors] = weights(contrastive(4, longer(20, 0)));
  CHECK(plain.equal(looked));
  CHECK(none.count("drift") == 0 && std::abs(monitors.at("drift")) > 0);
  CHECK(!plain.equal(weights(contrastive(4, longer(20, 0.5))).first));
  checkSameAtAnyThreads(x, contrastive(4, longer(20, 0.5, 0.5)), 128);
}

// E = x^2 / 2 - c exp(-(x - 4)^2 / (2 0.7^2)): a well of depth c where no datum lies.
EnergyRef wellAt4(double depth) {
  Builder b("test");
  const int x = b.input(1);
  const int bump = b.apply("exp", {b.scale(b.square(b.affine(x, 1.0, -4.0)), -0.5 / 0.49)}, 1);
  const int c = b.parameterValue("c", at::full({1}, depth, at::kDouble), true);
  b.setEnergy(b.sub(b.scale(b.square(x), 0.5), b.mul(c, bump)));
  return std::make_shared<Energy>(b.finish(), at::kDouble, at::kCPU, 0);
}

// Data are normal, so the best depth is 0. At 9 the well holds most of the model's law (E = -1 against 0 at the data),
// and a chain needs some hundred steps to find it. Plain gradient descent: Adam would blow up the few rows that short
// chains see of it.
TEST(long_chains_find_a_region_that_short_chains_do_not_see) {
  const at::Tensor x = gaussianRows(at::eye(1, at::kDouble), 400);
  const auto left = [&](double weight) {
    const EnergyRef energy = wellAt4(9);
    const auto objective = makeObjectiveFrom(contrastive(5, longer(150, weight), 0.1));
    const double before = once(energy, *objective, x).monitors.at("drift");
    descend(energy, *objective, x, 3, 60);
    const double after = once(energy, *objective, x).monitors.at("drift");
    CHECK(before > 0.15);
    CHECK(after < 0.05);
    return energy->parameters().flat()[0].item<double>();
  };
  CHECK(left(0) > 7.5);
  // E = 3 at the well's bottom: no longer a place to stay.
  CHECK(left(0.5) < 5);
}

TEST(lengths_and_weights_that_mean_nothing_are_refused) {
  for (const Map& options : {longer(4, 0.5), longer(3, 0.5), longer(8, 1.1), longer(8, -0.1), longer(8, 0.5, 0),
                             longer(8, 0.5, 1.5), Map{{"weight", 0.5}}})
    CHECK_THROWS(makeObjectiveFrom(contrastive(4, options)), Error);
}

}  // namespace
}  // namespace langevin::test::long_chains_test
