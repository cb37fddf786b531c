// logitEnergy: -T log sum_c exp(l_c / T) of a network's logits (Liu et al. 2020), with edges or without.
#include "graphs/node_outputs.hpp"
#include "graphs/node_score.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class LogitEnergy : public NodeScore {
 public:
  LogitEnergy(bool edges, double temperature) : edges_(edges), temperature_(temperature) {}
  Map score(const NodeCall& call) const override {
    const NodeOutputs outputs = readOutputs(call.outputs(), edges_ ? "withEdges" : "withoutEdges", Need::Logits);
    return {{"uncertainty", box(energyOfLogits(outputs.logits, temperature_))}};
  }

 private:
  bool edges_;
  double temperature_;
};

std::unique_ptr<NodeScore> makeLogitEnergy(const Spec& score, const Spec&) {
  return std::make_unique<LogitEnergy>(score.boolean("edges", true), score.positive("temperature", 1));
}

}  // namespace

at::Tensor energyOfLogits(const at::Tensor& logits, double temperature) {
  return logits.div(temperature).logsumexp(1).mul(-temperature);
}

const NodeScoreKind& nodeLogitEnergy() {
  static const NodeScoreKind kind = {nullptr, makeLogitEnergy};
  return kind;
}

}  // namespace langevin
