// Energy discrepancy (Schroeder et al. 2023; on discrete and mixed rows 2024): data against what is left of them after
// a perturbation, y ~ q(y | x) once a row, and M candidates x'_j from the law of x given y.
//   loss = mean over rows of log(w / M + (1 / M) sum_j exp(E(x) - E(x'_j)))
// Neither log Z, nor chains, nor dE/dx. With w = 1 the datum and its M negatives are the options of a ranking problem
// given y whose logits are -E, so the minimiser is right for every M and every perturbation; with w = 0 and M ->
// infinity the loss is the energy discrepancy itself, and with few negatives its minimiser is too steep.
#include <cmath>

#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "perturbations/perturbation.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class EnergyDiscrepancy : public Objective {
 public:
  explicit EnergyDiscrepancy(const Spec& spec)
      : perturbation_(perturbationOf(spec)), negatives_(spec.count("negatives", 1, 32)), w_(spec.nonNegative("w", 1)) {}

  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) override {
    const Domain& domain = model.program().domain;
    perturbation_->prepareFor(domain);
    if (!domain.real()) requireStates(domain, data);
  }

  at::Tensor loss(StepContext& context) override {
    const Batch& data = context.batch;
    const std::int64_t n = data.size();
    Batch negatives;
    negatives.x = perturbation_->candidates(data.x, negatives_, static_cast<std::uint64_t>(context.step),
                                            context.random(), context.threads);
    negatives.y = repeated(data.y, negatives_);
    const EnergyPair energy = energiesOf(context, data, negatives);
    context.recordData(energy.data);
    context.recordNegatives(energy.negatives);
    const at::NoGradGuard guard;
    at::Tensor exponents = energy.data - energy.negatives.view({negatives_, n});
    if (w_ > 0) exponents = at::cat({exponents, at::full({1, n}, std::log(w_), exponents.options())});
    const at::Tensor logSum = exponents.logsumexp(0);
    // The share of every negative in its row's sum; the share of w belongs to no row.
    const at::Tensor shares = exponents.slice(0, 0, negatives_).sub(logSum).exp_().mul_(1.0 / static_cast<double>(n));
    return context.lossWithGradients(meanOf(logSum) - std::log(static_cast<double>(negatives_)),
                                     {{energy.data, shares.sum(0)}, {energy.negatives, shares.neg().view({-1})}});
  }

 private:
  /// The one given; `t` is short for Gaussian noise of that variance.
  static std::unique_ptr<Perturbation> perturbationOf(const Spec& spec) {
    if (spec.has("t") == spec.has("perturbation"))
      spec.invalid("give either t, the variance of Gaussian noise, or perturbation");
    if (spec.has("perturbation")) return makePerturbation(spec.at("perturbation"));
    const Value gaussian = Map{{"kind", "gaussian"}, {"t", spec.positive("t")}};
    return makePerturbation(Spec(gaussian, spec.path()));
  }

  std::unique_ptr<Perturbation> perturbation_;
  std::int64_t negatives_;
  double w_;
};

}  // namespace

std::unique_ptr<Objective> makeEnergyDiscrepancy(const Spec& spec) { return std::make_unique<EnergyDiscrepancy>(spec); }

}  // namespace langevin
