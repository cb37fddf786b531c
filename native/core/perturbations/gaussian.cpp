// Gaussian noise of variance t in every real column, twice: y = x + sqrt(t) e, x' = y + sqrt(t) e'. The heat kernel of
// half the Laplacian at time t.
#include <cmath>

#include "perturbations/perturbation.hpp"
#include "tensors/columns.hpp"

namespace langevin {
namespace {

class GaussianPerturbation : public Perturbation {
 public:
  explicit GaussianPerturbation(const Spec& spec) {
    if (spec.has("t") == spec.has("sd")) spec.invalid("give either t, the variance of the noise, or sd");
    if (spec.has("t")) {
      deviations_ = {std::sqrt(spec.positive("t"))};
      return;
    }
    deviations_ = numberOrList(spec, "sd");
    for (const double sd : deviations_)
      if (!(sd > 0)) spec.at("sd").invalid("must be greater than 0");
  }

  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    domain.require(block, Kinds::real(), "energyDiscrepancy with a gaussian perturbation adds noise to x",
                   "perturbation: perturbations.structured(), or minimumProbabilityFlow, or contrastiveDivergence or "
                   "persistentContrastiveDivergence with a gibbs or gibbsWithGradients sampler");
  }
  void prepare(const Domain& domain) override {
    if (deviations_.size() != 1 && static_cast<std::int64_t>(deviations_.size()) != domain.columns())
      fail(Code::Shape, "sd of the gaussian perturbation has ", deviations_.size(), " numbers, there are ",
           domain.columns(), " real columns");
  }

  at::Tensor candidates(const at::Tensor& x, std::int64_t count, std::uint64_t step, const Random& random,
                        int) const override {
    const std::int64_t n = x.size(0), d = x.size(1);
    const auto noise = [&](std::int64_t rows, Stream stream) {
      const at::Tensor e = random.normal(rows, d, step, stream, x.options());
      return deviations_.size() == 1 ? deviations_[0] * e : perColumn(deviations_, x, "sd") * e;
    };
    // One y for all candidates of a row: with one y each the minimiser is another.
    const at::Tensor y = x + noise(n, Stream::Corrupt);
    return y.repeat({count, 1}).add_(noise(n * count, Stream::NoiseSample));
  }

 private:
  std::vector<double> deviations_;
};

}  // namespace

std::unique_ptr<Perturbation> makeGaussianPerturbation(const Spec& spec) {
  return std::make_unique<GaussianPerturbation>(spec);
}

}  // namespace langevin
