// Scores of nodes: how little a network's answer for a node is to be trusted. HIGHER = more out-of-distribution, always.
//
// A score is fitted once, to the in-distribution graph; what fitting leaves is its state, tensors by name, which a file keeps.
#pragma once

#include <memory>

#include "base/job.hpp"
#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

/// What fit and score are given: { outputs: { withEdges?, withoutEdges?, samples? }, edges?, labels?, train?, threads? }.
struct NodeCall {
  const Spec& arguments;
  int threads;
  Job& job;
  Spec outputs() const { return arguments.at("outputs"); }
};

class NodeScore {
 public:
  virtual ~NodeScore() = default;
  /// float64 [n] tensors by name; `uncertainty` is the score.
  virtual Map score(const NodeCall& call) const = 0;
  /// Class probabilities that know what the score knows. Null where a score has none.
  virtual Map predict(const NodeCall& call) const;
};

struct NodeScoreKind {
  /// The options of the score -> the state. Null where nothing is fitted.
  Map (*fit)(const Spec& score, const NodeCall& call);
  /// The options and the state -> what scores nodes.
  std::unique_ptr<NodeScore> (*make)(const Spec& score, const Spec& state);
};

// Each in its own file.
const NodeScoreKind& gebm();
const NodeScoreKind& nodeLogitEnergy();
const NodeScoreKind& gnnSafe();
const NodeScoreKind& nodeEntropy();
const NodeScoreKind& nodeMaxSoftmax();
const NodeScoreKind& nodeMahalanobis();
const NodeScoreKind& sampledScore();  // mcDropout, dropEdge, ensemble

/// -T log sum_c exp(l_c / T) of each row.
at::Tensor energyOfLogits(const at::Tensor& logits, double temperature);

}  // namespace langevin
