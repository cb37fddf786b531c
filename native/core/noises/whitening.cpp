#include "noises/whitening.hpp"

#include "base/error.hpp"

namespace langevin {

Whitening Whitening::fit(const at::Tensor& x, double scale, double ridge, const std::string& what) {
  const std::int64_t n = x.size(0), d = x.size(1);
  if (n < 2) fail(Code::Shape, what, " noise needs at least 2 rows to fit a covariance, got ", n);
  const at::Tensor rows = x.to(at::kCPU, at::kDouble);
  const at::Tensor mean = rows.mean(0, true);
  const at::Tensor centred = rows - mean;
  at::Tensor covariance = centred.t().matmul(centred) / static_cast<double>(n - 1);
  // Constant or collinear columns have no density; a share of the mean variance on the diagonal gives them one.
  const double trace = covariance.diagonal().sum().item<double>() / static_cast<double>(d);
  if (!(trace > 0)) fail(Code::InvalidOption, what, " noise: every column of the data is constant");
  covariance = covariance + ridge * trace * at::eye(d, covariance.options());
  auto [factor, status] = at::linalg_cholesky_ex(covariance * (scale * scale));
  if (status.item<std::int64_t>() != 0)
    fail(Code::InvalidOption, what, " noise: the data's covariance is singular; raise ridge above ", ridge);
  const at::Tensor inverse = at::linalg_solve_triangular(factor, at::eye(d, factor.options()), /*upper=*/false);
  Whitening w;
  w.logDet = factor.diagonal().log().sum().item<double>();
  w.mean = mean.to(x.device(), x.scalar_type());
  w.factorT = factor.t().contiguous().to(x.device(), x.scalar_type());
  w.whitenT = inverse.t().contiguous().to(x.device(), x.scalar_type());
  return w;
}

}  // namespace langevin
