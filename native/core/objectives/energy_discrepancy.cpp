// Energy discrepancy with a Gaussian perturbation of variance t (Schroeder et al. 2023): one y a row, M
// negatives from y.
//   y = x + sqrt(t) e,  x'_j = y + sqrt(t) e_j
//   loss = mean over rows of log(w / M + (1 / M) sum_j exp(E(x) - E(x'_j)))
// Neither log Z, nor chains, nor dE/dx. With w = 1 the datum and its M negatives are the options of a ranking problem
// given y whose logits are -E, so the minimiser is right for every M and t; with w = 0 and M -> infinity the loss is
// the energy discrepancy itself, and with few negatives its minimiser is too steep.
#include <cmath>

#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class EnergyDiscrepancy : public Objective {
 public:
  explicit EnergyDiscrepancy(const Spec& spec)
      : deviation_(std::sqrt(spec.positive("t"))),
        negatives_(spec.count("negatives", 1, 32)),
        w_(spec.nonNegative("w", 1)) {}

  void prepare(Energy& model, const RowSource&, const at::Tensor&, const Random&) override {
    requireRealRows(model, "energyDiscrepancy adds Gaussian noise to x");
  }

  at::Tensor loss(StepContext& context) override {
    const Batch& data = context.batch;
    const std::int64_t n = data.size(), d = data.x.size(1);
    const auto step = static_cast<std::uint64_t>(context.step);
    const Random& random = context.random();
    // One y for all negatives of a row: with one y each the minimiser is another.
    const at::Tensor y = data.x + deviation_ * random.normal(n, d, step, Stream::Corrupt, data.x.options());
    Batch negatives;
    negatives.x = repeated(y, negatives_) +
                  deviation_ * random.normal(n * negatives_, d, step, Stream::NoiseSample, data.x.options());
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
  double deviation_;
  std::int64_t negatives_;
  double w_;
};

}  // namespace

std::unique_ptr<Objective> makeEnergyDiscrepancy(const Spec& spec) { return std::make_unique<EnergyDiscrepancy>(spec); }

}  // namespace langevin
