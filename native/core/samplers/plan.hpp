// Who runs the steps of a sampler, and on what: the one place in samplers/ that knows of devices and executors. A
// sampler says what it can offer (Traits::steady, Sampler::fuse); what becomes of it is decided here.
#pragma once

#include "samplers/fused.hpp"

namespace langevin {

/// True for energies with fused tiles on the CPU: a sampler made of other samplers then runs each by its own executor
/// (annealedLangevin, parallelTempering).
bool hasFusedTiles(const Energy& energy);
/// True where a loop of a sampler's own over the energy's parameters may run in place of its steps.
bool runsOwnLoops(const Energy& energy);

/// Langevin, or MALA where the sampler is adjusted, by whichever fused executor there is for the energy; or null.
std::unique_ptr<TileExecutor> fuseLangevin(const Sampler& sampler, const FuseTarget& target, LangevinStepAt at);

/// Threads over tiles of these chains.
int threadsFor(const Chains& chains, int threads);

}  // namespace langevin
