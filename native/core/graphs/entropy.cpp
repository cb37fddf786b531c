// entropy: -sum_c p_c log p_c of the softmax of a network's logits with edges, in nats.
#include "graphs/node_outputs.hpp"
#include "graphs/node_score.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class Entropy : public NodeScore {
 public:
  Map score(const NodeCall& call) const override {
    const at::Tensor log = readOutputs(call.outputs(), "withEdges", Need::Logits).logits.log_softmax(1);
    return {{"uncertainty", box(log.exp().mul(log).sum(1).neg())}};
  }
};

}  // namespace

const NodeScoreKind& nodeEntropy() {
  static const NodeScoreKind kind = {
      nullptr, [](const Spec&, const Spec&) -> std::unique_ptr<NodeScore> { return std::make_unique<Entropy>(); }};
  return kind;
}

}  // namespace langevin
