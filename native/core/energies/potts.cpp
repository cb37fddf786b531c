// potts: E(x) = -sum_{i < j} J_ij[a_i][a_j] - sum_i h_i[a_i] for sites with a level a_i of 0 .. K - 1 each (Potts 1952;
// with a free matrix J_ij a pair: the general pairwise model). x holds the levels as one-hot blocks of K columns, so
// that E(x) = -x' J x / 2 - h' x. A number J as coupling favours equal neighbours: J_ij[a][b] = J where a = b.
#include "energies/pairwise.hpp"

namespace langevin {

Program lowerPotts(const Spec& spec) {
  Builder b("potts");
  const std::int64_t levels = spec.count("levels", 2);
  const at::Tensor pairs = interactions(spec, levels);
  const at::Tensor mask = at::kron(pairs, at::ones({levels, levels}, at::kDouble));
  const at::Tensor equal = at::kron(pairs, at::eye(levels, at::kDouble));
  return lowerPairwise(b, mask, couplingOf(spec, mask, equal), fieldOf(spec, mask.size(0), levels),
                       Domain::of(Domain::Kind::Categorical, mask.size(0), levels));
}

}  // namespace langevin
