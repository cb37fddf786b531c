// mahalanobis: the squared distance of a node's embedding with edges to the nearest class mean, in units of the covariance
// within the classes (Lee et al. 2018).
#include "graphs/class_gaussians.hpp"
#include "graphs/node_outputs.hpp"
#include "graphs/node_score.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class NearestClass : public NodeScore {
 public:
  explicit NearestClass(ClassGaussians gaussians) : gaussians_(std::move(gaussians)) {}
  Map score(const NodeCall& call) const override {
    const NodeOutputs outputs = readOutputs(call.outputs(), "withEdges", Need::Both);
    return {{"uncertainty", box(gaussians_.squaredDistances(outputs.embeddings, call.threads).amin(1))}};
  }

 private:
  ClassGaussians gaussians_;
};

Map fitNearestClass(const Spec& score, const NodeCall& call) {
  const NodeOutputs outputs = readOutputs(call.outputs(), "withEdges", Need::Both);
  const std::int64_t n = outputs.logits.size(0), classes = outputs.logits.size(1);
  const at::Tensor labels = readNodeLabels(call.arguments.at("labels"), n, classes);
  const at::Tensor train = readNodeNumbers(call.arguments.at("train"), n);
  return ClassGaussians::fit(outputs.embeddings, labels, train, classes, readCovarianceForm(score, "full"),
                             Spread::Within)
      .state();
}

std::unique_ptr<NodeScore> makeNearestClass(const Spec&, const Spec& state) {
  return std::make_unique<NearestClass>(ClassGaussians::read(state));
}

}  // namespace

const NodeScoreKind& nodeMahalanobis() {
  static const NodeScoreKind kind = {fitNearestClass, makeNearestClass};
  return kind;
}

}  // namespace langevin
