// Negative log-likelihood of energies that are normalised by construction: loss = mean E, because log Z = 0. For the
// mixture density network E(x, y) = -log p(y | x) (Bishop 1994).
#include "objectives/objective.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

class NegativeLogLikelihood : public Objective {
 public:
  Traits traits() const override { return {.everywhere = false}; }
  void prepare(Energy& model, const RowSource&, const at::Tensor&, const Random&) override {
    if (!model.program().normalised)
      fail(Code::Unsupported,
           "negativeLogLikelihood needs a normalised energy (mixtureDensity, gaussianMixture); for a ",
           model.program().kind,
           " energy mean E has no minimum: use maximumLikelihood, noiseContrastive or contrastive divergence");
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor energy = context.energy(context.batch);
    context.recordData(energy);
    return weightedMeans(context, {{energy, 1.0}});
  }
};

}  // namespace

std::unique_ptr<Objective> makeNegativeLogLikelihood(const Spec&) { return std::make_unique<NegativeLogLikelihood>(); }

}  // namespace langevin
