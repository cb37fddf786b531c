// Noises: densities that integrate to one on a grid, and draws that follow them (chi-squared over cells at 4.5 standard
// deviations). The control: a density of another width, and draws of another law, fail the same checks.
#include <cmath>
#include <numbers>

#include "check.hpp"
#include "noises/noise.hpp"
#include "training_support.hpp"

namespace langevin::test::noises_test {
namespace {

const at::TensorOptions kDouble = at::TensorOptions(at::kDouble);

std::unique_ptr<Noise> fitted(Map spec, const at::Tensor& x) {
  const Value value(std::move(spec));
  auto noise = makeNoise(Spec(value, "noise"));
  noise->fit(x);
  return noise;
}

// Two clusters of unequal weight and shape.
at::Tensor clusters(std::int64_t n) {
  const at::Tensor e = Random(5).normal(n, 2, 0, Stream::Data, kDouble);
  const at::Tensor left = at::tensor({-2.0, 0.5}, at::kDouble) + e * at::tensor({0.5, 0.8}, at::kDouble);
  const at::Tensor right =
      at::tensor({1.5, -0.5}, at::kDouble) + e.matmul(at::tensor({0.8, 0.4, 0.0, 0.5}, at::kDouble).view({2, 2}));
  return at::where(at::arange(n).remainder(4).eq(0).unsqueeze(1), left, right);
}

constexpr double kEdge = 8, kCell = 0.05;
constexpr std::int64_t kSide = 320, kBlock = 16;  // blocks of 16 x 16 cells, 20 x 20 of them

at::Tensor gridRows() {
  const at::Tensor axis = (at::arange(kSide, kDouble) + 0.5) * kCell - kEdge;
  const auto g = at::meshgrid({axis, axis}, "ij");
  return at::stack({g[0].reshape({-1}), g[1].reshape({-1})}, 1);
}

// Probability of every block by the midpoint rule.
at::Tensor blockMass(const Noise& noise) {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& rows : gridRows().split(20480)) parts.push_back(noise.logDensity(rows).exp());
  const std::int64_t blocks = kSide / kBlock;
  return at::cat(parts).view({blocks, kBlock, blocks, kBlock}).sum({1, 3}).reshape({-1}) * (kCell * kCell);
}

// (chi-squared - degrees of freedom) in its own standard deviations, over blocks that expect at least 10 draws.
double excess(const at::Tensor& mass, const at::Tensor& x) {
  const auto n = static_cast<double>(x.size(0));
  const std::int64_t blocks = kSide / kBlock;
  const at::Tensor cell = ((x + kEdge) / (kCell * kBlock)).floor().to(at::kLong).clamp(0, blocks - 1);
  const at::Tensor counts =
      at::bincount(cell.select(1, 0) * blocks + cell.select(1, 1), {}, blocks * blocks).to(at::kDouble);
  const at::Tensor expected = mass * n, kept = expected > 10;
  const double chi = ((counts - expected).square() / expected).masked_select(kept).sum().item<double>();
  const double degrees = kept.sum().item<double>();
  return (chi - degrees) / std::sqrt(2 * degrees);
}

std::vector<Map> noises() {
  const List means{List{-1.0, 1.0}, List{2.0, 0.0}};
  return {
      {{"kind", "gaussianMixture"}, {"means", means}, {"sigmas", List{0.5, 1.2}}, {"weights", List{3.0, 1.0}}},
      {{"kind", "gaussianMixture"}, {"means", means}, {"covariances", List{0.7, List{List{1.0, 0.6}, List{0.6, 0.8}}}}},
      {{"kind", "gaussianMixture"}, {"means", List{List{0.5, -0.5}}}, {"sigmas", 0.9}},
      {{"kind", "dataGaussianMixture"}, {"components", 3}, {"scale", 1.2}},
      {{"kind", "kde"}, {"centres", 200}},
      {{"kind", "kde"}, {"bandwidth", List{0.4, 0.9}}, {"centres", 50}},
      {{"kind", "flow"}}};
}

TEST(densities_integrate_to_one_and_draws_follow_them) {
  const at::Tensor x = clusters(2000);
  for (const Map& spec : noises()) {
    const auto noise = fitted(spec, x);
    const at::Tensor mass = blockMass(*noise);
    // A flow's density has kinks where pieces of its splines meet: the midpoint rule sees them as 6e-6.
    CHECK_NEAR(mass.sum().item<double>(), 1.0, *spec.at("kind").get<std::string>() == "flow" ? 3e-5 : 1e-6);
    const at::Tensor draws = noise->sample(20000, 3, Random(7));
    CHECK(std::abs(excess(mass, draws)) < 4.5);
    CHECK(excess(mass, draws * 1.1) > 10);
    // Counted by (seed, step): the same again, and another at another step.
    CHECK(draws.equal(noise->sample(20000, 3, Random(7))));
    CHECK(!draws.equal(noise->sample(20000, 4, Random(7))));
  }
}

TEST(a_learned_mixture_finds_the_clusters) {
  const at::Tensor x = clusters(8000);
  const auto meanLog = [&](const Map& spec) { return fitted(spec, x)->logDensity(x).mean().item<double>(); };
  // -entropy of the law: 1/4 N with sds 0.5, 0.8 and 3/4 N with det 0.8 * 0.5, nearly disjoint.
  const double constant = -std::log(2 * std::numbers::pi) - 1;
  const double wanted = 0.25 * std::log(0.25) + 0.75 * std::log(0.75) + constant - std::log(0.4);
  const double found = meanLog({{"kind", "dataGaussianMixture"}, {"components", 2}});
  // sd of log p over rows is about 1: 4.5 / sqrt(8000) = 0.05; the clusters overlap by less than 0.01.
  CHECK_NEAR(found, wanted, 0.06);
  CHECK(meanLog({{"kind", "dataGaussian"}}) < wanted - 0.4);
}

at::Tensor ring(std::int64_t n, int seed) {
  const at::Tensor t = Random(seed).uniform(n, 1, 0, Stream::Data, kDouble) * (2 * std::numbers::pi);
  const at::Tensor r = 3 + 0.2 * Random(seed).normal(n, 1, 1, Stream::Data, kDouble);
  return at::cat({r * t.cos(), r * t.sin()}, 1);
}

// log p of rows that the fit has not seen, against the law they come from.
TEST(a_flow_learns_shapes_and_leaves_a_gaussian_alone) {
  const auto gap = [](const Map& spec, const at::Tensor& x, const at::Tensor& fresh, double entropy) {
    return -entropy - fitted(spec, x)->logDensity(fresh).mean().item<double>();
  };
  const Map flow{{"kind", "flow"}}, gaussian{{"kind", "dataGaussian"}};
  // Entropy of the ring up to terms of (0.2 / 3)^2: log(2 pi 3) + log(0.2 sqrt(2 pi e)) - 0.002. The mean over 4,000
  // rows has a standard error of sqrt(1 / 2) / 63 = 0.011. Measured with seven seeds: 0.096 to 0.118, and
  // 1.6 for one Gaussian.
  const double tau = 2 * std::numbers::pi, width = 0.2 * std::sqrt(tau * std::numbers::e);
  const double entropy = std::log(3 * tau) + std::log(width);
  CHECK(gap(flow, ring(2000, 1), ring(4000, 11), entropy) < 0.15);
  CHECK(gap(gaussian, ring(2000, 1), ring(4000, 11), entropy) > 1);
  // A Gaussian of 2,000 rows: five numbers fitted cost 5 / 4000 = 0.001 nats, and no layer gains anything. Standard
  // error of the mean of 20,000 rows 0.007.
  const at::Tensor factor = at::tensor({1.0, 0.9, 0.0, 0.3}, at::kDouble).view({2, 2});
  const auto rows = [&](std::int64_t n, int seed) {
    return Random(seed).normal(n, 2, 0, Stream::Data, kDouble).matmul(factor) + 5;
  };
  const double ofGaussian = std::log(tau * std::numbers::e) + std::log(0.3);
  const double found = gap(flow, rows(2000, 1), rows(20000, 2), ofGaussian);
  CHECK_NEAR(found, 0, 0.03);
  CHECK_NEAR(found, gap(gaussian, rows(2000, 1), rows(20000, 2), ofGaussian), 0.01);
  // In ten columns as well.
  const auto ten = [&](int seed) { return Random(seed).normal(2000, 10, 0, Stream::Data, kDouble); };
  CHECK_NEAR(gap(flow, ten(1), ten(2), 0), gap(gaussian, ten(1), ten(2), 0), 0.05);
}

TEST(a_flow_follows_its_columns_and_its_scale) {
  const at::Tensor x = clusters(2000), by = at::tensor({3.0, 0.2}, at::kDouble), mean = x.mean(0);
  const Map spec{{"kind", "flow"}};
  Map wide = spec;
  wide["scale"] = 1.5;
  const auto one = fitted(spec, x), two = fitted(spec, x * by), wider = fitted(wide, x);
  // log p(A x) = log p(x) - log det A, up to the ridge, 1e-10 of a mean variance that 225 times outweighs one column.
  const at::Tensor shift = one->logDensity(x) - two->logDensity(x * by);
  CHECK((shift - std::log(0.6)).abs().max().item<double>() < 1e-6);
  const at::Tensor draws = one->sample(500, 1, Random(7)), far = mean + 1.5 * (draws - mean);
  CHECK((wider->sample(500, 1, Random(7)) - far).abs().max().item<double>() < 1e-8);
  CHECK((wider->logDensity(far) - one->logDensity(draws) + 2 * std::log(1.5)).abs().max().item<double>() < 1e-8);
}

TEST(a_flow_of_one_column_of_ties_and_of_far_rows) {
  // One column needs one layer. Cells of 0.001; uniform rows have an edge, a tie has no width, a far row no neighbour.
  at::Tensor x = Random(3).uniform(1000, 1, 0, Stream::Data, kDouble);
  x.slice(0, 0, 300).fill_(0.25);
  x[999][0] = 6;
  const auto flow = fitted({{"kind", "flow"}}, x);
  const at::Tensor grid = ((at::arange(40000, kDouble) + 0.5) * 0.001 - 20).unsqueeze(1);
  CHECK_NEAR(flow->logDensity(grid).exp().sum().item<double>() * 0.001, 1, 1e-4);
  CHECK(flow->logDensity(at::tensor({-1e3, 0.25, 3.0, 1e3}, at::kDouble).unsqueeze(1)).isfinite().all().item<bool>());
  // Single precision: the same density where the rows are. Measured: 3e-5.
  const at::Tensor rows = clusters(2000);
  const auto exact = fitted({{"kind", "flow"}}, rows), single = fitted({{"kind", "flow"}}, rows.to(at::kFloat));
  const at::Tensor off = exact->logDensity(rows) - single->logDensity(rows.to(at::kFloat)).to(at::kDouble);
  CHECK(off.abs().max().item<double>() < 3e-4);
}

TEST(scott_widths_follow_the_columns) {
  const at::Tensor x = clusters(500);
  const auto one = fitted({{"kind", "kde"}}, x),
             two = fitted({{"kind", "kde"}}, x * at::tensor({3.0, 0.2}, at::kDouble));
  // A density transforms with its columns: log p(A x) = log p(x) - log det A.
  const at::Tensor difference = one->logDensity(x) - two->logDensity(x * at::tensor({3.0, 0.2}, at::kDouble));
  CHECK((difference - std::log(0.6)).abs().max().item<double>() < 1e-12);
}

TEST(noises_refuse_what_they_cannot_fit) {
  const at::Tensor x = clusters(50);
  CHECK_THROWS(fitted({{"kind", "kde"}}, at::ones({50, 2}, at::kDouble)), Error);
  CHECK_THROWS(fitted({{"kind", "flow"}}, x.slice(0, 0, 10)), Error);
  CHECK_THROWS(fitted({{"kind", "flow"}}, at::cat({x, x.slice(1, 0, 1) * 2}, 1)), Error);
  CHECK_THROWS(fitted({{"kind", "dataGaussianMixture"}, {"components", 30}}, x), Error);
  CHECK_THROWS(fitted({{"kind", "gaussianMixture"}, {"means", List{List{0.0}}}, {"sigmas", 1.0}}, x), Error);
  CHECK_THROWS(fitted({{"kind", "gaussianMixture"}, {"means", List{List{0.0, 0.0}}}}, x), Error);
}

}  // namespace
}  // namespace langevin::test::noises_test
