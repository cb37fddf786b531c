// ising: E(x) = -sum_{i < j} J_ij x_i x_j - sum_i h_i x_i over spins x_i = -1, +1 (Ising 1925), or, with states
// 'binary', over x_i = 0, 1 (a Boltzmann machine without hidden units). J is the symmetric part of the parameter
// "coupling", without its diagonal and, on a lattice, without pairs that are no neighbours.
#include "energies/pairwise.hpp"

namespace langevin {

Program lowerIsing(const Spec& spec) {
  Builder b("ising");
  const at::Tensor pairs = interactions(spec);
  const std::int64_t columns = pairs.size(0);
  const Domain domain =
      spec.has("states") ? Domain::read(spec.at("states"), columns) : Domain::of(Domain::Kind::Spin, columns);
  if (!domain.flips())
    spec.at("states").invalid("an ising energy is over 'spin' or 'binary' states; for more levels use potts");
  return lowerPairwise(b, pairs, couplingOf(spec, pairs, pairs), fieldOf(spec, columns, columns), domain);
}

}  // namespace langevin
