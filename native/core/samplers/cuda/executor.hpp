// Samplers whose steps run in the CUDA kernel, or as a recorded CUDA graph.
#pragma once

#include <memory>

#include "executors/cuda/tiles.hpp"
#include "samplers/fused.hpp"

namespace langevin::cuda {

/// All steps of all chains in the kernel; null when the energy has no CUDA form.
std::unique_ptr<TileExecutor> fuseLangevin(FusedLangevin plan, const Energy& energy);

/// Steps of plain ATen recorded once as a CUDA graph and replayed; null off CUDA and for samplers whose steps differ.
std::unique_ptr<TileExecutor> recordSteps(const Sampler& sampler, const Target& target);

}  // namespace langevin::cuda
