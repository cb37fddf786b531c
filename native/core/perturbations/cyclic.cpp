// cyclic: the random walk with rate 1 to both neighbours on the ring of a site's K levels, at time t or tBase K^2. The
// law of a step is the same from every level, so one alias table of K numbers draws them all. Of two levels, both
// neighbours are the same one: rate 2. Symmetric.
#include "perturbations/site_moves.hpp"

namespace langevin {
namespace {

class CyclicPerturbation final : public SitePerturbation {
 public:
  explicit CyclicPerturbation(const Spec& spec) : time_(WalkTime::read(spec)) {}

  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    requireWalk(domain, block, "cyclic");
  }

 protected:
  void prepareRuns(const Domain& domain) override { steps_ = {domain, time_, 1}; }
  void perturb(std::int32_t* levels, const std::uint32_t* words) const override {
    for (std::size_t s = 0; s < sites().size(); ++s) {
      const std::int64_t step = steps_.of(sites()[s].run).draw(bitsAt(words + 2 * s));
      levels[s] = static_cast<std::int32_t>((levels[s] + step) % sites()[s].levels);
    }
  }

 private:
  WalkTime time_;
  WalkTables steps_;
};

}  // namespace

std::unique_ptr<Perturbation> makeCyclicPerturbation(const Spec& spec) {
  return std::make_unique<CyclicPerturbation>(spec);
}

}  // namespace langevin
