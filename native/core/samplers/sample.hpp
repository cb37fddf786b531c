// One sampling run: chains from their start to their last step, and what is kept of them.
#pragma once

#include "samplers/sampler.hpp"

namespace langevin {

enum class Keep { Last, Trajectory, Moments };

struct SampleOptions {
  std::shared_ptr<const Sampler> sampler;
  std::int64_t chains = 0;
  std::int64_t burnIn = 0;  // steps before the first kept draw
  std::int64_t thin = 1;    // every thin-th state after burnIn is a draw
  Keep keep = Keep::Last;
  bool diagnostics = true;  // false: no draws are traced
  std::uint64_t seed = 0;
  std::uint64_t firstStep = 0;  // life-time number of the first step (random numbers are keyed by it)
  int threads = 1;
  std::int64_t draws() const { return (sampler->common().steps - burnIn) / thin; }
};

/// { energy, sampler, chains?, init?, y?, seed?, threads?, burnIn?, thin?, keep?, diagnostics?, resume? } ->
/// { samples [chains, d], energy [chains], trajectory?, trajectoryEnergy?, moments?, state, diagnostics, seconds, traces? }.
/// With `traces` the diagnostics are without what chainStatistics() makes of them (samplers/record.hpp).
/// Throws Code::InvalidOption / Shape on bad options, Code::OutOfMemory before the start when the trajectory cannot
/// fit, Code::NonFinite / Diverged naming chain and step, Code::Aborted.
Value sample(const Spec& arguments, Job& job);

}  // namespace langevin
