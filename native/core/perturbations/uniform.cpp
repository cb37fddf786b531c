// uniform: at time t of the rate matrix 1 1' / K - I a site keeps its level with probability e^-t and is else drawn
// anew from all K, its own among them. Symmetric.
#include <algorithm>
#include <cmath>

#include "perturbations/site_moves.hpp"

namespace langevin {
namespace {

class UniformPerturbation final : public SitePerturbation {
 public:
  explicit UniformPerturbation(const Spec& spec) : keep_(std::exp(-spec.positive("t"))) {}

  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    requireMoves(domain, block, Kinds::discrete(), "uniform draws levels anew", "");
  }

 protected:
  void perturb(std::int32_t* levels, const std::uint32_t* words) const override {
    const std::uint64_t keep = threshold(keep_);
    for (std::size_t s = 0; s < sites().size(); ++s) {
      const std::uint64_t bits = bitsAt(words + 2 * s);
      // Below, the share of the bits beyond keep is even again.
      if (bits < keep) continue;
      const double u = (static_cast<double>(bits - keep) + 0.5) / (static_cast<double>(~keep) + 1);
      const auto level = static_cast<std::int64_t>(u * static_cast<double>(sites()[s].levels));
      levels[s] = static_cast<std::int32_t>(std::min(level, sites()[s].levels - 1));
    }
  }

 private:
  double keep_;
};

}  // namespace

std::unique_ptr<Perturbation> makeUniformPerturbation(const Spec& spec) {
  return std::make_unique<UniformPerturbation>(spec);
}

}  // namespace langevin
