// An energy with its parameters: the one interface objectives and evaluation see, and the usual target of samplers.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"
#include "energies/target.hpp"
#include "executors/cpu/tile_program.hpp"
#include "program/parameters.hpp"
#include "program/program.hpp"

namespace langevin {

namespace cuda {
class CudaTiles;
}

class Energy : public Target {
 public:
  Energy(Program program, at::ScalarType dtype, at::Device device, std::uint64_t seed);

  const Program& program() const { return program_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }
  std::int64_t inputWidth() const { return program_.inputWidth; }

  // Target: the density exp(-E).
  const std::string& kind() const override { return program_.kind; }
  std::int64_t width() const override { return program_.inputWidth; }
  const States& states() const override { return program_.states; }
  const Condition& condition() const override { return program_.condition; }
  at::TensorOptions options() const override { return at::TensorOptions().dtype(dtype_).device(device_); }
  Batch rows(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor energyOf(const Batch& rows) const override;
  EnergyAndGradient energyAndGradient(const Batch& rows) const override;
  const Energy* asEnergy() const override { return this; }

  /// E and outputs of one tile, as above.
  ProgramValues valuesOf(const Batch& rows) const;

  // Over all rows, cut into tiles run by `threads` threads.
  at::Tensor energyOf(const Batch& rows, int threads) const;
  EnergyAndGradient energyAndGradient(const Batch& rows, int threads) const;
  at::Tensor outputsOf(const Batch& rows, int threads) const;

  /// The fused executor, or null with the reason in planReason(): float32 on the CPU and every operation covered.
  const TileProgram* tiles() const { return tiles_.get(); }
  const std::string& planReason() const { return planReason_; }
  /// The same for the CUDA kernel: float32 on a CUDA device, every operation covered, kernels in the build.
  const cuda::CudaTiles* cudaTiles() const { return cudaTiles_.get(); }
  const std::vector<at::Tensor>& constants() const { return constants_; }
  /// Weights as the fused executor wants them, current with the parameters.
  std::shared_ptr<const TileProgram::Packed> packed(Precision precision = Precision::Float32) const;
  /// Pointers into contiguous rows for the fused executor.
  static TileInput tileInput(const Batch& rows);

  /// Plain evaluation with caller-supplied parameter tensors (leaves of a tape, averaged weights, ...).
  ProgramValues evaluateWith(const std::vector<at::Tensor>& parameters, const Batch& rows,
                             const EvaluationMode& mode) const {
    return evaluate(program_, parameters, constants_, rows, mode);
  }

 private:
  Program program_;
  at::ScalarType dtype_;
  at::Device device_;
  Parameters parameters_;
  std::vector<at::Tensor> constants_;
  std::unique_ptr<TileProgram> tiles_;
  std::shared_ptr<const cuda::CudaTiles> cudaTiles_;
  std::string planReason_;
  mutable std::mutex packMutex_;
  mutable std::shared_ptr<const TileProgram::Packed> packed_;
  struct Spare;
  std::shared_ptr<Spare> spare_;
};

/// Lowers the spec (energies/registry.cpp) and creates the parameters.
std::shared_ptr<Energy> makeEnergy(const Spec& spec, at::ScalarType dtype, at::Device device, std::uint64_t seed);

}  // namespace langevin
