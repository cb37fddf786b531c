// Toy data, spandrel truth, tables and the decoding of file bytes.
#include <cstring>
#include <numbers>

#include "api.hpp"
#include "check.hpp"
#include "data/spandrel.hpp"
#include "data/toys.hpp"
#include "tensors/tensor.hpp"

namespace langevin::data_test {
namespace {

Value call(const std::string& name, Map arguments) {
  langevin::Job job;
  return langevin::call(name, Value(std::move(arguments)), job);
}
at::Tensor tensorOf(const Value& v) { return langevin::unbox(*v.get<langevin::TensorRef>()); }
at::Tensor tensorOf(const Value& v, const char* key) { return tensorOf(v.map()->at(key)); }
Value boxed(const at::Tensor& t) { return langevin::box(t); }
std::string codeOf(const std::string& name, Map arguments) {
  try {
    call(name, std::move(arguments));
  } catch (const Error& e) {
    return langevin::codeName(e.code);
  }
  return "none";
}

at::Tensor grid(double side, int cells) {
  return tensorOf(call("data.grid", {{"low", -side}, {"high", side}, {"cells", cells}}), "points");
}

}  // namespace

TEST(spandrel_density_sums_to_one) {
  // Midpoint rule on cells of 0.0125 = sigma / 4: its error on a Gaussian tube is far below 1e-6; the ends of the
  // shapes are more than 10 sigma inside the box.
  for (const std::string& name : langevin::spandrelNames()) {
    const at::Tensor points = grid(2, 320);
    const at::Tensor logp = tensorOf(call("spandrel.logDensity", {{"shape", name}, {"points", boxed(points)}}));
    CHECK_NEAR(logp.exp().sum().item<double>() * 0.0125 * 0.0125, 1, 1e-6);
  }
}

TEST(spandrel_density_against_plain_quadrature) {
  // An independent midpoint sum over 20,000 points of each piece: spacing 1e-4 against sigma 0.2, error below 1e-7.
  const at::Tensor points =
      at::tensor({0.0, 0.0, 0.9, 0.62, -1.0, -0.55, 1.3, 0.1, 0.31, 0.36}, at::kDouble).reshape({-1, 2});
  constexpr int kSteps = 20000;
  for (const std::string& name : langevin::spandrelNames()) {
    const at::Tensor logp =
        tensorOf(call("spandrel.logDensity", {{"shape", name}, {"points", boxed(points)}, {"sigma", 0.2}}));
    const auto& shape = langevin::spandrelShape(name);
    for (std::int64_t i = 0; i < points.size(0); ++i) {
      const double x = points[i][0].item<double>(), y = points[i][1].item<double>();
      double sum = 0;
      for (const auto& piece : shape.pieces)
        for (int k = 0; k < kSteps; ++k) {
          const langevin::Point c = piece->at(piece->first() + (k + 0.5) / kSteps * (piece->last() - piece->first()));
          sum += std::exp(-((x - c.x) * (x - c.x) + (y - c.y) * (y - c.y)) / 0.08);
        }
      const double p = sum / kSteps / static_cast<double>(shape.pieces.size()) / (2 * std::numbers::pi * 0.04);
      CHECK_NEAR(logp[i].item<double>(), std::log(p), 1e-6);
    }
  }
}

TEST(spandrel_density_is_finite_far_away) {
  // At distance d from the nearest end or side, log p = -d^2 / (2 sigma^2) up to a few logarithms.
  const at::Tensor far = at::tensor({4.0, 4.0, -4.0, 0.0, 0.0, -4.0}, at::kDouble).reshape({-1, 2});
  for (const std::string& name : langevin::spandrelNames()) {
    const at::Tensor logp = tensorOf(call("spandrel.logDensity", {{"shape", name}, {"points", boxed(far)}}));
    const at::Tensor d = tensorOf(call("spandrel.distance", {{"shape", name}, {"points", boxed(far)}}));
    CHECK((logp + d.square() / (2 * 0.0025)).abs().max().item<double>() < 20);
  }
}

TEST(spandrel_distance_against_brute_force) {
  const at::Tensor points = grid(2.5, 23);
  for (const std::string& name : langevin::spandrelNames()) {
    const at::Tensor d = tensorOf(call("spandrel.distance", {{"shape", name}, {"points", boxed(points)}}));
    const auto& shape = langevin::spandrelShape(name);
    for (std::int64_t i = 0; i < points.size(0); ++i) {
      const double x = points[i][0].item<double>(), y = points[i][1].item<double>();
      double best = 1e300;
      constexpr int kSteps = 4000;
      for (const auto& piece : shape.pieces)
        for (int k = 0; k <= kSteps; ++k) {
          const langevin::Point c =
              piece->at(piece->first() + static_cast<double>(k) / kSteps * (piece->last() - piece->first()));
          best = std::min(best, std::hypot(x - c.x, y - c.y));
        }
      const double exact = d[i].item<double>();
      // Brute force overshoots by at most half a spacing, 2 pi 1.8 / 4000 / 2 = 1.4e-3, and never falls below.
      CHECK(exact <= best + 1e-12 && exact > best - 1.5e-3);
    }
  }
}

TEST(spandrel_samples_follow_the_truth) {
  for (const std::string& name : langevin::spandrelNames()) {
    const Value drawn = call("spandrel.sample", {{"shape", name}, {"n", 20000}, {"seed", 3}});
    const at::Tensor x = tensorOf(drawn, "x");
    CHECK(x.scalar_type() == at::kFloat && x.size(0) == 20000 && x.size(1) == 2);
    // Mean log-density of samples = -entropy, the same integral on a grid. sd of log p is about 0.75 a row, so the mean
    // of 20,000 has 0.0055: 0.025 is 4.5 sd.
    const double sampled =
        tensorOf(call("spandrel.logDensity", {{"shape", name}, {"points", boxed(x)}})).mean().item<double>();
    const at::Tensor logp = tensorOf(call("spandrel.logDensity", {{"shape", name}, {"points", boxed(grid(2, 320))}}));
    CHECK_NEAR(sampled, (logp.exp() * logp).sum().item<double>() * 0.0125 * 0.0125, 0.025);
    // Branches are equally likely: sd of the count is 71, four of them 283.
    CHECK_NEAR(tensorOf(drawn, "y").sum().item<double>(), 10000, 283);
    // Without noise every sample lies on the curve (float32 coordinates).
    const Value clean = call("spandrel.sample", {{"shape", name}, {"n", 500}, {"sigma", 0}});
    const Value points = clean.map()->at("x");
    CHECK(tensorOf(call("spandrel.distance", {{"shape", name}, {"points", points}})).max().item<double>() < 3e-7);
    // The bridge is farther than 4 sigma from the curve.
    for (const auto& bridge : langevin::spandrelShape(name).bridges) {
      const at::Tensor corner = at::tensor({bridge.xHigh, bridge.yHigh}, at::kDouble).reshape({1, 2});
      CHECK(tensorOf(call("spandrel.distance", {{"shape", name}, {"points", boxed(corner)}})).item<double>() > 0.199);
    }
  }
}

// The density of every toy: it sums to one on a grid, and four blocks of the plane hold as many of 20,000 rows as it
// says. Their share p scatters by sqrt(p (1 - p) / n) <= 0.0036; 4.5 of that over 40 blocks: a false alarm in 4,000.
TEST(toy_densities_sum_to_one_and_describe_the_rows) {
  const at::Tensor points = grid(3, 240);
  const at::Tensor x = points.select(1, 0), y = points.select(1, 1);
  for (const auto& toy : toys().rows()) {
    const at::Tensor p =
        tensorOf(call("toys.logDensity", {{"kind", toy.kind}, {"points", boxed(points)}})).exp() * (0.025 * 0.025);
    // Cells of 0.025 against a blur of at least 0.05: the midpoint rule is exact to 1e-6. Gaussian tails
    // outside are less.
    CHECK_NEAR(p.sum().item<double>(), 1, 1e-4);
    const at::Tensor rows = tensorOf(call("toys.sample", {{"kind", toy.kind}, {"n", 20000}, {"seed", 3}}), "x");
    for (const double cut : {-1.0, 0.0}) {
      const auto share = [&](const at::Tensor& a, const at::Tensor& b) { return (a < cut).logical_and(b < 0.6); };
      for (const bool turned : {false, true}) {
        const double wanted = (turned ? share(y, x) : share(x, y)).to(at::kDouble).mul(p).sum().item<double>();
        const at::Tensor u = rows.select(1, 0), v = rows.select(1, 1);
        const double found = (turned ? share(v, u) : share(u, v)).to(at::kDouble).mean().item<double>();
        CHECK_NEAR(found, wanted, 4.5 * 0.0036);
      }
    }
  }
  CHECK(codeOf("toys.logDensity", {{"kind", "rings"}, {"points", boxed(points)}, {"noise", 0}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
}

// One arm's worth of a mixture in closed form, and of a ring by Bessel's integral done plainly.
TEST(toy_densities_in_closed_form) {
  const at::Tensor points = at::tensor({0.3, -0.2, 1.7, 0.1, -1.2, 0.4}, at::kDouble).reshape({-1, 2});
  const at::Tensor modes = tensorOf(call("toys.logDensity", {{"kind", "unequalModes"}, {"points", boxed(points)}}));
  const at::Tensor rings =
      tensorOf(call("toys.logDensity", {{"kind", "rings"}, {"points", boxed(points)}, {"noise", 0.2}}));
  for (std::int64_t i = 0; i < 3; ++i) {
    const double x = points[i][0].item<double>(), y = points[i][1].item<double>();
    const auto normal = [&](double cx, double cy, double s) {
      return std::exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (2 * s * s)) / (2 * std::numbers::pi * s * s);
    };
    CHECK_NEAR(modes[i].item<double>(), std::log(0.8 * normal(-1.5, 0, 0.3) + 0.2 * normal(1.5, 0, 0.3)), 1e-12);
    double sum = 0;
    for (int k = 1; k <= 4; ++k)
      for (int j = 0; j < 2000; ++j) {
        const double t = 2 * std::numbers::pi * j / 2000;
        sum += normal(0.5 * k * std::cos(t), 0.5 * k * std::sin(t), 0.2) / 8000;
      }
    CHECK_NEAR(rings[i].item<double>(), std::log(sum), 1e-9);
  }
}

TEST(toys_are_where_they_should_be) {
  const Value rings = call("toys.sample", {{"kind", "rings"}, {"n", 4000}, {"seed", 1}, {"noise", 0}});
  const at::Tensor radius = tensorOf(rings, "x").norm(2, 1);
  CHECK((radius - 0.5 * (tensorOf(rings, "y") + 1)).abs().max().item<double>() < 1e-6);
  const Value eight = call("toys.sample", {{"kind", "eightGaussians"}, {"n", 8000}, {"seed", 2}});
  const at::Tensor x = tensorOf(eight, "x").to(at::kDouble), k = tensorOf(eight, "y").to(at::kDouble);
  const at::Tensor angle = k * (std::numbers::pi / 4);
  const at::Tensor rest = x - at::stack({angle.cos(), angle.sin()}, 1) * 2;
  // Standard deviation 0.1 from 16,000 numbers: its own sd is 0.1 / sqrt(32000) = 0.00056.
  CHECK_NEAR(rest.square().mean().sqrt().item<double>(), 0.1, 0.0025);
  const Value board = call("toys.sample", {{"kind", "checkerboard"}, {"n", 4000}});
  const at::Tensor cell = (tensorOf(board, "x") + 2).floor();
  CHECK(cell.sum(1).remainder(2).abs().max().item<double>() == 0);
  for (const char* kind : {"moons", "twentyFiveGaussians", "pinwheel", "swissRoll", "twoSpirals"}) {
    const Value a = call("toys.sample", {{"kind", kind}, {"n", 100}, {"seed", 9}});
    CHECK(tensorOf(a, "x").isfinite().all().item<bool>());
    CHECK(tensorOf(a, "x").equal(tensorOf(call("toys.sample", {{"kind", kind}, {"n", 100}, {"seed", 9}}), "x")));
    CHECK(!tensorOf(a, "x").equal(tensorOf(call("toys.sample", {{"kind", kind}, {"n", 100}, {"seed", 10}}), "x")));
  }
  CHECK(codeOf("toys.sample", {{"kind", "ring"}, {"n", 4}}) == "ERR_LANGEVIN_INVALID_OPTION");
}

TEST(standardize_by_hand) {
  const at::Tensor x = at::tensor({1.0, 5.0, 3.0, 5.0, 5.0, 5.0}, at::kDouble).reshape({3, 2});
  const Value r = call("data.standardize", {{"tensor", boxed(x)}});
  CHECK_NEAR(tensorOf(r, "mean")[0].item<double>(), 3, 1e-15);
  CHECK_NEAR(tensorOf(r, "sd")[0].item<double>(), std::sqrt(8.0 / 3), 1e-15);
  CHECK(tensorOf(r, "sd")[1].item<double>() == 1);
  CHECK_NEAR(tensorOf(r, "tensor")[2][0].item<double>(), 2 / std::sqrt(8.0 / 3), 1e-15);
  // Statistics of the first two rows only.
  const Value part = call("data.standardize", {{"tensor", boxed(x)}, {"rows", boxed(at::tensor({0, 1}, at::kLong))}});
  CHECK_NEAR(tensorOf(part, "mean")[0].item<double>(), 2, 1e-15);
  CHECK_NEAR(tensorOf(part, "tensor")[2][0].item<double>(), 3, 1e-15);
  // A constant that has no exact mean in float64 is still constant.
  const Value tenth = call("data.standardize", {{"tensor", boxed(at::full({7}, 0.1, at::kDouble))}});
  CHECK(tensorOf(tenth, "sd").item<double>() == 1);
  const at::Tensor bad = at::tensor({1.0, NAN}, at::kDouble).reshape({2, 1});
  CHECK(codeOf("data.standardize", {{"tensor", boxed(bad)}}) == "ERR_LANGEVIN_NON_FINITE");
}

TEST(split_is_a_partition_and_keeps_classes) {
  const at::Tensor labels = (at::arange(100, at::kLong) < 10).to(at::kLong);
  const Value parts =
      call("data.split", {{"n", 100}, {"sizes", List{50, 30, 20}}, {"seed", 4}, {"labels", boxed(labels)}});
  std::vector<at::Tensor> all;
  const double wanted[] = {5, 3, 2};
  for (std::size_t k = 0; k < 3; ++k) {
    all.push_back(tensorOf((*parts.list())[k]));
    CHECK_NEAR(labels.index_select(0, all.back()).sum().item<double>(), wanted[k], 1);
  }
  CHECK(std::get<0>(at::cat(all).sort()).equal(at::arange(100, at::kLong)));
  CHECK(codeOf("data.split", {{"n", 5}, {"sizes", List{4, 2}}}) == "ERR_LANGEVIN_INVALID_OPTION");
}

TEST(decode_orders_bytes_and_axes) {
  const auto bytes = [](std::vector<std::uint8_t> v) { return boxed(at::tensor(v, at::kByte)); };
  // Big-endian int16: 1, 256, -2.
  const at::Tensor i2 =
      tensorOf(call("data.decode", {{"bytes", bytes({0, 1, 1, 0, 255, 254})}, {"dtype", ">i2"}, {"shape", List{3}}}));
  CHECK(i2.equal(at::tensor({1, 256, -2}, at::kLong)));
  // Column-major 2 x 3: stored 0 1 2 3 4 5 is [[0, 2, 4], [1, 3, 5]].
  const at::Tensor f = tensorOf(
      call("data.decode",
           {{"bytes", bytes({0, 1, 2, 3, 4, 5})}, {"dtype", "|u1"}, {"shape", List{2, 3}}, {"fortran", true}}));
  CHECK(f.equal(at::tensor({0, 2, 4, 1, 3, 5}, at::kByte).reshape({2, 3})));
  const double value = -1.5;
  std::vector<std::uint8_t> raw(8);
  std::memcpy(raw.data(), &value, 8);
  CHECK(tensorOf(call("data.decode", {{"bytes", bytes(raw)}, {"dtype", "<f8"}, {"shape", List{}}})).item<double>() ==
        value);
  CHECK(codeOf("data.decode", {{"bytes", bytes({1, 2})}, {"dtype", "<i4"}, {"shape", List{1}}}) ==
        "ERR_LANGEVIN_SHAPE");
  CHECK(codeOf("data.decode", {{"bytes", bytes({1})}, {"dtype", "|O"}, {"shape", List{1}}}) ==
        "ERR_LANGEVIN_UNSUPPORTED");
  CHECK(codeOf("data.decode",
               {{"bytes", bytes({255, 255, 255, 255, 255, 255, 255, 255})}, {"dtype", "<u8"}, {"shape", List{1}}}) ==
        "ERR_LANGEVIN_UNSUPPORTED");
}

}  // namespace langevin::data_test
