// ordinal: the random walk with rate 1 to both neighbours on the path of a site's K levels, reflected at its ends, at
// time t or tBase K^2. It is the walk on the ring of 2 K levels with a and 2 K - 1 - a seen as one (the cosines of the
// ring that are even about -1/2 are the vectors of the DCT-II), so a step is one of that ring, folded: one alias table
// of 2 K numbers. Symmetric.
#include <algorithm>

#include "perturbations/site_moves.hpp"

namespace langevin {
namespace {

class OrdinalPerturbation final : public SitePerturbation {
 public:
  explicit OrdinalPerturbation(const Spec& spec) : time_(WalkTime::read(spec)) {}

  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    requireWalk(domain, block, "ordinal");
  }

 protected:
  void prepareRuns(const Domain& domain) override { steps_ = {domain, time_, 2}; }
  void perturb(std::int32_t* levels, const std::uint32_t* words) const override {
    for (std::size_t s = 0; s < sites().size(); ++s) {
      const std::int64_t around = 2 * sites()[s].levels;
      const std::int64_t place = (levels[s] + steps_.of(sites()[s].run).draw(bitsAt(words + 2 * s))) % around;
      levels[s] = static_cast<std::int32_t>(std::min(place, around - 1 - place));
    }
  }

 private:
  WalkTime time_;
  WalkTables steps_;
};

}  // namespace

std::unique_ptr<Perturbation> makeOrdinalPerturbation(const Spec& spec) {
  return std::make_unique<OrdinalPerturbation>(spec);
}

}  // namespace langevin
