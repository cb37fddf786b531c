// ising: E(x) = -sum_{i < j} J_ij x_i x_j - sum_i h_i x_i over spins x_i = -1, +1 (Ising 1925), or, with states
// 'binary', over x_i = 0, 1 (a Boltzmann machine without hidden units). J is the symmetric part of the parameter
// "coupling", without its diagonal and, on a lattice, without pairs that are no neighbours.
#include "energies/pairwise.hpp"

namespace langevin {

Program lowerIsing(const Spec& spec) {
  Builder b("ising");
  const at::Tensor pairs = interactions(spec);
  const States states = spec.has("states") ? States::read(spec.at("states")) : States::spin();
  if (states.siteWidth() != 1 || !states.discrete())
    spec.at("states").invalid("an ising energy is over 'spin' or 'binary' states; for more levels use potts");
  return lowerPairwise(b, pairs, couplingOf(spec, pairs, pairs), fieldOf(spec, pairs.size(0), pairs.size(0)), states);
}

}  // namespace langevin
