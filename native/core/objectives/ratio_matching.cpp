// Ratio matching (Hyvarinen 2007): how likely a row is beside each of the rows that differ from it in one site,
//   loss = mean over rows x of sum over neighbours x' of g(p(x) / p(x'))^2,  g(u) = 1 / (1 + u) = 1 / (1 + exp(E(x') - E(x)))
// For bits the published loss; for more levels the same of every pair of levels of a site, which is consistent for the
// same reason: of two rows with data weights a and b, a g^2 + b (1 - g)^2 is least where g = b / (a + b). Ratios are
// squared after g, so it never blows up as minimum probability flow may.
#include "objectives/neighbours.hpp"

namespace langevin {
namespace {

class RatioMatching final : public NeighbourObjective {
 public:
  using NeighbourObjective::NeighbourObjective;

 protected:
  std::string what() const override { return "ratioMatching compares states that differ in one site"; }
  at::Tensor inPlace(at::Tensor& v) const override {
    const at::Tensor g = v.sigmoid();
    const at::Tensor square = g.square();
    v = square * (1 - g) * 2;
    return square.sum(1);
  }
};

}  // namespace

std::unique_ptr<Objective> makeRatioMatching(const Spec& spec) { return std::make_unique<RatioMatching>(spec); }

}  // namespace langevin
