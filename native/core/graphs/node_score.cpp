#include "graphs/node_score.hpp"

#include "base/registry.hpp"
#include "graphs/node_outputs.hpp"
#include "graphs/tables.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

const Registry<const NodeScoreKind& (*)()>& nodeScores() {
  static const Registry<const NodeScoreKind& (*)()> registry = {
      "node score",
      {
          {"gebm", gebm},
          {"logitEnergy", nodeLogitEnergy},
          {"gnnSafe", gnnSafe},
          {"entropy", nodeEntropy},
          {"maxSoftmax", nodeMaxSoftmax},
          {"mahalanobis", nodeMahalanobis},
          {"mcDropout", sampledScore},
          {"dropEdge", sampledScore},
          {"ensemble", sampledScore},
      },
  };
  return registry;
}

std::unique_ptr<NodeScore> makeScore(const Spec& a) {
  const Spec score = a.at("score");
  return nodeScores().find(score)().make(score, a.at("state"));
}

// { score, outputs, labels?, train?, threads? } -> { name: tensor }, the state. What does not fit is refused here.
Value fitNodeScore(const Spec& a, Job& job) {
  const Spec score = a.at("score");
  const NodeScoreKind& kind = nodeScores().find(score)();
  const Value state = kind.fit == nullptr ? Map{} : kind.fit(score, {a, a.threads(), job});
  kind.make(score, Spec(state, "state"));
  return state;
}

// { score, state, outputs, edges?, threads? } -> { uncertainty: float64 [n], ... }
Value scoreNodes(const Spec& a, Job& job) {
  Map scores = makeScore(a)->score({a, a.threads(), job});
  requireFinite(unbox(Spec(scores.at("uncertainty"), "uncertainty")), "the uncertainty of nodes");
  return scores;
}

// { score, state, outputs, edges?, alpha0?, threads? } -> { probabilities: float64 [n, C], ... }
Value predictNodes(const Spec& a, Job& job) { return makeScore(a)->predict({a, a.threads(), job}); }

}  // namespace

Map NodeScore::predict(const NodeCall& call) const {
  fail(Code::Unsupported, "a ", call.arguments.at("score").kind(),
       " score predicts no classes of its own; take the softmax of the network's logits");
}

const std::vector<Function>& nodeScoreFunctions() {
  static const std::vector<Function> table = {
      {"graph.fitScore", Lane::Short, fitNodeScore},
      {"graph.scoreNodes", Lane::Short, scoreNodes},
      {"graph.predictNodes", Lane::Short, predictNodes},
  };
  return table;
}

}  // namespace langevin
