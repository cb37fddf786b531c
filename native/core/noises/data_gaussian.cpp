// dataGaussian: a Gaussian with the data's mean and full covariance (times scale^2). x = mean + scale L e, L L' = cov.
#include <cmath>
#include <numbers>

#include "noises/noise.hpp"
#include "noises/whitening.hpp"

namespace langevin {
namespace {

class DataGaussianNoise : public Noise {
 public:
  explicit DataGaussianNoise(const Spec& spec)
      : scale_(spec.positive("scale", 1)), ridge_(spec.nonNegative("ridge", 1e-6)) {}

  void fit(const RowSource& data) override {
    map_ = Whitening::fit(data.whole("dataGaussian noise").x, scale_, ridge_, "dataGaussian");
    constant_ = map_.logDet + 0.5 * static_cast<double>(map_.columns()) * std::log(2 * std::numbers::pi);
  }
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    return map_.coloured(random.normal(count, map_.columns(), step, Stream::NoiseSample, map_.mean.options()));
  }
  at::Tensor logDensity(const at::Tensor& x) const override { return -0.5 * map_.white(x).square().sum(1) - constant_; }

 private:
  double scale_, ridge_;
  Whitening map_;
  double constant_ = 0;
};

}  // namespace

std::unique_ptr<Noise> makeDataGaussianNoise(const Spec& spec) { return std::make_unique<DataGaussianNoise>(spec); }

}  // namespace langevin
