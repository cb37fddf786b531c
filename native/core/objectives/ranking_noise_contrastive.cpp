// Ranking noise-contrastive estimation (Jozefowicz et al. 2016; Ma and Collins 2018, eq. 3): which of k + 1 rows is the
// datum, the others being draws of a noise of known density. With l(x) = -E(x) - log p_noise(x):
//   loss = mean over rows of logsumexp(l(x), l(x_1), ..., l(x_k)) - l(x)
// log Z cancels, so a conditional energy E(x, y) needs no estimate of Z(y): the negatives of a row share its y.
#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class RankingNoiseContrastive : public Objective {
 public:
  explicit RankingNoiseContrastive(const Spec& spec)
      : noise_(makeNoise(spec.at("noise"))), negatives_(spec.count("negatives", 1, 15)) {}

  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) override {
    requireRealRows(model, "rankingNoiseContrastive compares with a density over real columns");
    noise_->fit(data);
  }

  at::Tensor loss(StepContext& context) override {
    const Batch& data = context.batch;
    const std::int64_t n = data.size();
    const Batch negatives = noiseRows(context, *noise_, negatives_);
    const EnergyPair energy = energiesOf(context, data, negatives);
    context.recordData(energy.data);
    context.recordNegatives(energy.negatives);
    const at::NoGradGuard guard;
    // Row 0: the datum. Softmax weights of the columns are the derivatives by -l.
    at::Tensor logits =
        at::cat({energy.data, energy.negatives}).add_(noise_->logDensity(at::cat({data.x, negatives.x})));
    logits = logits.neg_().view({negatives_ + 1, n});
    context.monitor("accuracy", meanOf(logits[0] > logits.slice(0, 1).amax(0)));
    at::Tensor ranks = logits.log_softmax(0);
    const double loss = -meanOf(ranks[0]), share = 1.0 / static_cast<double>(n);
    ranks.exp_().mul_(-share);
    ranks[0].add_(share);
    return context.lossWithGradients(loss,
                                     {{energy.data, ranks[0]}, {energy.negatives, ranks.slice(0, 1).reshape({-1})}});
  }

 private:
  std::unique_ptr<Noise> noise_;
  std::int64_t negatives_;
};

}  // namespace

std::unique_ptr<Objective> makeRankingNoiseContrastive(const Spec& spec) {
  return std::make_unique<RankingNoiseContrastive>(spec);
}

}  // namespace langevin
