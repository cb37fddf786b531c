#pragma once

#include "evaluation/annealing.hpp"

namespace langevin {

/// The ladder and the moves of a run: as the options give them, what is left open found on `pilotChains` chains.
/// Code::Unsupported when an adaptive ladder needs more than `temperatures` rungs.
AnnealingPlan annealingPlan(const AnnealingPath& path, const AnnealedOptions& options, const at::Tensor& y, int threads,
                            Job& job);

}  // namespace langevin
