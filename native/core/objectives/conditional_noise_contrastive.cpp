// Conditional noise-contrastive estimation (Ceylan and Gutmann 2018, eq. 8): which of two rows is the datum and which
// its perturbation x' = x + sigma e. The perturbation is symmetric, so neither its density nor log Z appears:
//   loss = 2 mean over rows and perturbations of softplus(E(x) - E(x'))
// For sigma -> 0 it is 2 log 2 + sigma^2 / 2 times the loss of explicit score matching.
#include "objectives/logistic.hpp"
#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "tensors/columns.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class ConditionalNoiseContrastive : public Objective {
 public:
  explicit ConditionalNoiseContrastive(const Spec& spec)
      : sigmaNumbers_(numberOrList(spec, "sigma")), negatives_(spec.count("negatives", 1, 1)) {
    for (double s : sigmaNumbers_)
      if (!(s > 0)) spec.at("sigma").invalid("must be greater than 0");
  }

  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) override {
    requireRealRows(model, "conditionalNoiseContrastive adds Gaussian noise to x");
    sigma_ = perColumn(sigmaNumbers_, data.none(), "sigma");
  }

  at::Tensor loss(StepContext& context) override {
    const Batch& data = context.batch;
    const std::int64_t n = data.size();
    const at::Tensor noise =
        context.random().normal(n * negatives_, data.x.size(1), static_cast<std::uint64_t>(context.step),
                                Stream::NoiseSample, data.x.options());
    Batch negatives;
    negatives.x = repeated(data.x, negatives_) + sigma_ * noise;
    negatives.y = repeated(data.y, negatives_);
    const EnergyPair energy = energiesOf(context, data, negatives);
    context.recordData(energy.data);
    context.recordNegatives(energy.negatives);
    const std::vector<double> energies = numbersOf(energy.data);
    std::vector<double> onData(energies.size()), onNegatives = numbersOf(energy.negatives);
    const auto rows = static_cast<std::size_t>(n);
    const auto pairs = static_cast<double>(onNegatives.size());
    double loss = 0, right = 0;
    for (std::size_t i = 0; i < onNegatives.size(); ++i) {
      const double difference = energies[i % rows] - onNegatives[i];
      const Softplus f = softplus(difference);
      loss += 2 * f.value / pairs;
      right += (difference < 0 ? 1 : 0) / pairs;
      onNegatives[i] = -2 * f.slope / pairs;
      onData[i % rows] -= onNegatives[i];
    }
    context.monitor("accuracy", right);
    return context.lossWithGradients(loss, {{energy.data, tensorOf(onData, energy.data)},
                                            {energy.negatives, tensorOf(onNegatives, energy.negatives)}});
  }

 private:
  std::vector<double> sigmaNumbers_;
  std::int64_t negatives_;
  at::Tensor sigma_;  // [1, d]
};

}  // namespace

std::unique_ptr<Objective> makeConditionalNoiseContrastive(const Spec& spec) {
  return std::make_unique<ConditionalNoiseContrastive>(spec);
}

}  // namespace langevin
