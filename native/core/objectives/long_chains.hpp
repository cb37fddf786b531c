// Short chains against long ones. A model trained on chains of K steps may be right after K steps and fall into regions
// of low energy afterwards, where no short chain comes (Nijkamp, Hill, Han, Zhu and Wu 2020: convergent and
// non-convergent learning). Here some of the chains are carried on to L steps, and they are negatives as well:
//   loss = mean E(x) - (1 - w) mean E(x_K) - w mean E(x_L),  x_K and x_L not differentiated
// w = 0 is CD-K, w = 1 is CD-L. At the optimum every part has the model's own mean energy.
#pragma once

#include "objectives/objective.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

class LongChains {
 public:
  /// From { longChains?: { steps, weight, fraction } }; without the key there is CD-K. `shortSteps` is K.
  LongChains(const Spec& spec, std::int64_t shortSteps);

  /// The loss with the short chains' ends given. Reports `drift`, mean E(x_K) - E(x_L) of the chains carried on.
  at::Tensor contrast(StepContext& context, const Sampler& sampler, const Batch& ends) const;

 private:
  Batch carriedOn(StepContext& context, const Sampler& sampler, const Batch& ends) const;

  std::int64_t more_ = 0;  // L - K; 0: no long chains
  double weight_ = 0.5, fraction_ = 1;
};

}  // namespace langevin
