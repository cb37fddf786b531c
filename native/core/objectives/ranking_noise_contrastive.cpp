// Ranking noise-contrastive estimation (Jozefowicz et al. 2016; Ma and Collins 2018, eq. 3): which of k + 1 rows is the
// datum, the others being draws of a noise of known density. With l(x) = -E(x) - log p_noise(x):
//   loss = mean over rows of logsumexp(l(x), l(x_1), ..., l(x_k)) - l(x)
// log Z cancels, so a conditional energy E(x, y) needs no estimate of Z(y): the negatives of a row share its y.
#include "objectives/registry.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

class RankingNoiseContrastive : public Objective {
 public:
  explicit RankingNoiseContrastive(const Spec& spec)
      : noise_(makeNoise(spec.at("noise"))), negatives_(spec.count("negatives", 1, 15)) {}

  void prepare(Energy& model, const Rows& data, const at::Tensor&, const Random&) override {
    requireRealRows(model, "rankingNoiseContrastive compares with a density over real columns");
    noise_->fit(data.x);
  }

  at::Tensor loss(StepContext& context) override {
    const Rows& data = context.batch;
    const std::int64_t n = data.size();
    const Rows negatives = noiseRows(context, *noise_, negatives_);
    const EnergyPair energy = energiesOf(context, data, negatives);
    context.recordData(energy.data);
    context.recordNegatives(energy.negatives);
    const at::Tensor datum = -energy.data - noise_->logDensity(data.x);
    const at::Tensor others = (-energy.negatives - noise_->logDensity(negatives.x)).view({negatives_, n});
    {
      at::NoGradGuard guard;
      context.monitor("accuracy", (datum > others.amax(0)).to(at::kDouble).mean().item<double>());
    }
    return (at::cat({datum.unsqueeze(0), others}).logsumexp(0) - datum).mean();
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
