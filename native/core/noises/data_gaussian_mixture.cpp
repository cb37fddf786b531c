// dataGaussianMixture: a mixture of Gaussians learned from the data (MixtureLaw::fit), its covariances then
// widened by scale^2.
#include "noises/mixture_noise.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMostMixtureRows = 20000;  // what a fit looks at

class DataGaussianMixtureNoise : public MixtureNoise {
 public:
  explicit DataGaussianMixtureNoise(const Spec& spec)
      : components_(spec.count("components", 1, 8)), scale_(spec.positive("scale", 1)) {
    options_.rounds = spec.count("iterations", 1, 50);
    options_.ridge = spec.positive("ridge", 1e-3);
  }

  void fit(const RowSource& data) override {
    const Random random(0);  // the fit is a function of the rows alone
    const std::int64_t n = data.size(), most = kMostMixtureRows;
    const at::Tensor x = n > most ? data.x(random.permutation(n, 0, Stream::Data).slice(0, 0, most)) : data.head(n).x;
    const at::Tensor rows = x.to(at::kCPU, at::kDouble);
    if (rows.size(0) > 1 && !rows.var(0, false).mean().gt(0).item<bool>())
      fail(Code::InvalidOption, "dataGaussianMixture noise: every column of the data is constant");
    law_ = MixtureLaw::fit(rows, components_, random, "the data of the dataGaussianMixture noise", options_)
               .widened(scale_ * scale_, 0)
               .to(data.options());
  }

 private:
  std::int64_t components_;
  double scale_;
  MixtureFit options_;
};

}  // namespace

std::unique_ptr<Noise> makeDataGaussianMixtureNoise(const Spec& spec) {
  return std::make_unique<DataGaussianMixtureNoise>(spec);
}

}  // namespace langevin
