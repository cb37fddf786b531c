// What a layer of a chain does between its products when an objective asks for scores and curvatures, a loop each:
// derivatives of its activation, tangents, adjoints. Compiled once per instruction set (isa/jet_kernels.cpp). Plain
// arrays of float32, no Torch. gradients/score_chain.hpp has the mathematics and the letters.
#pragma once

#include "kernels/tile_kernels.hpp"

namespace langevin {

/// A hidden layer. Arrays are [rows, width], those of directions [directions, rows, width].
struct JetLayer {
  std::int64_t rows = 0, width = 0, directions = 0;
  float *slope = nullptr, *second = nullptr, *third = nullptr;  // f'(z), f''(z), f'''(z)
  float* tangents = nullptr;                                    // z'; after reverse() their adjoints
  float* sums = nullptr;                                        // z, then y; after reverse() the adjoint of z
  const float* adjoint = nullptr;                               // dE/da
  std::int64_t adjointStride = 0;                               // between its rows; 0: one for all
  float* product = nullptr;                                     // dE/dz
};

/// A number for each row and direction, `stride` apart from row to row.
template <class T>
struct PerDirection {
  T* data;
  std::int64_t stride;
};

struct JetKernels {
  const char* name;
  /// From z and z': the derivatives of f, and where they are given a = f(z) and a' = f'(z) z'. False for an f without
  /// derivatives here.
  bool (*values)(Unary f, const JetLayer& layer, float* value, float* tangents);
  /// dE/dz = dE/da f'(z); adds dE/da . f''(z) z'^2 to the curvatures.
  void (*products)(const JetLayer& layer, PerDirection<float> curvature);
  /// b = f'(z) y + f''(z) sum_k c_k z'_k^2
  void (*curve)(const JetLayer& layer, PerDirection<const float> c, float* b);
  /// Adjoints of z' and z, in their places, from those of a' and a (`above`: [directions + 1, rows, width], a last);
  /// adds the sum over rows of the adjoint of z to `bias`. Without `above` the layer is the last: adds the sum of b to
  /// `top`. Either gradient may be null.
  void (*reverse)(const JetLayer& layer, PerDirection<const float> c, const float* above, float* bias, float* top);
};

/// Of the same instruction set as tileKernels().
const JetKernels& jetKernels();
/// Every table this processor can run, the lowest first.
std::vector<const JetKernels*> runnableJetKernels();

}  // namespace langevin
