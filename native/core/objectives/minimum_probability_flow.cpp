// Minimum probability flow (Sohl-Dickstein, Battaglino and DeWeese 2011) between neighbours: states that differ in
// one site.
//   loss = mean over rows x of sum over neighbours x' of exp((E(x) - E(x')) / 2)
// It needs neither samples of the model nor log Z. Where the data's law is the model's at some parameters and every
// state may occur, they are the minimiser: there exp(-E(x)) exp((E(x) - E(x')) / 2) is the same in both directions. It
// is convex in the parameters of an energy that is linear in them (ising, potts).
#include "objectives/objective.hpp"
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
    neighbours.x = neighboursOf(context.model().program().domain, data.x);
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

 private:
  /// Every row with one site at another level, [(sum over sites of K_s - 1) * n, columns]: the rows run fastest.
  static at::Tensor neighboursOf(const Domain& domain, const at::Tensor& x) {
    at::NoGradGuard guard;
    if (domain.homogeneous()) return neighboursIn(domain.runs()[0], x);
    std::vector<at::Tensor> all;
    for (const ColumnBlock& block : domain.runs()) {
      const at::Tensor part = neighboursIn(block, block.columnsOf(x));
      at::Tensor rows = x.repeat({part.size(0) / x.size(0), 1});
      block.columnsOf(rows).copy_(part);
      all.push_back(std::move(rows));
    }
    return at::cat(all);
  }
  /// The same of the columns of one block.
  static at::Tensor neighboursIn(const ColumnBlock& block, const at::Tensor& x) {
    const std::int64_t n = x.size(0), columns = x.size(1), count = block.sites(), others = block.levels - 1;
    const at::Tensor levels = block.decode(x);  // [n, sites]
    const at::Tensor step = at::arange(1, others + 1, levels.options()).view({others, 1, 1});
    // Rows with all sites moved on; a neighbour has the columns of one site of them.
    const at::Tensor moved = block.encode((levels + step).remainder_(block.levels).view({-1, count}), x.options());
    const at::Tensor mine = at::eye(count, x.options().dtype(at::kBool)).repeat_interleave(block.siteWidth(), 1);
    return at::where(mine.view({count, 1, 1, columns}), moved.view({1, others, n, columns}), x).view({-1, columns});
  }
};

}  // namespace

std::unique_ptr<Objective> makeMinimumProbabilityFlow(const Spec&) {
  return std::make_unique<MinimumProbabilityFlow>();
}

}  // namespace langevin
