// What the rest of the core sees of CUDA. Everything here exists in every build; without CUDA nothing is fused, and the
// reason says so.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "kernels/cuda/program.hpp"
#include "kernels/cuda/tile_kernel.hpp"
#include "samplers/fused.hpp"

namespace langevin::cuda {

/// True when the kernels were compiled in (LANGEVIN_CUDA).
bool compiled();

/// An energy on a CUDA device, ready for the kernel.
class CudaTiles {
 public:
  /// Null, with the reason. Keeps a reference to the program.
  static std::shared_ptr<const CudaTiles> compile(const Program& program, at::Device device, std::string& reason);

  /// E and dE/dx of any number of rows, float32 on the device.
  EnergyAndGradient energyAndGradient(const Energy& energy, const Rows& rows) const;

  /// A launch for these rows but for what it is to do: arena, layout, pointers to `x`, `e` and `gradient` (all
  /// contiguous). `keep` holds what the launch points to.
  Launch prepare(const Energy& energy, const Rows& rows, const at::Tensor& e, const at::Tensor& gradient,
                 std::vector<at::Tensor>& keep) const;

 private:
  CudaTiles(std::unique_ptr<CudaProgram> program, Device device) : program_(std::move(program)), device_(device) {}
  at::Tensor arena(const Energy& energy, bool conditioned) const;

  std::unique_ptr<CudaProgram> program_;
  Device device_;
  struct Packed {
    at::Tensor arena;
    std::uint64_t version = 0;
  };
  mutable std::mutex mutex_;
  mutable Packed packed_[2];  // without and with a condition
};

/// All steps of all chains in the kernel; null when the energy has no CUDA form.
std::unique_ptr<TileExecutor> fuseLangevin(FusedLangevin plan, const Energy& energy);

/// Steps of plain ATen recorded once as a CUDA graph and replayed; null off CUDA and for samplers whose steps differ.
std::unique_ptr<TileExecutor> recordSteps(const Sampler& sampler, const Energy& energy);

}  // namespace langevin::cuda
