// Pieces of the Gibbs kernels: the order of visits, the loop for pairwise energies.
#pragma once

#include "samplers/sampler.hpp"

namespace langevin {

/// The order in which each chain visits its sites in one sweep, int64 [n, sites]: a permutation drawn for the chain, or
/// 0 .. sites - 1.
at::Tensor siteOrder(bool randomOrder, const Random& random, std::int64_t n, std::int64_t sites, std::uint64_t counter,
                     std::uint64_t firstChain);

/// All sweeps of a tile in one native loop over local fields, for energies of the form -x' J x / 2 - h' x; null for
/// others. Same numbers as the step-by-step kernel, which stays its twin in the tests.
std::unique_ptr<TileExecutor> fusePairwiseGibbs(const Sampler& sampler, const Energy& energy, bool randomOrder);

}  // namespace langevin
