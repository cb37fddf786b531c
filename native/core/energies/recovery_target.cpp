#include "energies/recovery_target.hpp"

#include "tensors/tensor.hpp"

namespace langevin {

RecoveryTarget::RecoveryTarget(const Energy& energy, double noise)
    : energy_(energy), condition_{Condition::Kind::Continuous, energy.width(), false}, precision_(1 / (noise * noise)) {
  energy.domain().require(Kinds::real(), "a noisy copy of x is x plus Gaussian noise", "an energy over real columns");
  if (energy.condition().kind != Condition::Kind::None)
    fail(Code::Unsupported, "the noisy copy of x takes the place of y, and this ", energy.kind(),
         " energy has a condition of its own: use an energy E(x)");
  if (!(noise > 0)) fail(Code::InvalidOption, "the noise of the copy must be greater than 0, got ", noise);
}

Batch RecoveryTarget::rows(const at::Tensor& x, const at::Tensor& y) const {
  Batch rows = energy_.rows(x, {});
  if (!y.defined()) fail(Code::InvalidOption, "give the noisy copies y, one row for each row of x");
  rows.y = asRows(y, width(), dtype(), energy_.device(), "y");
  requireFinite(rows.y, "y");
  if (rows.y.size(0) != rows.x.size(0)) fail(Code::Shape, "x has ", rows.x.size(0), " rows and y has ", rows.y.size(0));
  return rows;
}

at::Tensor RecoveryTarget::energyOf(const Batch& rows) const {
  return energy_.energyOf({rows.x, {}}) + (rows.x - rows.y).square().sum(1) * (0.5 * precision_);
}

EnergyAndGradient RecoveryTarget::energyAndGradient(const Batch& rows) const {
  EnergyAndGradient value = energy_.energyAndGradient({rows.x, {}});
  const at::Tensor away = rows.x - rows.y;
  return {value.energy + away.square().sum(1) * (0.5 * precision_), value.gradient + away * precision_};
}

}  // namespace langevin
