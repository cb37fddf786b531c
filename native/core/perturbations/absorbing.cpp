// absorbing: sites are masked, and candidates fill the masks with levels drawn evenly; the rest of the row stays. `t`:
// each site by itself, with probability 1 - e^-t (rate 1 to the mask). `grid`: exactly one site a row, every one as
// likely, the same for all its candidates. Given y, all ways to fill it are equally likely to have become it, so the
// even law is the one normalised over x'.
#include <cmath>

#include "perturbations/site_moves.hpp"

namespace langevin {
namespace {

class AbsorbingPerturbation final : public SitePerturbation {
 public:
  explicit AbsorbingPerturbation(const Spec& spec) : grid_(spec.boolean("grid", false)) {
    if (spec.has("t") == grid_) spec.invalid("give either t, a time, or grid: true, which masks one site a row");
    if (!grid_) stay_ = threshold(std::exp(-spec.positive("t")));
  }

  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    requireMoves(domain, block, Kinds::discrete(), "absorbing masks levels", "");
  }

 protected:
  void perturb(std::int32_t* levels, const std::uint32_t* words) const override {
    if (grid_) {
      levels[pick(bitsAt(words), static_cast<std::int64_t>(sites().size()))] = kMasked;
      return;
    }
    for (std::size_t s = 0; s < sites().size(); ++s)
      if (bitsAt(words + 2 * s) >= stay_) levels[s] = kMasked;
  }
  void restore(std::int32_t* levels, const std::uint32_t* words) const override {
    for (std::size_t s = 0; s < sites().size(); ++s)
      if (levels[s] == kMasked) levels[s] = static_cast<std::int32_t>(pick(bitsAt(words + 2 * s), sites()[s].levels));
  }

 private:
  bool grid_;
  std::uint64_t stay_ = 0;
};

}  // namespace

std::unique_ptr<Perturbation> makeAbsorbingPerturbation(const Spec& spec) {
  return std::make_unique<AbsorbingPerturbation>(spec);
}

}  // namespace langevin
