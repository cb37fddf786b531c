// The last layer of a classifier: its inputs, the features h(x), and the weights that make logits W h + b of them.
#pragma once

#include "base/job.hpp"
#include "energies/energy.hpp"

namespace langevin {

class ClassifierHead {
 public:
  /// ERR_LANGEVIN_UNSUPPORTED, by the name of `what` asks, for energies without logits and for those whose logits are not made by
  /// a linear layer.
  ClassifierHead(EnergyRef energy, const std::string& what);

  /// h(x) of rows [n, d] in any numeric dtype: float64 [n, features] on the CPU.
  at::Tensor features(const at::Tensor& x, int threads, Job& job) const;
  /// W h + b of features float64 [n, features].
  at::Tensor logits(const at::Tensor& features) const { return features.mm(weight_.t()) + bias_; }
  const at::Tensor& weight() const { return weight_; }  // float64 [k, features]
  const at::Tensor& bias() const { return bias_; }      // float64 [k]

 private:
  EnergyRef energy_;
  Program below_;  // of the features
  at::Tensor weight_, bias_;
};

/// Logits of rows [n, d], float64 [n, k] on the CPU, block by block; ERR_LANGEVIN_INVALID_OPTION at `spec` for an energy without.
at::Tensor logitsOf(const Energy& energy, const at::Tensor& x, int threads, Job& job);
EnergyRef classifierIn(const Spec& detector);

/// -logsumexp of logits [n, k].
inline at::Tensor energyOfLogits(const at::Tensor& logits) { return logits.logsumexp(1).neg(); }

}  // namespace langevin
