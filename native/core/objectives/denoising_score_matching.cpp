// Denoising score matching (Vincent 2011, eq. 9) at one noise level, weighted by sigma^2 as in Song and Ermon 2019:
//   x~ = x + sigma e,  loss = mean over rows of |sigma s(x~) + e|^2 / 2,  s = -dE/dx
// It fits the score of the data convolved with N(0, sigma^2 I): on a Gaussian of covariance S the minimiser has
// precision inverse(S + sigma^2 I), not inverse(S).
#include "objectives/registry.hpp"

namespace langevin {
namespace {

class DenoisingScoreMatching : public Objective {
 public:
  explicit DenoisingScoreMatching(const Spec& spec) : sigma_(spec.positive("sigma")) {}

  at::Tensor loss(StepContext& context) override {
    const Rows& data = context.batch;
    const at::Tensor noise = context.random().normal(
        data.size(), data.x.size(1), static_cast<std::uint64_t>(context.step), Stream::Corrupt, data.x.options());
    Rows corrupted = data;
    corrupted.x = data.x + sigma_ * noise;
    return 0.5 * (sigma_ * context.score(corrupted) + noise).square().sum(1).mean();
  }

 private:
  double sigma_;
};

}  // namespace

std::unique_ptr<Objective> makeDenoisingScoreMatching(const Spec& spec) {
  return std::make_unique<DenoisingScoreMatching>(spec);
}

}  // namespace langevin
