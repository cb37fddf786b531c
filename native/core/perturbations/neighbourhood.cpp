// neighbourhood: one site, every one as likely, moves to another of its levels, for y and again for x'; with bits, one
// is flipped ("ED-Grid" of binary images). A row of d sites comes back as it was with probability sum_s 1 / (K_s - 1) /
// d^2, 1 / d for bits. Symmetric: q(y | x) = 1 / (d (K_s - 1)) both ways.
#include "perturbations/site_moves.hpp"

namespace langevin {
namespace {

class NeighbourhoodPerturbation final : public SitePerturbation {
 public:
  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    requireMoves(domain, block, Kinds::discrete(), "neighbourhood moves one site to another level", "");
  }

 protected:
  std::int64_t words() const override { return 4; }
  void perturb(std::int32_t* levels, const std::uint32_t* words) const override {
    const auto s = static_cast<std::size_t>(pick(bitsAt(words), static_cast<std::int64_t>(sites().size())));
    const std::int64_t count = sites()[s].levels, by = 1 + pick(bitsAt(words + 2), count - 1);
    levels[s] = static_cast<std::int32_t>((levels[s] + by) % count);
  }
};

}  // namespace

std::unique_ptr<Perturbation> makeNeighbourhoodPerturbation(const Spec&) {
  return std::make_unique<NeighbourhoodPerturbation>();
}

}  // namespace langevin
