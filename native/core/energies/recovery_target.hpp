// The law of x where a noisy copy of it is known: p(x | y) ~ exp(-E(x) - |x - y|^2 / (2 s^2)), y = x + s noise. Short
// chains settle in it where they would not in exp(-E) (recovery likelihood, Gao et al. 2021), and it is what a model of
// x says of an observation y.
#pragma once

#include "energies/energy.hpp"

namespace langevin {

class RecoveryTarget final : public Target {
 public:
  /// The energy (over real columns, without a condition of its own) must outlive the target. Throws
  /// Code::Unsupported for other energies, Code::InvalidOption for a noise that is not above 0.
  RecoveryTarget(const Energy& energy, double noise);

  const std::string& kind() const override { return energy_.kind(); }
  const Shape& input() const override { return energy_.input(); }
  double workPerRow() const override { return energy_.workPerRow(); }
  const Domain& domain() const override { return energy_.domain(); }
  /// y, a row as wide as x.
  const Condition& condition() const override { return condition_; }
  at::TensorOptions options() const override { return energy_.options(); }
  Batch rows(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor energyOf(const Batch& rows) const override;
  EnergyAndGradient energyAndGradient(const Batch& rows) const override;

 private:
  const Energy& energy_;
  Condition condition_;
  double precision_;  // 1 / s^2
};

}  // namespace langevin
