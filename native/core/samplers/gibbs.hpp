// Pieces of the Gibbs kernels: the order of visits, the loops for pairwise energies.
#pragma once

#include <memory>
#include <vector>

#include "samplers/sampler.hpp"

namespace langevin {

/// The order in which each chain visits its sites in one sweep, int64 [n, sites]: a permutation drawn for the chain, or
/// 0 .. sites - 1.
at::Tensor siteOrder(bool randomOrder, const Random& random, std::int64_t n, std::int64_t sites, std::uint64_t counter,
                     std::uint64_t firstChain);

/// bar[i] = T log(1 / u[i] - 1), in place: of two levels the present one stays where u < 1 / (1 + exp(d)), d the logit of the
/// other less its own, over T: where T d < bar, which needs no exponential in the loop.
void barsOf(double* u, std::int64_t n, double temperature);

/// Which sites of a pairwise energy interact, where not all do (a lattice), and blocks of sites that do not: colours of
/// a greedy colouring in the order of the columns, a checkerboard where the sides are even or open.
struct SiteGraph {
  std::vector<std::int64_t> first;  // [sites + 1]: where the neighbours of each site begin in `other`
  std::vector<std::int64_t> other;
  std::vector<std::int64_t> order;  // all sites, colour after colour
  std::int64_t sites() const { return static_cast<std::int64_t>(order.size()); }
};

/// Null where E is not pairwise, or all its sites interact.
std::shared_ptr<const SiteGraph> siteGraphOf(const Energy& energy);

/// All sweeps of a tile in one native loop over local fields, for energies of the form -x' J x / 2 - h' x; null for
/// others. Same numbers as the step-by-step kernel, which stays its twin in the tests.
std::unique_ptr<TileExecutor> fusePairwiseGibbs(const Sampler& sampler, const Energy& energy, bool randomOrder);

/// The same where all chains visit the sites in one order, that of the columns or that of the colours: what a site asks
/// of its neighbours is a row of all chains at once.
std::unique_ptr<TileExecutor> fuseLatticeGibbs(const Sampler& sampler, const Energy& energy,
                                               std::shared_ptr<const SiteGraph> graph, bool byColour);

/// Sweeps over sites of two levels of any energy with fused kernels, and over the layers of one with binary hidden units; null
/// for others.
std::unique_ptr<TileExecutor> fuseSweeps(const Sampler& sampler, const FuseTarget& target, bool randomOrder);
std::unique_ptr<TileExecutor> fuseLayers(const Sampler& sampler, const Energy& energy);

}  // namespace langevin
