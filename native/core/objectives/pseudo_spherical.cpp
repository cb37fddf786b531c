// Pseudo-spherical contrastive divergence (Yu, Song, Song and Ermon 2021): maximises the gamma-score
//   (1 / gamma) log E_data exp(-gamma E) - (1 / (gamma + 1)) log of the integral of exp(-(gamma + 1) E)
// which needs no Z, for it does not change when a constant is added to E. As a loss with chains x- of the model's law:
//   -(1 / gamma) logmeanexp(-gamma E(x)) - sum_j w_j E(x_j-),  w = softmax(-gamma E(x-)), w not differentiated
// Relative to contrastive divergence both sides are self-normalised importance weights exp(-gamma E). On the data's
// side they come from differentiating the softmax; on the model's side w is a constant, for there the softmax itself
// would give the gradient of another function. gamma > 0 gives high-energy rows less weight (robust, mode-seeking),
// gamma < 0 more (mass-covering). At gamma = 0 both are the means: persistent contrastive divergence.
#include <cmath>

#include "objectives/from_parts.hpp"
#include "objectives/monitor_table.hpp"
#include "objectives/persistent_chains.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

// 1 / sum w^2: how many equally weighted rows have the variance of these.
double effectiveSize(const at::Tensor& weights) { return 1.0 / weights.square().sum().item<double>(); }

class PseudoSpherical : public Objective {
 public:
  PseudoSpherical(double gamma, PersistentChains chains) : gamma_(gamma), chains_(std::move(chains)) {}

  Traits traits() const override { return {.negativesOfModel = true}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random& random) override {
    chains_.prepare(model, data, random);
  }

  at::Tensor loss(StepContext& context) override {
    const EnergyPair energy = energiesOf(context, context.batch, chains_.advance(context));
    context.recordData(energy.data);
    context.recordNegatives(energy.negatives);
    // In float64: divided by a small gamma, the rounding of a logarithm near 0 would be the loss.
    const at::NoGradGuard guard;
    const at::Tensor data = energy.data.to(at::kDouble), negatives = energy.negatives.to(at::kDouble);
    const at::Tensor onData = (-gamma_ * data).softmax(0), onNegatives = (-gamma_ * negatives).softmax(0);
    monitorWeights(context, onData, onNegatives);
    const double loss = dataTerm(data).item<double>() - at::dot(onNegatives, negatives).item<double>();
    return context.lossWithGradients(loss, {{energy.data, onData.to(energy.data.scalar_type())},
                                            {energy.negatives, onNegatives.neg().to(energy.data.scalar_type())}});
  }

  void restartChains(const Random& random) override { chains_.restart(random); }
  std::map<std::string, at::Tensor> state() const override { return chains_.state(); }
  void setState(const std::map<std::string, at::Tensor>& state) override { chains_.setState(state); }
  Map statistics() const override { return chains_.statistics(); }

 private:
  at::Tensor dataTerm(const at::Tensor& energy) const {
    if (gamma_ == 0) return energy.mean();
    const double logCount = std::log(static_cast<double>(energy.size(0)));
    return -((-gamma_ * energy).logsumexp(0) - logCount) / gamma_;
  }

  // A large spread of energies leaves the weights with one row, and the gradient with its noise.
  void monitorWeights(StepContext& context, const at::Tensor& data, const at::Tensor& weights) {
    const double negatives = effectiveSize(weights);
    context.monitor("effectiveNegatives", negatives);
    context.monitor("effectiveData", effectiveSize(data));
    if (weights.size(0) >= 4 && monitorNamed("effectiveNegatives").passed(negatives))
      context.warn("effectiveNegatives", negatives);
  }

  double gamma_;
  PersistentChains chains_;
};

double readGamma(const Spec& spec) {
  const double gamma = spec.number("gamma");
  if (!(gamma > -1)) spec.at("gamma").invalid("must be above -1, got " + std::to_string(gamma));
  return gamma;
}

}  // namespace

std::unique_ptr<Objective> makePseudoSpherical(double gamma, PersistentChains chains) {
  return std::make_unique<PseudoSpherical>(gamma, std::move(chains));
}

std::unique_ptr<Objective> makePseudoSpherical(const Spec& spec) {
  return makePseudoSpherical(readGamma(spec), PersistentChains(spec));
}

}  // namespace langevin
