// The kernels and their launches. Everything they compute is in the headers, which the host tests compile as well; here
// is what only a device has: lanes of a warp, barriers of a block, copies past the registers.
#include <cuda_pipeline_primitives.h>
#include <cuda_runtime.h>

#include "executors/cuda/langevin.hpp"
#include "executors/cuda/tile_kernel.hpp"

namespace langevin::cuda {
namespace {

struct DeviceLanes {
  int perRow;

  __device__ __forceinline__ int thread() const { return static_cast<int>(threadIdx.x); }
  __device__ __forceinline__ void sync() const { __syncthreads(); }
  __device__ __forceinline__ void syncRow() const { __syncwarp(); }
  template <class T>
  __device__ __forceinline__ T sumRow(T value) const {
    for (int distance = perRow / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(~0u, value, distance);
    return value;
  }
  /// The largest of the row; NaN when there is one.
  __device__ __forceinline__ float worstRow(float value) const {
    for (int distance = perRow / 2; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(~0u, value, distance);
      value = other > value || other != other ? other : value;
    }
    return value;
  }
  __device__ __forceinline__ bool any(bool value) const { return __syncthreads_or(value) != 0; }
  __device__ __forceinline__ void smallest(unsigned long long* where, unsigned long long key) const {
    atomicMin(where, key);
  }
  __device__ __forceinline__ void copy16(float* to, const float* from) const { __pipeline_memcpy_async(to, from, 16); }
  __device__ __forceinline__ void commit() const { __pipeline_commit(); }
  __device__ __forceinline__ void waitFor(int pending) const {
    if (pending == 0)
      __pipeline_wait_prior(0);
    else
      __pipeline_wait_prior(1);
  }
};

__global__ void __launch_bounds__(kMaxThreads, 1) langevinTiles(const __grid_constant__ Launch launch) {
  extern __shared__ __align__(16) float shared[];
  DeviceLanes lanes{launch.lanes};
  runTile(launch, lanes, shared, static_cast<int>(blockIdx.x));
}

// A thread makes one block of four columns.
__global__ void __launch_bounds__(256)
    langevinRandom(float* out, std::int64_t rows, std::int64_t columns, std::uint64_t seed, std::uint64_t firstRow,
                   std::uint64_t step, const std::int64_t* deviceStep, std::uint32_t stream, bool normal) {
  const std::int64_t blocks = (columns + 3) / 4;
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= rows * blocks) return;
  const std::int64_t row = at / blocks, block = at % blocks;
  if (deviceStep) step += static_cast<std::uint64_t>(*deviceStep);
  const Words words =
      randomWords(seed, firstRow + static_cast<std::uint64_t>(row), step, stream, static_cast<std::uint32_t>(block));
  Quad values;
  if (normal) {
    values = normalsOf(words);
  } else {
    for (int i = 0; i < 4; ++i) values.v[i] = uniformOf(words.w[i]);
  }
  float* to = out + row * columns + 4 * block;
  if (columns % 4 == 0) {
    *reinterpret_cast<float4*>(to) = make_float4(values.v[0], values.v[1], values.v[2], values.v[3]);
    return;
  }
  LANGEVIN_UNROLL
  for (int i = 0; i < 4; ++i)
    if (4 * block + i < columns) to[i] = values.v[i];
}

const char* wordsFor(cudaError_t status) { return status == cudaSuccess ? nullptr : cudaGetErrorString(status); }

}  // namespace

const char* describe(int device, Device& out) {
  if (const char* problem =
          wordsFor(cudaDeviceGetAttribute(&out.sharedBytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device)))
    return problem;
  return wordsFor(cudaDeviceGetAttribute(&out.multiprocessors, cudaDevAttrMultiProcessorCount, device));
}

const char* launchTiles(const Launch& launch, std::int64_t blocks, void* stream) {
  const int bytes = launch.sharedFloats * static_cast<int>(sizeof(float));
  if (const char* problem =
          wordsFor(cudaFuncSetAttribute(langevinTiles, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes)))
    return problem;
  langevinTiles<<<static_cast<unsigned>(blocks), static_cast<unsigned>(launch.threads), static_cast<std::size_t>(bytes),
                  static_cast<cudaStream_t>(stream)>>>(launch);
  return wordsFor(cudaGetLastError());
}

const char* launchRandom(float* out, std::int64_t rows, std::int64_t columns, std::uint64_t seed,
                         std::uint64_t firstRow, std::uint64_t step, const std::int64_t* deviceStep,
                         std::uint32_t randomStream, bool normal, void* stream) {
  const std::int64_t count = rows * ((columns + 3) / 4);
  if (count == 0) return nullptr;
  langevinRandom<<<static_cast<unsigned>((count + 255) / 256), 256, 0, static_cast<cudaStream_t>(stream)>>>(
      out, rows, columns, seed, firstRow, step, deviceStep, randomStream, normal);
  return wordsFor(cudaGetLastError());
}

}  // namespace langevin::cuda
