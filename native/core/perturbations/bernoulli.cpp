// bernoulli: every bit or spin is flipped with probability epsilon, for y and again for x'. The uniform kernel of two
// levels with epsilon = (1 - e^-t) / 2. Symmetric.
#include "perturbations/site_moves.hpp"

namespace langevin {
namespace {

class BernoulliPerturbation final : public SitePerturbation {
 public:
  explicit BernoulliPerturbation(const Spec& spec) : flip_(threshold(spec.positive("epsilon"))) {
    if (spec.number("epsilon") > 0.5) spec.at("epsilon").invalid("must be at most 0.5");
  }

  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    requireMoves(domain, block, {Domain::Kind::Binary, Domain::Kind::Spin}, "bernoulli flips bits and spins",
                 "perturbations.uniform or structured");
  }

 protected:
  void perturb(std::int32_t* levels, const std::uint32_t* words) const override {
    for (std::size_t s = 0; s < sites().size(); ++s) levels[s] ^= bitsAt(words + 2 * s) < flip_ ? 1 : 0;
  }

 private:
  std::uint64_t flip_;
};

}  // namespace

std::unique_ptr<Perturbation> makeBernoulliPerturbation(const Spec& spec) {
  return std::make_unique<BernoulliPerturbation>(spec);
}

}  // namespace langevin
