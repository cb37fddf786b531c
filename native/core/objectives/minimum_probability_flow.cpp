// Minimum probability flow (Sohl-Dickstein, Battaglino and DeWeese 2011) between neighbours: states that differ in
// one site.
//   loss = mean over rows x of sum over neighbours x' of exp((E(x) - E(x')) / 2)
// It needs neither samples of the model nor log Z. Where the data's law is the model's at some parameters and every
// state may occur, they are the minimiser: there exp(-E(x)) exp((E(x) - E(x')) / 2) is the same in both directions. It
// is convex in the parameters of an energy that is linear in them (ising, potts).
#include "objectives/neighbours.hpp"
#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class MinimumProbabilityFlow : public Objective {
 public:
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) override {
    model.program().domain.require(Kinds::discrete(), "minimumProbabilityFlow compares states that differ in one site",
                                   "score matching, noiseContrastive or contrastiveDivergence");
    requireStates(model.program().domain, data);
  }

  at::Tensor loss(StepContext& context) override {
    const Batch& data = context.batch;
    const std::int64_t n = data.size();
    Batch neighbours;
    neighbours.x = neighboursOf(context.model().program().domain, data.x).x;
    const std::int64_t count = neighbours.size() / n;
    if (data.y.defined()) neighbours.y = at::cat(std::vector<at::Tensor>(static_cast<std::size_t>(count), data.y));
    const EnergyPair energy = energiesOf(context, data, neighbours);
    context.recordData(energy.data);
    context.recordNegatives(energy.negatives);
    const at::NoGradGuard guard;
    at::Tensor flows = (energy.data - energy.negatives.view({count, n})).mul_(0.5).exp_();
    const at::Tensor outward = flows.sum(0);
    const double half = 0.5 / static_cast<double>(n);
    return context.lossWithGradients(meanOf(outward),
                                     {{energy.data, outward * half}, {energy.negatives, flows.mul_(-half).view({-1})}});
  }
};

}  // namespace

std::unique_ptr<Objective> makeMinimumProbabilityFlow(const Spec&) {
  return std::make_unique<MinimumProbabilityFlow>();
}

}  // namespace langevin
