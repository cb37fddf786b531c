// dataGaussianMixture: a mixture of Gaussians learned from the data by expectation maximisation (Dempster, Laird and
// Rubin 1977) with full covariances, started at rows drawn as k-means++ does (Arthur and Vassilvitskii 2007). The
// covariances are then widened by scale^2.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "noises/mixture_noise.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMostRows = 20000;  // what a fit looks at

class DataGaussianMixtureNoise : public MixtureNoise {
 public:
  explicit DataGaussianMixtureNoise(const Spec& spec)
      : components_(spec.count("components", 1, 8)),
        iterations_(spec.count("iterations", 1, 50)),
        scale_(spec.positive("scale", 1)),
        ridge_(spec.positive("ridge", 1e-3)) {}

  void fit(const at::Tensor& x) override {
    if (x.size(0) < 2 * components_)
      fail(Code::Shape, "dataGaussianMixture noise of ", components_, " components needs at least ", 2 * components_,
           " rows, got ", x.size(0));
    at::Tensor rows = x.to(at::kCPU, at::kDouble);
    if (rows.size(0) > kMostRows)
      rows = rows.index_select(0, random_.permutation(rows.size(0), 0, Stream::Data).slice(0, 0, kMostRows));
    const std::int64_t d = rows.size(1);
    const at::Tensor variances = rows.var(0, false);
    const double spread = variances.mean().item<double>();
    if (!(spread > 0)) fail(Code::InvalidOption, "dataGaussianMixture noise: every column of the data is constant");
    const at::Tensor floor = ridge_ * spread * at::eye(d, at::kDouble);
    at::Tensor weights = at::full({components_}, 1.0 / static_cast<double>(components_), at::kDouble);
    at::Tensor means = starts(rows);
    at::Tensor covariances =
        (at::diag(variances) / static_cast<double>(components_) + floor).expand({components_, d, d}).contiguous();
    for (std::int64_t i = 0; i < iterations_; ++i) {
      const at::Tensor share = responsibilities(rows, weights, means, covariances);  // [n, k]
      // A component that lost its rows keeps a trace of all of them.
      const at::Tensor mass = share.sum(0) + 1e-9;
      weights = mass / mass.sum();
      means = share.t().matmul(rows) / mass.unsqueeze(1);
      std::vector<at::Tensor> found;
      for (std::int64_t k = 0; k < components_; ++k) {
        const at::Tensor centred = rows - means[k];
        found.push_back((centred * share.select(1, k).unsqueeze(1)).t().matmul(centred) / mass[k] + floor);
      }
      covariances = at::stack(found);
    }
    set(weights, means, at::linalg_cholesky(covariances * (scale_ * scale_)), x.options());
  }

 private:
  // Every next start is a row drawn with a probability that grows with its squared distance from the starts before.
  at::Tensor starts(const at::Tensor& rows) const {
    const at::Tensor u = random_.uniform(components_, 1, 0, Stream::Init, at::kDouble);
    const std::int64_t n = rows.size(0);
    std::vector<at::Tensor> chosen{rows[static_cast<std::int64_t>(u[0].item<double>() * static_cast<double>(n))]};
    at::Tensor nearest = (rows - chosen[0]).square().sum(1);
    for (std::int64_t k = 1; k < components_; ++k) {
      const at::Tensor cumulative = nearest.cumsum(0);
      const at::Tensor at = cumulative[n - 1] * u[k];
      const auto row = std::min<std::int64_t>(at::searchsorted(cumulative, at).item<std::int64_t>(), n - 1);
      chosen.push_back(rows[row]);
      nearest = at::minimum(nearest, (rows - chosen.back()).square().sum(1));
    }
    return at::stack(chosen);
  }

  static at::Tensor responsibilities(const at::Tensor& rows, const at::Tensor& weights, const at::Tensor& means,
                                     const at::Tensor& covariances) {
    const at::Tensor factors = at::linalg_cholesky(covariances);
    std::vector<at::Tensor> terms;
    for (std::int64_t k = 0; k < means.size(0); ++k) {
      const at::Tensor z = at::linalg_solve_triangular(factors[k], (rows - means[k]).t(), /*upper=*/false);
      terms.push_back(weights[k].log() - factors[k].diagonal().log().sum() - 0.5 * z.square().sum(0));
    }
    return at::stack(terms, 1).softmax(1);
  }

  std::int64_t components_, iterations_;
  double scale_, ridge_;
  Random random_{0};  // the fit is a function of the rows alone
};

}  // namespace

std::unique_ptr<Noise> makeDataGaussianMixtureNoise(const Spec& spec) {
  return std::make_unique<DataGaussianMixtureNoise>(spec);
}

}  // namespace langevin
