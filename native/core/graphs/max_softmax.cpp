// maxSoftmax: 1 - max_c p_c of the softmax of a network's logits with edges (Hendrycks and Gimpel 2017).
#include "graphs/node_outputs.hpp"
#include "graphs/node_score.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class MaxSoftmax : public NodeScore {
 public:
  Map score(const NodeCall& call) const override {
    const at::Tensor logits = readOutputs(call.outputs(), "withEdges", Need::Logits).logits;
    // The sum of the other probabilities: 1 - max would round to 0 for every very confident node.
    const at::Tensor log = logits.log_softmax(1);
    const at::Tensor others = log.exp().scatter(1, logits.argmax(1, true), 0.0).sum(1);
    return {{"uncertainty", box(others)}};
  }
};

}  // namespace

const NodeScoreKind& nodeMaxSoftmax() {
  static const NodeScoreKind kind = {
      nullptr, [](const Spec&, const Spec&) -> std::unique_ptr<NodeScore> { return std::make_unique<MaxSoftmax>(); }};
  return kind;
}

}  // namespace langevin
