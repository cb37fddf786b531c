// An energy with its parameters: the one interface objectives and evaluation see, and the usual target of samplers.
#pragma once

#include <memory>

#include "energies/target.hpp"
#include "networks/network.hpp"

namespace langevin {

class Energy : public Network, public Target {
 public:
  Energy(Program program, at::ScalarType dtype, at::Device device, std::uint64_t seed);

  // Target: the density exp(-E).
  const std::string& kind() const override { return program().kind; }
  const Shape& input() const override { return Network::input(); }
  double workPerRow() const override { return program().workPerRow; }
  const Domain& domain() const override { return program().domain; }
  const Condition& condition() const override { return program().condition; }
  at::TensorOptions options() const override { return Network::options(); }
  Batch rows(const at::Tensor& x, const at::Tensor& y) const override { return Network::rows(x, y); }
  at::Tensor energyOf(const Batch& rows) const override;
  EnergyAndGradient energyAndGradient(const Batch& rows) const override;
  const Energy* asEnergy() const override { return this; }
  using Network::dtype;

  /// E and outputs of one tile, as above.
  ProgramValues valuesOf(const Batch& rows) const;

  // Over all rows, cut into tiles run by `threads` threads.
  at::Tensor energyOf(const Batch& rows, int threads) const;
  EnergyAndGradient energyAndGradient(const Batch& rows, int threads) const;

  // The same numbers of n plain float32 rows, on this thread and without a tensor: E [n], or -dE/dx [n, d]. False, and
  // nothing said of `out`, where the other ways must be asked: no fused form, a missing y, a number that is not finite.
  bool energyInto(const float* x, std::int64_t rows, float* out) const;
  bool scoreInto(const float* x, std::int64_t rows, float* out) const;

 private:
  bool takesPlainRows(const float* x, std::int64_t rows) const;
};

/// Lowers the spec (energies/registry.cpp) and creates the parameters.
std::shared_ptr<Energy> makeEnergy(const Spec& spec, at::ScalarType dtype, at::Device device, std::uint64_t seed);

/// The energy that an argument is; ERR_LANGEVIN_INVALID_OPTION when it is a network that gives no energy.
EnergyRef energyIn(const Spec& argument);

}  // namespace langevin
