// Langevin and MALA as one native loop: every block of chains that fits the cache runs all its steps, without a tensor
// in between. Same formulas and same random numbers as the step-by-step kernels, which stay its twins in the parity
// tests.
#pragma once

#include <functional>

#include "samplers/sampler.hpp"

namespace langevin {

/// What one step does: x' = x - drift g + noise xi, and the temperature of the Metropolis test.
struct LangevinStep {
  double drift, noise, temperature;
};

struct FusedLangevin {
  std::function<LangevinStep(const StepClock&)> at;
  double clip = 0;
  std::optional<Box> box;
  bool adjusted = false;  // Metropolis test
};

/// Null when the energy has no fused executor.
std::unique_ptr<TileExecutor> fuseLangevin(FusedLangevin plan, const Energy& energy);

}  // namespace langevin
