// gaussianMixture: given means, weights and spreads.
#include "noises/mixture_noise.hpp"

namespace langevin {
namespace {

class GaussianMixtureNoise : public MixtureNoise {
 public:
  explicit GaussianMixtureNoise(const Spec& spec) : given_(MixtureLaw::read(spec, columns(spec.at("means")))) {}

  void fit(const RowSource& data) override {
    if (data.width() != given_.dimension())
      fail(Code::Shape, "noise.means has ", given_.dimension(), " columns, the rows have ", data.width());
    law_ = given_.to(data.options());
  }

 private:
  // What the first mean says; without one, read() says what is missing.
  static std::int64_t columns(const Spec& means) {
    const std::vector<Spec> items = means.items();
    return items.empty() ? 0 : static_cast<std::int64_t>(items.front().numbers().size());
  }
  MixtureLaw given_;
};

}  // namespace

std::unique_ptr<Noise> makeGaussianMixtureNoise(const Spec& spec) {
  return std::make_unique<GaussianMixtureNoise>(spec);
}

}  // namespace langevin
