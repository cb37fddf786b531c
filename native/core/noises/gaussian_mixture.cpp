// gaussianMixture: given means, weights and spreads.
#include "energies/matrix.hpp"
#include "noises/mixture_noise.hpp"

namespace langevin {
namespace {

class GaussianMixtureNoise : public MixtureNoise {
 public:
  explicit GaussianMixtureNoise(const Spec& spec) : means_(matrixOf(spec.at("means"))) {
    const std::int64_t k = means_.size(0), d = means_.size(1);
    weights_ = spec.has("weights") ? vectorOf(spec.at("weights")) : at::ones({k}, at::kDouble);
    if (weights_.size(0) != k || !weights_.gt(0).all().item<bool>())
      spec.at("weights").invalid("must hold " + std::to_string(k) + " numbers greater than 0, one a mean");
    if (spec.has("sigmas") == spec.has("covariances")) spec.invalid("give either sigmas or covariances");
    std::vector<at::Tensor> factors;
    if (spec.has("sigmas")) {
      const Spec s = spec.at("sigmas");
      const at::Tensor sigmas = s.value().list() ? vectorOf(s) : at::full({k}, s.number(), at::kDouble);
      if (sigmas.size(0) != k) s.invalid("must be one number or " + std::to_string(k) + ", one a mean");
      if (!sigmas.gt(0).all().item<bool>()) s.invalid("must be greater than 0");
      for (std::int64_t i = 0; i < k; ++i) factors.push_back(at::eye(d, at::kDouble) * sigmas[i]);
    } else {
      const std::vector<Spec> items = spec.at("covariances").items();
      if (static_cast<std::int64_t>(items.size()) != k)
        spec.at("covariances").invalid("must hold " + std::to_string(k) + " entries, one a mean");
      for (const Spec& item : items) factors.push_back(choleskyOf(item, symmetricOf(item, d)));
    }
    factors_ = at::stack(factors);
  }

  void fit(const at::Tensor& x) override {
    if (x.size(1) != means_.size(1))
      fail(Code::Shape, "noise.means has ", means_.size(1), " columns, the rows have ", x.size(1));
    set(weights_, means_, factors_, x.options());
  }

 private:
  at::Tensor weights_, means_, factors_;
};

}  // namespace

std::unique_ptr<Noise> makeGaussianMixtureNoise(const Spec& spec) {
  return std::make_unique<GaussianMixtureNoise>(spec);
}

}  // namespace langevin
