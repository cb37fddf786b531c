// dataGaussian: a Gaussian with the data's mean and full covariance (times scale^2). x = mean + scale L e, L L' = cov.
#include <cmath>
#include <numbers>

#include "noises/noise.hpp"

namespace langevin {
namespace {

class DataGaussianNoise : public Noise {
 public:
  explicit DataGaussianNoise(const Spec& spec)
      : scale_(spec.positive("scale", 1)), ridge_(spec.nonNegative("ridge", 1e-6)) {}

  void fit(const at::Tensor& x) override {
    const std::int64_t n = x.size(0), d = x.size(1);
    if (n < 2) fail(Code::Shape, "dataGaussian noise needs at least 2 rows to fit a covariance, got ", n);
    const at::Tensor rows = x.to(at::kCPU, at::kDouble);
    const at::Tensor mean = rows.mean(0, true);
    const at::Tensor centred = rows - mean;
    at::Tensor covariance = centred.t().matmul(centred) / static_cast<double>(n - 1);
    // Constant or collinear columns have no density; a share of the mean variance on the diagonal gives them one.
    const double trace = covariance.diagonal().sum().item<double>() / static_cast<double>(d);
    if (!(trace > 0)) fail(Code::InvalidOption, "dataGaussian noise: every column of the data is constant");
    covariance = covariance + ridge_ * trace * at::eye(d, covariance.options());
    auto [factor, status] = at::linalg_cholesky_ex(covariance * (scale_ * scale_));
    if (status.item<std::int64_t>() != 0)
      fail(Code::InvalidOption, "dataGaussian noise: the data's covariance is singular; raise ridge above ", ridge_);
    constant_ =
        factor.diagonal().log().sum().item<double>() + 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi);
    const at::Tensor inverse = at::linalg_solve_triangular(factor, at::eye(d, factor.options()), /*upper=*/false);
    mean_ = mean.to(x.device(), x.scalar_type());
    factorT_ = factor.t().contiguous().to(x.device(), x.scalar_type());
    whitenT_ = inverse.t().contiguous().to(x.device(), x.scalar_type());
  }
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    return mean_ + random.normal(count, mean_.size(1), step, Stream::NoiseSample, mean_.options()).matmul(factorT_);
  }
  at::Tensor logDensity(const at::Tensor& x) const override {
    return -0.5 * (x - mean_).matmul(whitenT_).square().sum(1) - constant_;
  }

 private:
  double scale_, ridge_;
  at::Tensor mean_, factorT_, whitenT_;
  double constant_ = 0;
};

}  // namespace

std::unique_ptr<Noise> makeDataGaussianNoise(const Spec& spec) { return std::make_unique<DataGaussianNoise>(spec); }

}  // namespace langevin
