// gaussian: independent columns N(mean, sd^2). log p = -sum ((x - mean)^2 / (2 sd^2) + log sd + log(2 pi) / 2).
#include <cmath>
#include <numbers>

#include "noises/noise.hpp"
#include "tensors/columns.hpp"

namespace langevin {
namespace {

class GaussianNoise : public Noise {
 public:
  explicit GaussianNoise(const Spec& spec)
      : meanNumbers_(spec.has("mean") ? numberOrList(spec, "mean") : std::vector<double>{0.0}),
        deviationNumbers_(spec.has("sd") ? numberOrList(spec, "sd") : std::vector<double>{1.0}) {
    for (double s : deviationNumbers_)
      if (!(s > 0)) spec.at("sd").invalid("must be greater than 0");
  }

  void fit(const RowSource& data) override {
    mean_ = perColumn(meanNumbers_, data.none(), "noise.mean");
    deviation_ = perColumn(deviationNumbers_, data.none(), "noise.sd");
    constant_ = deviation_.to(at::kDouble).log().sum().item<double>() +
                0.5 * static_cast<double>(data.width()) * std::log(2 * std::numbers::pi);
  }
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    return at::addcmul(mean_, deviation_,
                       random.normal(count, mean_.size(1), step, Stream::NoiseSample, mean_.options()));
  }
  at::Tensor logDensity(const at::Tensor& x) const override {
    const at::Tensor z = (x - mean_).div_(deviation_);
    return (z.mul_(z)).sum(1).mul_(-0.5).sub_(constant_);
  }

 private:
  std::vector<double> meanNumbers_, deviationNumbers_;
  at::Tensor mean_, deviation_;
  double constant_ = 0;
};

}  // namespace

std::unique_ptr<Noise> makeGaussianNoise(const Spec& spec) { return std::make_unique<GaussianNoise>(spec); }

}  // namespace langevin
