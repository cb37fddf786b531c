// A program with its parameters and its executors: outputs of some rows. An energy is a network whose program has a
// scalar output that is read as E (energies/energy.hpp).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"
#include "networks/packed_program.hpp"
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

  /// The fused executor in numbers T, or null with the reason in planReason(): parameters of T (float32 or float64) on
  /// the CPU and every operation covered.
  template <class T>
  const TileProgramOf<T>* tiles() const {
    const auto* own = std::get_if<std::unique_ptr<PackedProgram<T>>>(&fused_);
    return own && *own ? &(*own)->program() : nullptr;
  }
  /// Calls use(tiles) with the fused executor, whatever its numbers; false: there is none, and nothing was called.
  template <class Use>
  bool withTiles(Use use) const {
    return std::visit(
        [&](const auto& own) {
          if (own) use(own->program());
          return own != nullptr;
        },
        fused_);
  }
  bool isFused() const {
    return withTiles([](const auto&) {});
  }
  const std::string& planReason() const { return planReason_; }
  /// The same for the CUDA kernel: float32 on a CUDA device, every operation covered, kernels in the build.
  const cuda::CudaTiles* cudaTiles() const { return cudaTiles_.get(); }
  const std::vector<at::Tensor>& constants() const { return constants_; }
  /// Weights as the fused executor wants them, current with the parameters; only where tiles<T>().
  template <class T>
  std::shared_ptr<const PackedOf<T>> packed(Precision precision = Precision::Float32) const {
    return std::get<std::unique_ptr<PackedProgram<T>>>(fused_)->packed(parameters_, precision);
  }
  /// Pointers into contiguous rows of T for the fused executor.
  template <class T>
  static TileInputOf<T> tileInput(const Batch& rows) {
    TileInputOf<T> in;
    in.rows = rows.size();
    in.x = rows.x.const_data_ptr<T>();
    if (rows.y.defined() && rows.y.scalar_type() == at::kLong)
      in.labels = rows.y.const_data_ptr<std::int64_t>();
    else if (rows.y.defined())
      in.y = rows.y.const_data_ptr<T>();
    return in;
  }

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
  template <class T>
  void compileTiles();

  Program program_;
  at::ScalarType dtype_;
  at::Device device_;
  Parameters parameters_;
  std::vector<at::Tensor> constants_;
  std::variant<std::unique_ptr<PackedProgram<float>>, std::unique_ptr<PackedProgram<double>>> fused_;
  std::shared_ptr<const cuda::CudaTiles> cudaTiles_;
  std::string planReason_;
  mutable InTraining inTraining_;
};

/// ERR_LANGEVIN_DTYPE unless parameters may have this dtype.
void requireParameterDtype(at::ScalarType dtype);

/// Lowers a spec of the family `network` (networks/registry.cpp) and creates the parameters.
NetworkRef makeNetwork(const Spec& spec, at::ScalarType dtype, at::Device device, std::uint64_t seed);

}  // namespace langevin
