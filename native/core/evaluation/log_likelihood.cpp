// evaluate.logLikelihood: mean log density of rows, and of a Gaussian on the same rows to compare with.
#include <cmath>
#include <numbers>

#include "energies/energy.hpp"
#include "evaluation/functions.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// Mean log density of rows under the Gaussian with the mean and covariance (divisor n) of `fitted`; null where that
// covariance is singular.
Value gaussianLogLikelihood(const at::Tensor& rows, const at::Tensor& fitted) {
  const std::int64_t d = rows.size(1);
  const at::Tensor mean = fitted.mean(0), centred = fitted - mean;
  const at::Tensor covariance = at::mm(centred.t(), centred) / static_cast<double>(fitted.size(0));
  const auto [factor, info] = at::linalg_cholesky_ex(covariance);
  const at::Tensor diagonal = factor.diagonal();
  if (info.item<std::int32_t>() != 0 || !(diagonal > 1e-12 * diagonal.max()).all().item<bool>()) return {};
  const at::Tensor z = at::linalg_solve_triangular(factor, (rows - mean).t(), false);
  const double square = z.square().sum(0).mean().item<double>();
  return -0.5 * (square + static_cast<double>(d) * std::log(2 * std::numbers::pi)) -
         diagonal.log().sum().item<double>();
}

// log Z is that of one condition, so y is one row for all of x.
at::Tensor repeatedCondition(const Spec& a) {
  if (!a.has("y")) return {};
  const at::Tensor y = unbox(a.at("y"));
  if (y.dim() < 1 || y.size(0) != 1) a.at("y").invalid("must be one row, got shape " + c10::str(y.sizes()));
  std::vector<std::int64_t> shape(y.sizes().begin(), y.sizes().end());
  shape[0] = unbox(a.at("x")).size(0);
  return y.expand(shape);
}

// The mean of what is given as the true log density of the rows.
Value meanTruth(const Spec& a, std::int64_t rows) {
  if (!a.has("truth")) return {};
  const at::Tensor logs = readVector(a.at("truth"));
  if (logs.size(0) != rows)
    fail(Code::Shape, "truth holds the log density of ", logs.size(0), " rows and x has ", rows, "; they must agree");
  return logs.mean().item<double>();
}

// { energy, x, y?, logZ, temperature?, baseline?: rows the Gaussian is fitted to (default x),
//   truth?: log density of the rows [n], threads? } -> { logLikelihood, standardError, n, dimension, gaussian, truth }
Value logLikelihood(const Spec& a, Job& job) {
  const EnergyRef energy = energyIn(a.at("energy"));
  const at::NoGradGuard guard;
  const Batch rows = energy->rows(unbox(a.at("x")), repeatedCondition(a));
  requireRows(rows.x, 2, "x");
  job.check();
  const at::Tensor e = energy->energyOf(rows, a.threads()).to(at::kCPU, at::kDouble);
  requireFinite(e, "the energy of x");
  const at::Tensor logDensity = e.div(-a.positive("temperature", 1)).sub(a.number("logZ"));
  const auto n = static_cast<double>(rows.size());
  const at::Tensor x = rows.x.to(at::kCPU, at::kDouble);
  const at::Tensor fitted = a.has("baseline") ? readMatrix(a.at("baseline")) : x;
  if (fitted.size(1) != x.size(1)) fail(Code::Shape, "baseline has ", fitted.size(1), " columns and x has ", x.size(1));
  return Map{{"logLikelihood", logDensity.mean().item<double>()},
             {"standardError", logDensity.std(true).item<double>() / std::sqrt(n)},
             {"n", n},
             {"dimension", x.size(1)},
             {"gaussian", gaussianLogLikelihood(x, fitted)},
             {"truth", meanTruth(a, rows.size())}};
}

}  // namespace

const std::vector<Function>& likelihoodFunctions() {
  static const std::vector<Function> table = {{"evaluate.logLikelihood", Lane::Short, logLikelihood}};
  return table;
}

}  // namespace langevin
