// Random numbers made on the device. While the steps of a sampler are being recorded as a CUDA graph their number is
// not a constant but a value on the device: numbers asked for with step s are made with s - base + *onDevice.
#pragma once

#include <cstdint>

#include "tensors/random.hpp"

namespace langevin::cuda {

struct StepCounter {
  const std::int64_t* onDevice = nullptr;  // null: not recording
  std::uint64_t base = 0;
};

/// Of the calling thread.
StepCounter& stepCounter();

/// Normals or uniforms of tensors/random.hpp into a contiguous float32 [rows, cols] on a CUDA device. False, and
/// nothing done, where the kernels are not in the build.
bool fillOnDevice(at::Tensor& out, bool normal, std::uint64_t seed, std::uint64_t firstRow, std::uint64_t step,
                  Stream stream);

}  // namespace langevin::cuda
