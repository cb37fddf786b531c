// Every architecture in float64: score and parameter gradients against central differences, identities, refusals.
#include <algorithm>
#include <functional>
#include <numbers>

#include "check.hpp"
#include "energies/energy.hpp"
#include "energies/registry.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin::energies_test {
namespace {

List row(std::initializer_list<double> numbers) {
  List list;
  for (double v : numbers) list.emplace_back(v);
  return list;
}

// List{List{...}} with one element may mean a copy; this never does.
List listOf(std::initializer_list<Value> items) { return List(items); }

EnergyRef make(const Map& options, std::uint64_t seed = 3) {
  const Value value(options);
  return makeEnergy(Spec(value, "spec"), at::kDouble, at::kCPU, seed);
}

at::Tensor normal(std::int64_t n, std::int64_t d, std::uint64_t step = 0) {
  return Random(11).normal(n, d, step, Stream::User, at::TensorOptions().dtype(at::kDouble));
}

struct Subject {
  const char* name;
  Map spec;
  bool label = false;      // y is a class
  std::int64_t width = 0;  // columns of a continuous y
};

Map layer(const char* kind, Map options = {}) {
  options["kind"] = kind;
  return options;
}

List everyLayer() {
  const List body{layer("linear", {{"out", 6}}), layer("activation", {{"activation", "tanh"}}), layer("flatten"),
                  layer("linear", {{"out", 6}, {"bias", false}})};
  return {layer("embedding", {{"classes", 3}, {"width", 4}}),
          layer("linear", {{"out", 6}}),
          layer("layerNorm"),
          layer("activation", {{"activation", "gelu"}}),
          layer("dropout", {{"p", 0.3}}),
          layer("residual", {{"layers", body}}),
          layer("linear", {{"out", 1}})};
}

List imageLayers() {
  return {layer("conv2d", {{"channels", 3}, {"kernel", List{3, 2}}, {"stride", List{2, 1}}, {"padding", 1}}),
          layer("activation"),
          layer("convTranspose2d", {{"channels", 9}, {"kernel", 2}, {"stride", 2}}),
          layer("activation", {{"activation", "tanh"}}),
          layer("pool", {{"kernel", 2}}),
          layer("upsample"),
          layer("conv2d", {{"channels", 2}, {"kernel", 2}, {"bias", false}}),
          layer("pool", {{"kernel", "global"}, {"reduce", "sum"}}),
          layer("flatten"),
          layer("linear", {{"out", 1}})};
}

// One subject for every kind of energy; kindsCovered fails when a new kind has none.
std::vector<Subject> subjects() {
  const List hidden{7, 5};
  const List eye2{row({2.0, 0.5}), row({0.5, 1.0})};
  const List nodes{Map{{"op", "input"}},
                   Map{{"op", "constant"}, {"value", row({0.5})}},
                   Map{{"op", "sub"}, {"in", row({0, 1})}},
                   Map{{"op", "square"}, {"in", row({2})}},
                   Map{{"op", "softplus"}, {"in", row({3})}},
                   Map{{"op", "sum"}, {"in", row({4})}}};
  return {
      {"mlp", {{"kind", "mlp"}, {"input", 3}, {"hidden", hidden}, {"gaussianBase", 2.0}}},
      {"mlp, scaled, full base",
       {{"kind", "mlp"}, {"input", 3}, {"hidden", hidden}, {"inputScale", 2.0}, {"gaussianBase", "full"}}},
      {"sequential", {{"kind", "sequential"}, {"input", 3}, {"layers", everyLayer()}}, true},
      {"conv",
       {{"kind", "conv"},
        {"input", List{2, 5, 4}},
        {"channels", List{3, 9}},
        {"hidden", hidden},
        {"gaussianBase", 2.0}}},
      {"sequential of images",
       {{"kind", "sequential"}, {"input", List{2, 5, 4}}, {"layers", imageLayers()}, {"gaussianBase", 2.0}}},
      {"conditional, continuous",
       {{"kind", "conditional"}, {"input", 3}, {"condition", 2}, {"hidden", hidden}},
       false,
       2},
      {"conditional, class",
       {{"kind", "conditional"}, {"input", 3}, {"classes", 3}, {"embedding", 4}, {"hidden", hidden}},
       true},
      {"twoTower, y as it is",
       {{"kind", "twoTower"}, {"input", 3}, {"condition", 2}, {"x", Map{{"hidden", hidden}}}},
       false,
       2},
      {"twoTower, two networks",
       {{"kind", "twoTower"},
        {"input", 3},
        {"condition", 2},
        {"width", 5},
        {"norm", "squared"},
        {"x", Map{{"hidden", hidden}}},
        {"y", Map{{"hidden", hidden}, {"activation", "tanh"}}}},
       false,
       2},
      {"classifier", {{"kind", "classifier"}, {"input", 3}, {"classes", 3}, {"hidden", hidden}, {"gaussianBase", 3.0}}},
      {"classifier, joint", {{"kind", "classifier"}, {"input", 3}, {"classes", 3}, {"hidden", hidden}}, true},
      {"classifier, joint, full base",
       {{"kind", "classifier"}, {"input", 3}, {"classes", 3}, {"hidden", hidden}, {"gaussianBase", "full"}},
       true},
      {"scalar",
       {{"kind", "scalar"},
        {"input", 3},
        {"network", Map{{"kind", "mlp"}, {"hidden", hidden}, {"activation", "tanh"}}},
        {"gaussianBase", 2.0}}},
      {"regressor", {{"kind", "regressor"}, {"input", 2}, {"output", 2}, {"hidden", hidden}, {"sigma", 0.3}}},
      {"mixtureDensity",
       {{"kind", "mixtureDensity"}, {"input", 2}, {"output", 2}, {"components", 3}, {"hidden", hidden}}},
      {"gaussian", {{"kind", "gaussian"}, {"mean", row({0.1, -0.4})}, {"precision", eye2}, {"learnable", true}}},
      {"gaussianMixture, round",
       {{"kind", "gaussianMixture"},
        {"means", List{row({-1, 0}), row({1, 0.5})}},
        {"sigmas", 0.7},
        {"weights", row({1, 3})}}},
      {"gaussianMixture, covariances",
       {{"kind", "gaussianMixture"},
        {"means", List{row({-1, 0}), row({1, 0.5})}},
        {"covariances", List{eye2, row({0.5, 2})}}}},
      {"doubleWell", {{"kind", "doubleWell"}, {"input", 3}, {"tilt", 0.2}, {"barrier", 2.0}}},
      {"rosenbrock", {{"kind", "rosenbrock"}, {"input", 3}, {"scale", 0.05}}},
      {"rastrigin", {{"kind", "rastrigin"}, {"input", 3}}},
      {"ackley", {{"kind", "ackley"}, {"input", 3}, {"gaussianBase", 4.0}}},
      {"funnel", {{"kind", "funnel"}, {"input", 3}}},
      {"expression", {{"kind", "expression"}, {"input", 3}, {"nodes", nodes}}},
  };
}

Batch rowsOf(const Subject& s, const EnergyRef& energy, std::int64_t n) {
  at::Tensor y;
  if (s.label) y = at::arange(n, at::kLong) % 3;
  if (s.width > 0) y = normal(n, s.width, 1);
  return energy->rows(normal(n, energy->inputWidth()), y);
}

// The largest difference in units of the largest entry. Central differences with step 1e-6 of a function of order one
// err by about 1e-10 (rounding 1e-16 / 1e-6) plus h^2 f''' / 6; 1e-7 leaves room for the steep ones, and a wrong sign
// or a missing term is off by order 1.
double relativeError(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1.0)).item<double>();
}
constexpr double kStep = 1e-6, kTolerance = 1e-7;

at::Tensor differencesInX(const EnergyRef& energy, const Batch& rows) {
  at::Tensor gradient = at::empty_like(rows.x);
  for (std::int64_t j = 0; j < rows.x.size(1); ++j) {
    Batch up = rows, down = rows;
    up.x = rows.x.clone();
    down.x = rows.x.clone();
    up.x.select(1, j).add_(kStep);
    down.x.select(1, j).sub_(kStep);
    gradient.select(1, j).copy_((energy->energyOf(up) - energy->energyOf(down)) / (2 * kStep));
  }
  return gradient;
}

at::Tensor totalOf(const EnergyRef& energy, const std::vector<at::Tensor>& parameters, const Batch& rows) {
  return energy->evaluateWith(parameters, rows, {}).energy.sum();
}

}  // namespace

TEST(kindsCovered) {
  // Energies over discrete states have tests of their own (discrete_energies_test): their tables start at zero.
  const std::vector<std::string> discrete{"rbm", "ising", "potts"};
  for (const std::string& kind : energyKinds()) {
    bool found = std::find(discrete.begin(), discrete.end(), kind) != discrete.end();
    for (const Subject& s : subjects()) found = found || *s.spec.at("kind").get<std::string>() == kind;
    if (!found) test::fail(__FILE__, __LINE__, "no subject for energy kind " + kind);
  }
}

TEST(scoresEqualCentralDifferences) {
  for (const Subject& s : subjects()) {
    const EnergyRef energy = make(s.spec);
    const Batch rows = rowsOf(s, energy, 9);
    const EnergyAndGradient value = energy->energyAndGradient(rows);
    CHECK(value.energy.equal(energy->energyOf(rows)));
    const at::Tensor numeric = differencesInX(energy, rows);
    CHECK_NEAR(relativeError(value.gradient, numeric), 0.0, kTolerance);
    // A test of the test: the score's sign flipped must not pass.
    CHECK(relativeError(-value.gradient, numeric) > 0.01);
  }
}

TEST(parameterGradientsEqualCentralDifferences) {
  int checked = 0;
  for (const Subject& s : subjects()) {
    const EnergyRef energy = make(s.spec);
    const Batch rows = rowsOf(s, energy, 9);
    const std::vector<at::Tensor> leaves = energy->parameters().leaves();
    std::vector<at::Tensor> learnable;
    for (const at::Tensor& p : leaves)
      if (p.requires_grad()) learnable.push_back(p);
    if (learnable.empty()) continue;
    at::AutoGradMode enable(true);
    const auto gradients =
        torch::autograd::grad({totalOf(energy, leaves, rows)}, learnable, {}, std::nullopt, false, true);
    at::NoGradGuard guard;
    for (std::size_t k = 0; k < learnable.size(); ++k) {
      at::Tensor flat = learnable[k].detach().view({-1});
      at::Tensor numeric = at::empty_like(flat);
      for (std::int64_t i = 0; i < flat.numel(); ++i) {
        const double was = flat[i].item<double>();
        flat[i] = was + kStep;
        const at::Tensor up = totalOf(energy, leaves, rows);
        flat[i] = was - kStep;
        numeric[i] = (up - totalOf(energy, leaves, rows)) / (2 * kStep);
        flat[i] = was;
        ++checked;
      }
      const at::Tensor analytic = gradients[k].defined() ? gradients[k].reshape({-1}) : at::zeros_like(flat);
      CHECK_NEAR(relativeError(analytic, numeric), 0.0, kTolerance);
    }
  }
  CHECK(checked > 500);
}

TEST(tilesGiveTheSameNumbers) {
  for (const Subject& s : subjects()) {
    const EnergyRef energy = make(s.spec);
    const Batch rows = rowsOf(s, energy, 301);
    const EnergyAndGradient one = energy->energyAndGradient(rows, 1), two = energy->energyAndGradient(rows, 2);
    CHECK(one.energy.equal(two.energy));
    CHECK(one.gradient.equal(two.gradient));
  }
}

TEST(classifierIdentities) {
  const EnergyRef energy = make({{"kind", "classifier"}, {"input", 2}, {"classes", 4}, {"hidden", List{8}}});
  const at::Tensor x = normal(6, 2);
  const at::Tensor y = at::arange(6, at::kLong) % 4;
  const at::Tensor logits = energy->outputsOf(energy->rows(x, {}), 1);
  const at::Tensor free = energy->energyOf(energy->rows(x, {}));
  const at::Tensor joint = energy->energyOf(energy->rows(x, y));
  CHECK_NEAR(relativeError(free, -logits.logsumexp(1)), 0.0, 1e-14);
  CHECK_NEAR(relativeError(joint, -logits.gather(1, y.reshape({-1, 1})).squeeze(1)), 0.0, 1e-14);
  // E(x) - E(x, y) = log p(y | x).
  CHECK_NEAR(relativeError(free - joint, at::log_softmax(logits, 1).gather(1, y.reshape({-1, 1})).squeeze(1)), 0.0,
             1e-14);
  // A shift of all logits by c moves both energies by -c and leaves p(y | x) alone; so do shifts of +-1e4, where a
  // naive log of a sum of exponentials overflows (e^709 is the last double).
  for (double shift : {3.0, 1e4, -1e4}) {
    at::Tensor bias = energy->parameters().tensors()[3];
    bias.add_(shift);
    const at::Tensor shifted = energy->energyOf(energy->rows(x, {}));
    const at::Tensor shiftedJoint = energy->energyOf(energy->rows(x, y));
    CHECK(shifted.isfinite().all().item<bool>());
    // 1e4 carries an absolute rounding of 2e-12.
    CHECK_NEAR((shifted - (free - shift)).abs().max().item<double>(), 0.0, 1e-11);
    CHECK_NEAR((shifted - shiftedJoint - (free - joint)).abs().max().item<double>(), 0.0, 1e-11);
    bias.sub_(shift);
  }
}

// Integrates exp(-E) over a square by the trapezoid rule; for smooth densities that vanish at the border it converges
// faster than any power of the spacing, so 1e-6 is generous.
double mass(const EnergyRef& energy, double low, double high, std::int64_t n, const at::Tensor& fixed = {}) {
  const at::Tensor axis = at::linspace(low, high, n, at::kDouble);
  const double cell = (high - low) / static_cast<double>(n - 1);
  std::vector<at::Tensor> grid = at::meshgrid({axis, axis}, "ij");
  at::Tensor x = at::stack({grid[0].reshape(-1), grid[1].reshape(-1)}, 1);
  if (fixed.defined()) x = at::cat({fixed.expand({x.size(0), fixed.size(1)}), x}, 1);
  return energy->energyOf(energy->rows(x, {})).neg().exp().sum().item<double>() * cell * cell;
}

TEST(normalisedEnergiesHaveUnitMass) {
  const List covariance{row({1.0, 0.3}), row({0.3, 0.5})};
  const List means{row({-1, 0}), row({1.5, 1})};
  CHECK_NEAR(mass(make({{"kind", "gaussianMixture"}, {"means", means}, {"sigmas", row({0.5, 0.8})}}), -8, 8, 401), 1,
             1e-6);
  CHECK_NEAR(
      mass(make({{"kind", "gaussianMixture"}, {"means", means}, {"covariances", List{covariance, 0.7}}}), -8, 8, 401),
      1, 1e-6);
  CHECK_NEAR(mass(make({{"kind", "gaussianMixture"},
                        {"means", means},
                        {"precisions", List{covariance, 2.0}},
                        {"weights", row({1, 9})}}),
                  -12, 12, 401),
             1, 1e-6);
  // The funnel with sigma 0.5 keeps its widest part (e^(v/2) at v = 2.5) inside the square.
  CHECK_NEAR(mass(make({{"kind", "funnel"}, {"input", 2}, {"sigma", 0.5}}), -16, 16, 1601), 1, 1e-6);
  // The mixture density network is a density of y at every x, whatever its weights; a spread e^raw of 3 is common.
  const EnergyRef mdn =
      make({{"kind", "mixtureDensity"}, {"input", 1}, {"output", 2}, {"components", 3}, {"hidden", List{6}}});
  for (double x : {-2.0, 0.3, 4.0}) CHECK_NEAR(mass(mdn, -40, 40, 801, at::full({1, 1}, x, at::kDouble)), 1, 1e-6);
}

TEST(closedForms) {
  const auto value = [](const Map& spec, std::initializer_list<double> x) {
    const EnergyRef e = make(spec);
    return e->energyOf(e->rows(at::tensor(std::vector<double>(x), at::kDouble).reshape({1, -1}), {})).item<double>();
  };
  const double pi = std::numbers::pi;
  CHECK_NEAR(value({{"kind", "gaussian"}, {"mean", row({1})}, {"precision", 4}}, {2}), 2, 1e-14);
  CHECK_NEAR(value({{"kind", "gaussian"}, {"mean", row({1, 0})}, {"precision", row({4, 2})}}, {2, 3}), 2 + 9, 1e-14);
  CHECK_NEAR(value({{"kind", "doubleWell"}, {"barrier", 5}, {"separation", 2}}, {2}), 0, 1e-14);
  CHECK_NEAR(value({{"kind", "doubleWell"}, {"barrier", 5}, {"separation", 2}}, {0}), 5, 1e-14);
  CHECK_NEAR(value({{"kind", "doubleWell"}, {"input", 2}, {"tilt", 0.5}}, {1, 2}), 2.5, 1e-14);
  CHECK_NEAR(value({{"kind", "rosenbrock"}}, {1, 1}), 0, 1e-14);
  CHECK_NEAR(value({{"kind", "rosenbrock"}}, {-1, 2}), 104, 1e-12);
  CHECK_NEAR(value({{"kind", "rastrigin"}}, {0, 0}), 0, 1e-13);
  CHECK_NEAR(value({{"kind", "rastrigin"}}, {1.5, 0}), 2.25 + 20, 1e-12);
  CHECK_NEAR(value({{"kind", "ackley"}}, {0, 0}), 0, 1e-13);
  CHECK_NEAR(value({{"kind", "ackley"}}, {1, 1}), 20 - 20 * std::exp(-0.2), 1e-12);
  CHECK_NEAR(value({{"kind", "funnel"}, {"input", 2}}, {2, 3}),
             4.0 / 18 + 4.5 * std::exp(-2.0) + 1 + std::log(3.0) + std::log(2 * pi), 1e-13);
  // The cone of ackley: the gradient at its tip is 0, not NaN.
  const EnergyRef ackley = make({{"kind", "ackley"}});
  CHECK(ackley->energyAndGradient(ackley->rows(at::zeros({1, 2}), {})).gradient.equal(at::zeros({1, 2}, at::kDouble)));
}

TEST(mixtureDensityStaysFiniteAtExtremeOutputs) {
  const EnergyRef e = make({{"kind", "mixtureDensity"},
                            {"input", 1},
                            {"output", 1},
                            {"components", 2},
                            {"hidden", List{}},
                            {"sigmaFloor", 0.01}});
  for (double raw : {-1e4, 1e4}) {
    e->parameters().tensors()[0].zero_();
    e->parameters().tensors()[1].copy_(at::tensor({0.0, 0.0, 0.5, 0.5, raw, raw}, at::kDouble));
    const double energy = e->energyOf(e->rows(at::tensor({0.0, 0.5}, at::kDouble).reshape({1, 2}), {})).item<double>();
    // At the mean, E = log sigma + log(2 pi) / 2: sigma is the floor for a very negative raw output, e^raw above it.
    const double logSigma = raw < 0 ? std::log(0.01) : raw;
    CHECK_NEAR(energy, logSigma + 0.5 * std::log(2 * std::numbers::pi), 1e-9);
  }
}

TEST(dropoutOnlyInTraining) {
  Map spec{{"kind", "sequential"},
           {"input", 4},
           {"layers", List{layer("dropout", {{"p", 0.5}}), layer("linear", {{"out", 1}})}}};
  const EnergyRef e = make(spec);
  e->parameters().flat().fill_(1.0);
  const Batch rows = e->rows(at::ones({4000, 4}), {});
  const auto run = [&](bool training, std::uint64_t seed) {
    return e->evaluateWith(e->parameters().tensors(), rows, {training, seed, 0, 0}).energy;
  };
  CHECK(run(false, 1).equal(at::full({4000}, 5.0, at::kDouble)));
  const at::Tensor kept = run(true, 1);
  CHECK(kept.equal(run(true, 1)));
  CHECK(!kept.equal(run(true, 2)));
  // 16,000 kept-or-dropped columns, each worth 0 or 2: the mean of 1 + 4 columns is 5 with standard error
  // 2 / sqrt(4000) = 0.032; 5 standard errors are passed by chance once in 1.7 million.
  CHECK_NEAR(kept.mean().item<double>(), 5.0, 0.16);
}

TEST(refusals) {
  const auto refused = [](const Map& spec, const std::string& path) {
    try {
      make(spec);
    } catch (const Error& e) {
      CHECK(e.code == Code::InvalidOption);
      CHECK(std::string(e.what()).find(path) != std::string::npos);
      return;
    }
    test::fail(__FILE__, __LINE__, "not refused: " + path);
  };
  refused({{"kind", "mpl"}, {"input", 2}}, "known: mlp");
  refused({{"kind", "sequential"}, {"input", 2}, {"layers", List{layer("linear", {{"out", 2}})}}}, "spec.layers");
  refused({{"kind", "sequential"}, {"input", 2}, {"layers", List{layer("linear", {{"out", 0}})}}},
          "spec.layers[0].out");
  refused({{"kind", "sequential"},
           {"input", 2},
           {"layers", List{layer("residual", {{"layers", List{layer("linear", {{"out", 3}})}}})}}},
          "spec.layers[0].layers");
  refused({{"kind", "conditional"}, {"input", 2}}, "condition");
  refused({{"kind", "conditional"}, {"input", 2}, {"condition", 1}, {"classes", 2}}, "condition");
  refused({{"kind", "twoTower"}, {"input", 2}, {"condition", 1}, {"width", 2}, {"x", Map{{"hidden", List{}}}}},
          "spec.width");
  refused({{"kind", "twoTower"}, {"input", 2}, {"classes", 2}, {"x", Map{{"hidden", List{}}}}}, "width");
  refused({{"kind", "gaussian"}, {"mean", row({0, 0})}, {"precision", List{row({1, 0.5}), row({0, 1})}}}, "symmetric");
  refused({{"kind", "gaussianMixture"},
           {"means", listOf({row({0, 0})})},
           {"covariances", listOf({List{row({1, 2}), row({2, 1})}})}},
          "spec.covariances[0]: must be positive definite");
  refused({{"kind", "gaussianMixture"}, {"means", listOf({row({0})})}}, "exactly one of");
  const auto expression = [&](List nodes, const std::string& path) {
    refused({{"kind", "expression"}, {"input", 2}, {"nodes", std::move(nodes)}}, path);
  };
  expression({}, "spec.nodes");
  expression({Map{{"op", "input"}}}, "one column");
  expression({Map{{"op", "input"}}, Map{{"op", "sum"}, {"in", row({1})}}}, "spec.nodes[1].in");
  expression({Map{{"op", "input"}}, Map{{"op", "sine"}, {"in", row({0})}}}, "spec.nodes[1].op");
  expression({Map{{"op", "input"}}, Map{{"op", "slice"}, {"in", row({0})}, {"first", 1}, {"count", 2}}},
             "spec.nodes[1]");
  expression({Map{{"op", "input"}}, Map{{"op", "constant"}, {"value", row({1, 2, 3})}},
              Map{{"op", "add"}, {"in", row({0, 1})}}},
             "spec.nodes[2]");
}

}  // namespace langevin::energies_test
