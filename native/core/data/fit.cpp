// data.*: a Gaussian fitted to rows, and the classes of a label column.
#include <ATen/ops/_unique2.h>

#include "data/data.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// { tensor: [n] or [n, d], ridge? } -> float64 { mean [d], covariance [d, d], precision [d, d] }. The divisor is n;
// precision = (covariance + ridge I)^-1 with the ridge in squared units of the columns.
Value gaussianFit(const Spec& a, Job&) {
  const at::Tensor& given = unbox(a.at("tensor"));
  if (given.dim() < 1 || given.size(0) < 1) fail(Code::Shape, "a Gaussian is fitted to at least one row");
  requireFinite(given, a.text("name", "tensor"));
  const at::Tensor x = (given.dim() == 1 ? given.unsqueeze(1) : given.flatten(1)).to(at::kCPU, at::kDouble);
  const std::int64_t n = x.size(0), d = x.size(1);
  const double ridge = a.nonNegative("ridge", 0);
  const at::Tensor mean = x.mean(0);
  const at::Tensor centred = x.sub(mean);
  const at::Tensor covariance = centred.t().matmul(centred).div(static_cast<double>(n));
  const at::Tensor widened = covariance.add(at::eye(d, at::kDouble), ridge);
  const auto [factor, info] = at::linalg_cholesky_ex(widened);
  // As in the Mahalanobis detector: a squared pivot over its variance is 1 - R^2 of that column given those before it.
  const bool singular =
      info.item<int>() != 0 || !(factor.diagonal().square().div(widened.diagonal()).min().item<double>() > 1e-13);
  if (singular)
    fail(Code::InvalidOption, "the covariance of ", n, " rows in ", d,
         " columns is singular (constant or dependent columns, or too few rows); give a `ridge` above ", ridge);
  const at::Tensor inverse = at::cholesky_inverse(factor);
  return Map{{"mean", box(mean)},
             {"covariance", box(covariance)},
             // Symmetric to the last bit, which energies ask of a precision.
             {"precision", box(inverse.add(inverse.t()).div(2))}};
}

// { tensor: [n] of whole numbers or floats } -> { values: float64 [k] ascending, counts: int64 [k] }
Value classes(const Spec& a, Job&) {
  const at::Tensor& given = unbox(a.at("tensor"));
  if (given.dim() != 1 || given.size(0) == 0)
    fail(Code::Shape, a.text("name", "tensor"), " has shape ", c10::str(given.sizes()), "; classes are read from [n]");
  requireFinite(given, a.text("name", "tensor"));
  const auto [values, inverse, counts] = at::_unique2(given.to(at::kCPU, at::kDouble), true, false, true);
  return Map{{"values", box(values)}, {"counts", box(counts)}};
}

}  // namespace

const std::vector<Function>& fitFunctions() {
  static const std::vector<Function> table = {
      {"data.gaussianFit", Lane::Short, gaussianFit},
      {"data.classes", Lane::Immediate, classes},
  };
  return table;
}

}  // namespace langevin
