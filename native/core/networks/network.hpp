// A program with its parameters and its executors: outputs of some rows. An energy is a network whose program has a
// scalar output that is read as E (energies/energy.hpp).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"
#include "executors/cpu/tile_program.hpp"
#include "program/parameters.hpp"
#include "program/program.hpp"

namespace langevin {

namespace cuda {
class CudaTiles;
}

class Network {
 public:
  Network(Program program, at::ScalarType dtype, at::Device device, std::uint64_t seed);
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const Program& program() const { return program_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }
  at::TensorOptions options() const { return at::TensorOptions().dtype(dtype_).device(device_); }
  std::int64_t inputWidth() const { return program_.inputWidth(); }
  /// Of a row x.
  const Shape& input() const { return program_.input; }
  bool isEnergy() const { return program_.energy >= 0; }
  bool hasOutputs() const { return program_.outputs >= 0; }
  /// Columns of the outputs; ERR_LANGEVIN_UNSUPPORTED where there are none.
  std::int64_t outputWidth() const;
  /// "a classifier energy", "an mlp network": for messages.
  std::string describe() const;

  /// Checks and converts what a caller gave: x [n, d] or [n, ...input] (flat afterwards), y as the condition
  /// demands (undefined allowed where optional).
  Batch rows(const at::Tensor& x, const at::Tensor& y) const;

  /// What rows() does to y, for `rows` rows x.
  at::Tensor conditionsOf(const at::Tensor& y, std::int64_t rows) const;

  /// Outputs [n, k] of one tile, in the calling thread, without a tape left behind.
  at::Tensor outputsOf(const Batch& rows) const;
  /// Over all rows, cut into tiles run by `threads` threads.
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

  /// What a run says of a network it trains to readers on other threads. The run holds the mutex while it changes the
  /// parameters or their average; who reads either during the run holds it, too.
  struct InTraining {
    std::recursive_mutex mutex;    // a step holds it over update and average, which hold it themselves
    bool active = false;           // from the run's first look at the network to its end
    bool averages = false;         // the run keeps an average
    at::Tensor average;            // of the learnable parameters [P]; undefined before the first step
    std::int64_t step = 0;         // steps the parameters have seen
    std::int64_t averageStep = 0;  // steps the average has seen
  };
  InTraining& inTraining() const { return inTraining_; }

  /// Plain evaluation with caller-supplied parameter tensors (leaves of a tape, averaged weights, ...).
  ProgramValues evaluateWith(const std::vector<at::Tensor>& parameters, const Batch& rows,
                             const EvaluationMode& mode) const {
    return evaluate(program_, parameters, constants_, rows, mode);
  }

 protected:
  /// Buffers of the calling thread for the fused executor, whatever network it evaluates.
  static TileWorkspace& workspace();

 private:
  Program program_;
  at::ScalarType dtype_;
  at::Device device_;
  Parameters parameters_;
  std::vector<at::Tensor> constants_;
  std::unique_ptr<TileProgram> tiles_;
  std::shared_ptr<const cuda::CudaTiles> cudaTiles_;
  std::string planReason_;
  mutable InTraining inTraining_;
  mutable std::mutex packMutex_;
  mutable std::shared_ptr<const TileProgram::Packed> packed_;
  struct Spare;
  std::shared_ptr<Spare> spare_;
};

/// ERR_LANGEVIN_DTYPE unless parameters may have this dtype.
void requireParameterDtype(at::ScalarType dtype);

/// Lowers a spec of the family `network` (networks/registry.cpp) and creates the parameters.
NetworkRef makeNetwork(const Spec& spec, at::ScalarType dtype, at::Device device, std::uint64_t seed);

}  // namespace langevin
