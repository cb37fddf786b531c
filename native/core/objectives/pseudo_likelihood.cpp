// Pseudo-likelihood (Besag 1975): the probability of every discrete variable given the rest of its row,
//   loss = mean over rows x of sum over sites s of -log p(x_s | x_-s) = log(1 + sum_k exp(E(x) - E(x^(s -> k))))
// over the other levels k of s. The sum over levels replaces log Z, so it is exact; consistent, as the conditionals of
// a law determine it. With real columns: p(discrete | real), of whose law it learns nothing.
#include "objectives/neighbours.hpp"

namespace langevin {
namespace {

class PseudoLikelihood final : public NeighbourObjective {
 public:
  using NeighbourObjective::NeighbourObjective;

 protected:
  std::string what() const override { return "pseudoLikelihood compares the levels of a column"; }
  at::Tensor inPlace(at::Tensor& v) const override {
    const at::Tensor own = at::zeros({v.size(0), 1, v.size(2)}, v.options());
    const at::Tensor value = at::cat({own, v}, 1).logsumexp(1);
    v.sub_(value.unsqueeze(1)).exp_();
    return value;
  }
};

}  // namespace

std::unique_ptr<Objective> makePseudoLikelihood(const Spec& spec) { return std::make_unique<PseudoLikelihood>(spec); }

}  // namespace langevin
