// The term that contrastive divergence leaves out, differentiated through the sampler (Du, Li, Tenenbaum and
// Mordatch 2021, eq. 5): KL(q || p) of the sampler's law q, as its last steps x' = x - c grad E(x) + noise depend
// on the weights,
//   energy mean sg E(x-) - entropy H(x-),   sg E: the weights of this E are held fixed
// with H the nearest-neighbour estimate. Without it the weights are free to make sampling worse.
#pragma once

#include <optional>
#include <vector>

#include "objectives/objective.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

/// Entropy of the law of rows x [n, d] by distances r_i to the k-th nearest neighbour (Kozachenko and Leonenko 1987):
/// d mean log r + log(volume of the unit ball) + psi(n) - psi(k), in nats, and its gradient in x [n, d].
struct NeighbourEntropy {
  double value = 0;
  at::Tensor gradient;
};
NeighbourEntropy nearestNeighbourEntropy(const at::Tensor& x, std::int64_t k);

class SamplerKl {
 public:
  /// From { samplerKl?: { energy, entropy, steps, neighbour } }; without the key it does nothing.
  SamplerKl(const Spec& spec, const Sampler& sampler);

  /// advanceRows() (support.hpp), with the last steps kept.
  at::Tensor advance(StepContext& context, const Sampler& sampler, const Batch& rows, std::int64_t steps = 0);
  /// `loss` plus the term for the rows advanced last. Reports samplerKlEnergy and entropy.
  at::Tensor added(StepContext& context, const at::Tensor& loss) const;

 private:
  at::Tensor sensitivity(StepContext& context, double& value) const;

  bool active_ = false;
  double energy_ = 1, entropy_ = 1;
  std::int64_t steps_ = 1, neighbour_ = 1;
  std::vector<at::Tensor> points_;  // where the kept steps started
  std::vector<double> factors_;     // their c
  Batch last_;
};

}  // namespace langevin
