// A density exp(-E(x)) or exp(-E(x, y)) as samplers see it: what they may ask of it, and nothing of how it is made. An
// Energy is one; so is an energy with a term added, a part of its columns with the others held, a posterior.
//
// A target is passed by reference and kept by the executors that planTile() makes: it outlives them.
#pragma once

#include <string>

#include "program/program.hpp"

namespace langevin {

class Energy;

class Target {
 public:
  virtual ~Target() = default;

  /// Of the spec, for messages: "gaussian".
  virtual const std::string& kind() const = 0;
  /// Shape of a row x, and its columns where it lies flat.
  virtual const Shape& input() const = 0;
  std::int64_t width() const { return input().numel(); }
  /// About so many multiply-adds to evaluate one row: what tiles are cut by (base/threads.hpp).
  virtual double workPerRow() const = 0;
  /// What values they take.
  virtual const Domain& domain() const = 0;
  /// What y is.
  virtual const Condition& condition() const = 0;
  /// Dtype and device of the rows the functions below take.
  virtual at::TensorOptions options() const = 0;

  /// Checks and converts what a caller gave: x [n, d] or [n, ...input()] (flat afterwards), y as the condition
  /// demands (undefined allowed where optional).
  virtual Batch rows(const at::Tensor& x, const at::Tensor& y) const = 0;
  // On the rows of one tile, in the calling thread, without a tape left behind.
  virtual at::Tensor energyOf(const Batch& rows) const = 0;                  // [n]
  virtual EnergyAndGradient energyAndGradient(const Batch& rows) const = 0;  // E and dE/dx

  /// The energy, where this density is that of an energy and nothing else: then fused executors, and samplers that
  /// know its form, may look into it. Null: it has only the functions above, and steps run one by one.
  virtual const Energy* asEnergy() const { return nullptr; }

  at::ScalarType dtype() const { return c10::typeMetaToScalarType(options().dtype()); }
};

}  // namespace langevin
