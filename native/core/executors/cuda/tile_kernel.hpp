// The interface to the device: plain C++ here, the kernels on the other side (tile_kernel.cu). No Torch, no CUDA header.
#pragma once

#include <cstddef>
#include <cstdint>

#include "executors/cuda/instructions.hpp"

namespace langevin::cuda {

struct Device {
  int sharedBytes = 0;  // a block may have, after opting in
  int multiprocessors = 1;
};

// Each returns null, or CUDA's words for what went wrong. `stream` is a cudaStream_t.
const char* describe(int device, Device& out);
const char* launchTiles(const Launch& launch, std::int64_t blocks, void* stream);
/// out[r, c]: the normals (or uniforms) of tensors/random.hpp; the step number is `step` plus,
/// where given, *deviceStep.
const char* launchRandom(float* out, std::int64_t rows, std::int64_t columns, std::uint64_t seed,
                         std::uint64_t firstRow, std::uint64_t step, const std::int64_t* deviceStep,
                         std::uint32_t randomStream, bool normal, void* stream);

}  // namespace langevin::cuda
