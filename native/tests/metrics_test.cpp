// Metrics, detectors and log Z against values worked out by hand or known in closed form.
#include <numbers>

#include "api.hpp"
#include "check.hpp"
#include "tensors/tensor.hpp"

namespace langevin::metrics_test {
namespace {

Value call(const std::string& name, Map arguments) {
  langevin::Job job;
  return langevin::call(name, Value(std::move(arguments)), job);
}
double number(const Value& v) { return *v.get<double>(); }
double number(const Value& v, const char* key) { return *v.map()->at(key).get<double>(); }

Value vector(std::vector<double> v) { return langevin::box(at::tensor(v, at::kDouble)); }
Value labels(std::vector<std::int64_t> v) { return langevin::box(at::tensor(v, at::kLong)); }
Value matrix(std::vector<double> v, std::int64_t columns) {
  return langevin::box(at::tensor(v, at::kDouble).reshape({-1, columns}));
}
at::Tensor tensorOf(const Value& v) { return langevin::unbox(*v.get<langevin::TensorRef>()); }
std::string codeOf(const std::string& name, Map arguments) {
  try {
    call(name, std::move(arguments));
  } catch (const Error& e) {
    return langevin::codeName(e.code);
  }
  return "none";
}

Value gaussianEnergy(std::vector<double> mean, std::vector<double> precision) {
  const auto d = mean.size();
  List m, rows;
  for (double v : mean) m.emplace_back(v);
  for (std::size_t i = 0; i < d; ++i) {
    List row;
    for (std::size_t j = 0; j < d; ++j) row.emplace_back(precision[i * d + j]);
    rows.emplace_back(row);
  }
  const Value energy = call(
      "energy.create", {{"spec", Map{{"kind", "gaussian"}, {"mean", m}, {"precision", rows}}}, {"dtype", "float64"}});
  return energy;
}

// Scores 4 3 3 2 1 1, labels 1 0 1 0 1 0 (1 = out-of-distribution). Pairs won by positives: 4 beats 3; 3 ties 3 and
// beats 2 and 1; 1 loses to 3, 2 and ties 1: (3 + 2.5 + 0.5) / 9.
const std::vector<double> kScores = {4, 3, 3, 2, 1, 1};
const std::vector<std::int64_t> kLabels = {1, 0, 1, 0, 1, 0};
Map ranking(const char* positive) {
  return {{"scores", vector(kScores)}, {"labels", labels(kLabels)}, {"positive", positive}};
}
Map with(Map map, const std::string& key, Value value) {
  map[key] = std::move(value);
  return map;
}

}  // namespace

TEST(auroc_counts_ties_as_half) {
  CHECK_NEAR(number(call("metrics.auroc", ranking("ood"))), 6.0 / 9, 1e-15);
  CHECK_NEAR(number(call("metrics.auroc", ranking("id"))), 6.0 / 9, 1e-15);
}

TEST(aupr_rules_by_hand) {
  // Thresholds 4, 3, 2, 1: (tp, fp) = (1,0) (2,1) (2,2) (3,3); precision 1, 2/3, 1/2, 1/2; recall 1/3, 2/3, 2/3, 1.
  CHECK_NEAR(number(call("metrics.aupr", with(ranking("ood"), "rule", "step"))), (1 + 2.0 / 3 + 0.5) / 3, 1e-15);
  CHECK_NEAR(number(call("metrics.aupr", with(ranking("ood"), "rule", "trapezoid"))), (1 + 5.0 / 6 + 0.5) / 3, 1e-15);
}

TEST(fpr_rules_by_hand) {
  const auto fpr = [](const char* rule, double tpr) {
    return number(call("metrics.fprAtTpr", with(with(ranking("ood"), "rule", rule), "tpr", tpr)));
  };
  CHECK_NEAR(fpr("first", 0.5), 1.0 / 3, 1e-15);    // TPR 2/3 at threshold 3
  CHECK_NEAR(fpr("first", 0.95), 1, 1e-15);         // only the last threshold catches all
  CHECK_NEAR(fpr("nearest", 0.6), 2.0 / 3, 1e-15);  // 2/3 twice; the larger rates win
  CHECK_NEAR(fpr("nearest", 0.3), 0, 1e-15);
}

TEST(ranking_refuses_bad_input) {
  CHECK(codeOf("metrics.auroc", {{"scores", vector({1, 2})}, {"labels", labels({1, 1})}, {"positive", "ood"}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
  CHECK(codeOf("metrics.auroc", {{"scores", vector({1, NAN})}, {"labels", labels({0, 1})}, {"positive", "ood"}}) ==
        "ERR_LANGEVIN_NON_FINITE");
  CHECK(codeOf("metrics.auroc", {{"scores", vector({1})}, {"labels", labels({0, 1})}, {"positive", "ood"}}) ==
        "ERR_LANGEVIN_SHAPE");
  CHECK(codeOf("metrics.auroc", {{"scores", vector({1, 2})}, {"labels", labels({0, 1})}, {"positive", "good"}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
}

TEST(calibration_by_hand) {
  // Confidences 1.0 (right), 0.9 (wrong), 0.55 (right) in ten bins: 1.0 and 0.9 share the last one.
  const Map a = {
      {"probabilities", matrix({1, 0, 0.1, 0.9, 0.45, 0.55}, 2)}, {"labels", labels({0, 0, 1})}, {"bins", 10}};
  CHECK_NEAR(number(call("metrics.ece", a)), 2.0 / 3 * std::abs(0.5 - 0.95) + 1.0 / 3 * 0.45, 1e-12);
  const Value bins = call("metrics.reliability", a);
  CHECK(bins.list()->size() == 10);
  CHECK(number((*bins.list())[9], "count") == 2);
  CHECK_NEAR(number((*bins.list())[9], "confidence"), 0.95, 1e-15);
  CHECK(number((*bins.list())[0], "count") == 0);
  CHECK_NEAR(number(call("metrics.brier", a)), (0 + 2 * 0.81 + 2 * 0.2025) / 3, 1e-15);
  CHECK_NEAR(number(call("metrics.nll", a)), -(std::log(0.1) + std::log(0.55)) / 3, 1e-15);
}

TEST(a_confidence_on_an_edge_lies_in_the_bin_that_begins_there) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat})
    for (std::int64_t bins = 1; bins <= 300; ++bins) {
      // P(class 1) = k / bins from one half on: it is the confidence.
      const std::int64_t first = (bins + 1) / 2;
      std::vector<double> p;
      for (std::int64_t k = first; k < bins; ++k) p.push_back(static_cast<double>(k) / static_cast<double>(bins));
      if (p.empty()) continue;
      const auto n = static_cast<std::int64_t>(p.size());
      const Value rows = call("metrics.reliability", {{"probabilities", box(at::tensor(p, at::kDouble).to(dtype))},
                                                      {"labels", box(at::zeros({n}, at::kLong))},
                                                      {"bins", static_cast<double>(bins)}});
      for (std::int64_t k = 0; k < bins; ++k)
        CHECK(number((*rows.list())[static_cast<std::size_t>(k)], "count") == (k >= first ? 1 : 0));
    }
}

TEST(nll_of_an_impossible_class_is_infinite_and_logits_are_exact) {
  CHECK(std::isinf(number(call("metrics.nll", {{"probabilities", matrix({1, 0}, 2)}, {"labels", labels({1})}}))));
  // Softmax of (800, 0) has P(1) = exp(-800), below the smallest double.
  CHECK_NEAR(number(call("metrics.nll",
                         {{"probabilities", matrix({800, 0}, 2)}, {"labels", labels({1})}, {"from", "logits"}})),
             800, 1e-12);
}

TEST(probabilities_are_checked) {
  CHECK(codeOf("metrics.ece", {{"probabilities", matrix({0.5, 0.4}, 2)}, {"labels", labels({1})}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
  CHECK(codeOf("metrics.ece", {{"probabilities", matrix({2, -1}, 2)}, {"labels", labels({1})}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
}

TEST(total_variation_normalises) {
  CHECK_NEAR(number(call("metrics.totalVariation", {{"p", vector({1, 1, 2})}, {"q", vector({0, 0.5, 0.5})}})), 0.25,
             1e-15);
  CHECK(codeOf("metrics.totalVariation", {{"p", vector({0, 0})}, {"q", vector({1, 1})}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
}

TEST(sample_distances_by_hand) {
  // x = {0, 2}, y = {1}: E|X-Y| = 1; E|X-X'| = 1 (biased), 2 (unbiased needs two rows of y).
  CHECK_NEAR(number(call("metrics.energyDistance", {{"x", vector({0, 2})}, {"y", vector({1})}})), 1, 1e-15);
  CHECK_NEAR(
      number(call("metrics.energyDistance", {{"x", vector({0, 2})}, {"y", vector({1, 1})}, {"estimator", "unbiased"}})),
      0, 1e-15);
  const Value mmd = call("metrics.mmd", {{"x", vector({0})}, {"y", vector({2})}, {"bandwidth", 1}});
  CHECK_NEAR(number(mmd, "squared"), 2 - 2 * std::exp(-2.0), 1e-15);
  // Pooled distances of {0, 1} and {3}: 1, 2, 3.
  CHECK_NEAR(number(call("metrics.mmd", {{"x", vector({0, 1})}, {"y", vector({3})}}), "bandwidth"), 2, 1e-15);
  // On a line every direction is +-1: exact. {0, 3} against {1, 2, 6}: quantile pieces of 1/6 with gaps 1 1 2 1 3 3.
  CHECK_NEAR(number(call("metrics.slicedWasserstein",
                         {{"x", vector({0, 3})}, {"y", vector({1, 2, 6})}, {"order", 1}, {"projections", 3}})),
             (1 + 1 + 2 + 1 + 3 + 3) / 6.0, 1e-12);
  // In the plane a shift by c gives the root of the mean of (c cos t)^2 = |c| / sqrt 2; 4,000 directions: sd of the
  // mean square is sqrt(1/8 / 4000) = 0.0056, so 0.012 of 0.707 * |c| is 3 sd.
  CHECK_NEAR(number(call("metrics.slicedWasserstein",
                         {{"x", matrix({0, 0}, 2)}, {"y", matrix({3, 4}, 2)}, {"projections", 4000}})),
             5 / std::numbers::sqrt2, 5 * 0.012);
}

TEST(sums_do_not_depend_on_threads) {
  const Value x = langevin::box(at::linspace(0, 7, 900, at::kDouble).sin().reshape({300, 3}));
  const Value y = langevin::box(at::linspace(0, 9, 600, at::kDouble).cos().reshape({200, 3}));
  for (const char* name : {"metrics.energyDistance", "metrics.slicedWasserstein"})
    CHECK(number(call(name, {{"x", x}, {"y", y}, {"threads", 1}})) ==
          number(call(name, {{"x", x}, {"y", y}, {"threads", 3}})));
  CHECK(number(call("metrics.mmd", {{"x", x}, {"y", y}, {"threads", 1}}), "squared") ==
        number(call("metrics.mmd", {{"x", x}, {"y", y}, {"threads", 2}}), "squared"));
}

// A detector fitted, then asked.
Value scoresOf(const Map& detector, const Value& x) {
  const Value state = call("ood.fit", {{"detector", detector}});
  return call("ood.scores", {{"detector", detector}, {"state", state}, {"x", x}});
}
Map mahalanobisOf(const Value& rows) { return {{"kind", "mahalanobis"}, {"rows", rows}, {"shrinkage", 0}}; }

TEST(mahalanobis_and_neighbours_by_hand) {
  // Rows (+-1, 0), (0, +-2): covariance diag(1/2, 2).
  const Value rows = matrix({1, 0, -1, 0, 0, 2, 0, -2}, 2), x = matrix({1, 2, 3, 0}, 2);
  const at::Tensor m = tensorOf(scoresOf(mahalanobisOf(rows), x));
  CHECK_NEAR(m[0].item<double>(), 1 / 0.5 + 4 / 2.0, 1e-12);
  CHECK_NEAR(m[1].item<double>(), 9 / 0.5, 1e-12);
  const auto knn = [&](int k, const char* distance) {
    return tensorOf(scoresOf({{"kind", "knn"}, {"rows", rows}, {"k", k}, {"distance", distance}}, x));
  };
  CHECK_NEAR(knn(1, "largest")[1].item<double>(), 2, 1e-15);  // (3, 0) to (1, 0)
  CHECK_NEAR(knn(2, "largest")[0].item<double>(), 2, 1e-15);  // (1, 2): to (0, 2) is 1, to (1, 0) is 2
  CHECK_NEAR(knn(2, "mean")[0].item<double>(), 1.5, 1e-15);
  CHECK(codeOf("ood.fit", {{"detector", mahalanobisOf(matrix({1, 1, 2, 2, 3, 3}, 2))}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
  CHECK(codeOf("ood.fit", {{"detector", Map{{"kind", "knn"}, {"rows", rows}, {"k", 5}}}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
  // What is left after fitting is enough: no training rows.
  const Value state = call("ood.fit", {{"detector", mahalanobisOf(rows)}});
  const at::Tensor again =
      tensorOf(call("ood.scores", {{"detector", Map{{"kind", "mahalanobis"}}}, {"state", state}, {"x", x}}));
  CHECK(at::equal(again, m));
}

TEST(neighbours_are_told_apart_by_differences_wherever_they_lie) {
  // Two lattices of spacing 0.01, 2e7 apart: squared norms are about 1e14 and known to 0.02, squares of distances 1e-4.
  const std::int64_t n = 400;
  const at::Tensor step = at::arange(n, at::kDouble).mul(0.01).unsqueeze(1);
  const at::Tensor side = at::cat({step.add(1e7), step.mul(-1).sub(1e7)}), x = side.add(0.002);
  const at::Tensor rows = at::cat({side, side.mul(0.5)}, 1), queries = at::cat({x, side.mul(0.5).add(0.001)}, 1);
  const at::Tensor exact = std::get<0>(queries.unsqueeze(1).sub(rows.unsqueeze(0)).square().sum(2).sqrt().sort(1));
  for (const int k : {1, 3, 20}) {
    const at::Tensor found = tensorOf(scoresOf(
        {{"kind", "knn"}, {"rows", langevin::box(rows)}, {"k", k}, {"distance", "largest"}}, langevin::box(queries)));
    CHECK(at::allclose(found, exact.select(1, k - 1), 4e-16, 0));
  }
}

TEST(energy_detectors_of_a_gaussian) {
  const Value model = gaussianEnergy({1}, {4});
  const Value x = matrix({1, 2, -1}, 1);
  const auto scores = [&](Map detector) {
    detector["model"] = model;
    return tensorOf(scoresOf(detector, x));
  };
  CHECK_NEAR(scores({{"kind", "energy"}})[2].item<double>(), 8, 1e-12);     // 4 * (-2)^2 / 2
  CHECK_NEAR(scores({{"kind", "scoreNorm"}})[1].item<double>(), 4, 1e-12);  // |4 (2 - 1)|
  CHECK_NEAR(scores({{"kind", "likelihood"}, {"logZ", 0.5}})[0].item<double>(), 0.5, 1e-12);
  CHECK(codeOf("ood.fit", {{"detector", Map{{"kind", "maxLogit"}, {"model", model}}}}) ==
        "ERR_LANGEVIN_INVALID_OPTION");
  const Value report = call("ood.evaluate", {{"detector", Map{{"kind", "energy"}, {"model", model}}},
                                             {"state", Map{}},
                                             {"inDistribution", matrix({1, 1.1, 0.9}, 1)},
                                             {"outOfDistribution", Map{{"far", matrix({3, 1.05}, 1)}}},
                                             {"positive", "ood"},
                                             {"auprRule", "step"},
                                             {"fprRule", "first"}});
  // 1.05 scores 0.005: above 1 (0) and below 0.9 and 1.1 (0.02): 3 + 1 of 6 pairs.
  CHECK_NEAR(number(report.map()->at("far"), "auroc"), 4.0 / 6, 1e-15);
  CHECK_NEAR(number(report.map()->at("far"), "fpr95"), 2.0 / 3, 1e-15);
  CHECK_NEAR(number(report.map()->at("far"), "n"), 5, 0);
}

TEST(grid_log_z_of_gaussians) {
  const double log2pi = std::log(2 * std::numbers::pi);
  struct Case {
    Value energy;
    double expected;
  };
  const Case cases[] = {
      {gaussianEnergy({0.3}, {4}), 0.5 * (log2pi - std::log(4.0))},
      {gaussianEnergy({0.3, -0.2}, {2, 0.5, 0.5, 1}), log2pi - 0.5 * std::log(1.75)},
      {gaussianEnergy({0, 0.1, 0}, {2, 0, 0, 0, 1, 0, 0, 0, 3}), 1.5 * log2pi - 0.5 * std::log(6.0)},
  };
  for (const Case& c : cases) {
    const Value r = call("partition.grid", {{"energy", c.energy}, {"low", -9}, {"high", 9}});
    // The midpoint rule of a Gaussian well inside the box converges faster than any power of the cell width.
    CHECK_NEAR(number(r, "logZ"), c.expected, 1e-9);
    CHECK(number(r, "standardError") <= 1e-4);
    CHECK(number(r, "borderMass") < 1e-12);
  }
}

TEST(grid_error_estimate_covers_a_coarse_grid) {
  // Six cells over 18 standard deviations are far too few: the estimate must be at least as large as the true error.
  const Value r =
      call("partition.grid",
           {{"energy", gaussianEnergy({0.3}, {1})}, {"low", -9}, {"high", 9}, {"cells", 6}, {"refine", false}});
  const double error = std::abs(number(r, "logZ") - 0.5 * std::log(2 * std::numbers::pi));
  CHECK(error > 0.01);
  CHECK(number(r, "standardError") >= error);
  CHECK(!*r.map()->at("converged").get<bool>());
  // A box that cuts the Gaussian at one standard deviation is told from the mass at its border.
  CHECK(number(call("partition.grid", {{"energy", gaussianEnergy({0}, {1})}, {"low", -1}, {"high", 1}, {"cells", 64}}),
               "borderMass") > 0.01);
}

TEST(exact_log_z_of_binary_states) {
  // E = |x - m|^2 / 2 factorises: log Z = sum over variables of log(exp(-m^2/2) + exp(-(1-m)^2/2)).
  const std::vector<double> m = {0.2, -0.4, 0.9};
  const Value energy = gaussianEnergy(m, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  double expected = 0, spins = 0;
  for (double v : m) expected += std::log(std::exp(-v * v / 2) + std::exp(-(1 - v) * (1 - v) / 2));
  for (double v : m) spins += std::log(std::exp(-(1 + v) * (1 + v) / 2) + std::exp(-(1 - v) * (1 - v) / 2));
  const Value r = call("partition.exact", {{"energy", energy}});
  CHECK_NEAR(number(r, "logZ"), expected, 1e-12);
  CHECK(number(r, "states") == 8);
  CHECK_NEAR(number(call("partition.exact", {{"energy", energy}, {"values", List{-1, 1}}}), "logZ"), spins, 1e-12);
  const std::vector<double> zeros(21, 0.0);
  std::vector<double> unit(21 * 21, 0.0);
  for (std::size_t i = 0; i < 21; ++i) unit[i * 22] = 1;
  CHECK(codeOf("partition.exact", {{"energy", gaussianEnergy(zeros, unit)}}) == "ERR_LANGEVIN_UNSUPPORTED");
}

TEST(annealed_log_z_of_a_gaussian) {
  const Value energy = gaussianEnergy({1, -1}, {2, 0.5, 0.5, 1});
  const double expected = std::log(2 * std::numbers::pi) - 0.5 * std::log(1.75);
  Map a = {{"energy", energy}, {"dim", 2}, {"chains", 1000}, {"temperatures", 40}, {"seed", 5}, {"stepSize", 0.3}};
  const Value r = call("partition.ais", a);
  // Four standard errors: a false alarm in 16,000, and the error itself must be small enough to mean something.
  CHECK(number(r, "standardError") < 0.05);
  CHECK_NEAR(number(r, "logZ"), expected, 4 * number(r, "standardError"));
  CHECK(number(r, "acceptance") > 0.8);
  a["threads"] = 3;
  CHECK(number(call("partition.ais", a), "logZ") == number(r, "logZ"));
  // Control: without annealing (two temperatures) the same chains give a clearly larger error.
  a["temperatures"] = 2;
  CHECK(number(call("partition.ais", a), "standardError") > 2 * number(r, "standardError"));
}

}  // namespace langevin::metrics_test
