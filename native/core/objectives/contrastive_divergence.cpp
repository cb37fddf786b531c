// Contrastive divergence (Hinton 2002, eq. 4): negatives are the sampler's steps from the data rows themselves.
//   loss = mean E(x) - mean E(x_k),  x_0 = x,  x_k not differentiated
// With proper Langevin steps of size h the fixed point is biased: on a Gaussian of variance v the precision P solves
// v P (1 - h P / 4) = 1. Divided by h / 2, one step's gradient tends to the score-matching gradient as h -> 0.
#include "objectives/registry.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

class ContrastiveDivergence : public Objective {
 public:
  explicit ContrastiveDivergence(std::shared_ptr<const Sampler> sampler, std::int64_t steps = 0)
      : sampler_(std::move(sampler)), steps_(steps) {}

  void prepare(Energy& model, const Rows& data, const at::Tensor&, const Random&) override {
    model.program().states.require(data.x, "x");
  }

  at::Tensor loss(StepContext& context) override {
    Rows negatives = context.batch;
    negatives.x = advanceRows(context, *sampler_, context.batch, steps_);
    return contrast(context, context.batch, negatives);
  }
  Map statistics() const override { return {{"effectiveTemperature", sampler_->effectiveTemperature()}}; }

 private:
  std::shared_ptr<const Sampler> sampler_;
  std::int64_t steps_;  // k; 0: the sampler's own number
};

}  // namespace

std::unique_ptr<Objective> makeContrastiveDivergence(std::shared_ptr<const Sampler> sampler) {
  return std::make_unique<ContrastiveDivergence>(std::move(sampler));
}

std::unique_ptr<Objective> makeContrastiveDivergence(const Spec& spec) {
  return std::make_unique<ContrastiveDivergence>(makeSampler(spec.at("sampler")), spec.count("k", 1, 0));
}

}  // namespace langevin
