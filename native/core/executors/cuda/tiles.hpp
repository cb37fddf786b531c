// The CUDA executor as the rest of the core sees it. Everything here exists in every build; without CUDA nothing is
// fused, and the reason says so.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executors/cuda/program.hpp"
#include "executors/cuda/tile_kernel.hpp"

namespace langevin::cuda {

/// True when the kernels were compiled in (LANGEVIN_CUDA).
bool compiled();

/// An energy on a CUDA device, ready for the kernel.
class CudaTiles {
 public:
  /// Null, with the reason. Keeps a reference to the program.
  static std::shared_ptr<const CudaTiles> compile(const Program& program, at::Device device, std::string& reason);

  /// The numbers of the program it was compiled from.
  struct Weights {
    const Program& program;
    const Parameters& parameters;
    const std::vector<at::Tensor>& constants;  // in the model's dtype, on the device
  };

  /// E and dE/dx of any number of rows, float32 on the device.
  EnergyAndGradient energyAndGradient(const Weights& weights, const Batch& rows) const;

  /// A launch for these rows but for what it is to do: arena, layout, pointers to `x`, `e` and `gradient` (all
  /// contiguous). `keep` holds what the launch points to.
  Launch prepare(const Weights& weights, const Batch& rows, const at::Tensor& e, const at::Tensor& gradient,
                 std::vector<at::Tensor>& keep) const;

 private:
  CudaTiles(std::unique_ptr<CudaProgram> program, Device device) : program_(std::move(program)), device_(device) {}
  at::Tensor arena(const Weights& weights, bool conditioned) const;

  std::unique_ptr<CudaProgram> program_;
  Device device_;
  struct Packed {
    at::Tensor arena;
    std::uint64_t version = 0;
  };
  mutable std::mutex mutex_;
  mutable Packed packed_[2];  // without and with a condition
};

#if LANGEVIN_CUDA
/// Throws Code::Device when `problem` is given: "CUDA could not <what>: <problem>".
void require(const char* problem, const char* what);
void* streamOf(const at::Tensor& t);
std::int64_t blocksOf(const Launch& launch);
/// Where a launch reports the first row that is not finite: at first none.
at::Tensor nothingLost(const at::Tensor& like);
#endif

}  // namespace langevin::cuda
