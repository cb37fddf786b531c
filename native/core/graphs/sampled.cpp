// mcDropout, dropEdge, ensemble: how several answers for a node disagree. They differ in where the answers come from.
#include "graphs/node_outputs.hpp"
#include "graphs/node_score.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

enum class SampleMeasure { MutualInformation, PredictiveEntropy, ExpectedEntropy };

SampleMeasure readMeasure(const Spec& score) {
  const std::string measure = score.text("measure", "mutualInformation");
  if (measure == "mutualInformation") return SampleMeasure::MutualInformation;
  if (measure == "predictiveEntropy") return SampleMeasure::PredictiveEntropy;
  if (measure == "expectedEntropy") return SampleMeasure::ExpectedEntropy;
  score.at("measure").invalid("must be mutualInformation, predictiveEntropy or expectedEntropy");
}

at::Tensor entropyOf(const at::Tensor& log) { return log.exp().mul(log).sum(1).neg(); }

class Sampled : public NodeScore {
 public:
  explicit Sampled(SampleMeasure measure) : measure_(measure) {}
  Map score(const NodeCall& call) const override {
    const std::vector<at::Tensor> samples = readSamples(call.outputs(), 2);
    const auto count = static_cast<double>(samples.size());
    at::Tensor mean, expected;
    for (const at::Tensor& logits : samples) {
      call.job.check();
      const at::Tensor log = logits.log_softmax(1), entropy = entropyOf(log), p = log.exp();
      mean = mean.defined() ? mean + p : p;
      expected = expected.defined() ? expected + entropy : entropy;
    }
    expected = expected / count;
    // 0 log 0 = 0.
    const at::Tensor p = mean / count, predictive = at::xlogy(p, p).sum(1).neg();
    // Never below 0 but by rounding.
    const at::Tensor information = (predictive - expected).clamp_min(0);
    const at::Tensor& chosen = measure_ == SampleMeasure::MutualInformation   ? information
                               : measure_ == SampleMeasure::PredictiveEntropy ? predictive
                                                                              : expected;
    return {{"uncertainty", box(chosen)}};
  }
  Map predict(const NodeCall& call) const override {
    const std::vector<at::Tensor> samples = readSamples(call.outputs(), 2);
    at::Tensor mean = at::zeros_like(samples.front());
    for (const at::Tensor& logits : samples) mean += logits.softmax(1);
    return {{"probabilities", box(mean.div(static_cast<double>(samples.size())))}};
  }

 private:
  SampleMeasure measure_;
};

std::unique_ptr<NodeScore> makeSampled(const Spec& score, const Spec&) {
  return std::make_unique<Sampled>(readMeasure(score));
}

}  // namespace

const NodeScoreKind& sampledScore() {
  static const NodeScoreKind kind = {nullptr, makeSampled};
  return kind;
}

}  // namespace langevin
