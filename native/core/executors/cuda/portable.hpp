// What the device code needs to be plain C++ as well. The kernels are written once: nvcc compiles them for the device,
// and the host tests compile the same source with threads in place of a block's lanes.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define LANGEVIN_HD __host__ __device__ __forceinline__
#define LANGEVIN_PRAGMA(text) _Pragma(#text)
#define LANGEVIN_UNROLL LANGEVIN_PRAGMA(unroll)
#define LANGEVIN_ROLLED LANGEVIN_PRAGMA(unroll 1)
#else
#define LANGEVIN_HD inline
#define LANGEVIN_UNROLL
#define LANGEVIN_ROLLED
#endif

namespace langevin::cuda {

LANGEVIN_HD float floatOf(std::uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}

LANGEVIN_HD std::uint32_t bitsOf(float value) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(value);
#else
  return __builtin_bit_cast(std::uint32_t, value);
#endif
}

// The file is compiled without contraction (-fmad=false): a fused multiply-add is written where one is meant.
LANGEVIN_HD float multiplyAdd(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#else
  return a * b + c;
#endif
}

/// Four floats, moved as one 128-bit word on the device. Addresses are multiples of 16 bytes.
struct alignas(16) Quad {
  float v[4];
};

LANGEVIN_HD Quad load4(const float* from) {
#if defined(__CUDA_ARCH__)
  const float4 f = *reinterpret_cast<const float4*>(from);
  return {{f.x, f.y, f.z, f.w}};
#else
  Quad q;
  std::memcpy(q.v, from, sizeof q.v);
  return q;
#endif
}

/// A read of memory that is not written while the kernel runs.
LANGEVIN_HD float readOnly(const float* from) {
#if defined(__CUDA_ARCH__)
  return __ldg(from);
#else
  return *from;
#endif
}

LANGEVIN_HD bool finite(float value) { return (bitsOf(value) & 0x7F800000u) != 0x7F800000u; }

}  // namespace langevin::cuda
