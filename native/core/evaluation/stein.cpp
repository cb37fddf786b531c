// metrics.kernelSteinDiscrepancy: how far rows are from the law exp(-E) / Z, and a test that they come from it, by the
// score of E alone (Liu, Lee and Jordan 2016; Chwialkowski, Strathmann and Gretton 2016).
//
// The p-value is the wild bootstrap's: under the hypothesis the statistic behaves as sum W_i W_j u_ij with signs W_i.
// Independent signs belong to independent rows; for consecutive rows of a chain the signs form a chain themselves that
// flips with probability a < 1/2.
#include <algorithm>

#include "base/threads.hpp"
#include "energies/energy.hpp"
#include "evaluation/functions.hpp"
#include "statistics/distances.hpp"
#include "statistics/stein_kernel.hpp"
#include "tensors/arguments.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kSteinTile = 64;

// Signs [n, draws]: each column a chain that flips with probability `flip`, from a fair start.
at::Tensor signs(std::int64_t n, std::int64_t draws, double flip, std::uint64_t seed) {
  const at::Tensor u = Random(seed).uniform(n, draws, 0, Stream::Evaluation, at::TensorOptions(at::kDouble));
  at::Tensor turned = (u < flip).to(at::kDouble);
  turned.select(0, 0).copy_((u.select(0, 0) < 0.5).to(at::kDouble));
  return 1.0 - 2.0 * turned.cumsum(0).remainder(2.0);
}

struct Sums {
  double all = 0, diagonal = 0;
  at::Tensor signed_;  // sum_ij W_i W_j u_ij of every draw
};

// In tiles of rows that depend on nothing but n, added in order: the same bits at any number of threads.
Sums sumsOf(const at::Tensor& x, const at::Tensor& s, const at::Tensor& w, const InverseMultiquadric& kernel,
            int threads, Job& job) {
  const std::int64_t n = x.size(0), tiles = (n + kSteinTile - 1) / kSteinTile;
  std::vector<Sums> parts(static_cast<std::size_t>(tiles));
  parallelTiles(tiles, threads, [&](std::int64_t t) {
    job.check();
    at::NoGradGuard guard;
    const std::int64_t first = t * kSteinTile, last = std::min(n, first + kSteinTile);
    const at::Tensor u = steinKernel(x.slice(0, first, last), s.slice(0, first, last), x, s, kernel);
    Sums& part = parts[static_cast<std::size_t>(t)];
    part.all = u.sum().item<double>();
    part.diagonal = u.diagonal(first).sum().item<double>();
    part.signed_ = (w.slice(0, first, last) * u.matmul(w)).sum(0);
  });
  Sums total = std::move(parts[0]);
  for (std::size_t t = 1; t < parts.size(); ++t) {
    total.all += parts[t].all;
    total.diagonal += parts[t].diagonal;
    total.signed_ = total.signed_ + parts[t].signed_;
  }
  return total;
}

InverseMultiquadric readKernel(const Spec& a, const at::Tensor& x) {
  InverseMultiquadric kernel;
  kernel.beta = a.number("beta", -0.5);
  if (!(kernel.beta > -1 && kernel.beta < 0)) a.at("beta").invalid("must lie between -1 and 0");
  const bool median = !a.has("scale") || a.at("scale").value().get<std::string>();
  if (median && a.text("scale", "median") != "median") a.at("scale").invalid("must be a number above 0 or 'median'");
  const std::int64_t half = x.size(0) / 2;
  kernel.scale = median ? medianDistance(x.slice(0, 0, half), x.slice(0, half)) : a.positive("scale");
  return kernel;
}

// { energy, x, y?, scale?, beta?, estimator?, bootstrap?, flip?, seed?, threads? } -> { statistic, pValue, scale }
Value kernelSteinDiscrepancy(const Spec& a, Job& job) {
  const EnergyRef model = energyIn(a.at("energy"));
  model->program().domain.require(Kinds::real(), "metrics.kernelSteinDiscrepancy takes the score of real columns",
                                  "metrics.mmd against samples of a gibbs sampler");
  const int threads = a.threads();
  const at::Tensor given = unbox(a.at("x"));
  const Batch rows = model->rows(given, a.has("y") ? unbox(a.at("y")) : at::Tensor());
  requireRows(rows.x, 2, "x");
  const at::Tensor x = rows.x.to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor s = model->energyAndGradient(rows, threads).gradient.neg().to(at::kCPU, at::kDouble).contiguous();
  requireFinite(s, "the score at x");
  const InverseMultiquadric kernel = readKernel(a, x);
  const std::string rule = a.text("estimator", "unbiased");
  if (rule != "biased" && rule != "unbiased") a.at("estimator").invalid("must be 'biased' or 'unbiased'");
  const double flip = a.probability("flip", 0.5);
  if (!(flip > 0 && flip <= 0.5)) a.at("flip").invalid("must be above 0 and at most 0.5");
  const std::int64_t draws = a.count("bootstrap", 1, 1000);
  const at::Tensor w = signs(x.size(0), draws, flip, a.has("seed") ? a.at("seed").seed() : 0);
  const Sums sums = sumsOf(x, s, w, kernel, threads, job);
  // Squares of signs are 1: the diagonal is in the statistic and in every draw alike, so both estimators have this p.
  const double above = (sums.signed_ >= sums.all).sum().item<double>();
  const auto n = static_cast<double>(x.size(0));
  const double statistic = rule == "biased" ? sums.all / (n * n) : (sums.all - sums.diagonal) / (n * (n - 1));
  return Map{{"statistic", statistic},
             {"pValue", (1.0 + above) / (1.0 + static_cast<double>(draws))},
             {"scale", kernel.scale}};
}

}  // namespace

const std::vector<Function>& steinFunctions() {
  static const std::vector<Function> table = {
      {"metrics.kernelSteinDiscrepancy", Lane::Short, kernelSteinDiscrepancy},
  };
  return table;
}

}  // namespace langevin
