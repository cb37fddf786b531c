// gnnSafe: the energy of logits with edges, diffused without self loops (Wu et al. 2023, GNNSafe).
#include "graphs/diffusion.hpp"
#include "graphs/node_outputs.hpp"
#include "graphs/node_score.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class GnnSafe : public NodeScore {
 public:
  GnnSafe(double alpha, std::int64_t steps, double temperature)
      : alpha_(alpha), steps_(steps), temperature_(temperature) {}
  Map score(const NodeCall& call) const override {
    const NodeOutputs outputs = readOutputs(call.outputs(), "withEdges", Need::Logits);
    const NeighbourMean mean(unbox(call.arguments.at("edges")), outputs.logits.size(0), false);
    const at::Tensor energy = energyOfLogits(outputs.logits, temperature_).contiguous();
    return {{"uncertainty", box(mean.diffuse(energy, alpha_, steps_, call.threads, call.job))}};
  }

 private:
  double alpha_;
  std::int64_t steps_;
  double temperature_;
};

std::unique_ptr<NodeScore> makeGnnSafe(const Spec& score, const Spec&) {
  return std::make_unique<GnnSafe>(score.probability("alpha", 0.5), score.count("steps", 0, 2),
                                   score.positive("temperature", 1));
}

}  // namespace

const NodeScoreKind& gnnSafe() {
  static const NodeScoreKind kind = {nullptr, makeGnnSafe};
  return kind;
}

}  // namespace langevin
