// Networks of the nodes of a graph. One file a kind; the registry is node_registry.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/spec.hpp"
#include "graphs/node_graph.hpp"
#include "program/parameters.hpp"

namespace langevin {

/// Inverted dropout by counted random numbers: which number is dropped depends on the seed, the step, the layer, and its
/// row and column alone.
struct NodeDropout {
  double p;
  Random random;
  std::uint64_t step;
};

/// One evaluation.
struct NodePass {
  const NodeGraph& graph;
  const std::vector<at::Tensor>& parameters;  // in the order of NodeNetwork::parameters()
  bool edges = true;                          // false: no layer sees an edge
  const NodeDropout* dropout = nullptr;       // null: nothing is dropped
  int threads = 1;
};

struct NodeValues {
  at::Tensor logits;      // [n, C]
  at::Tensor embeddings;  // [n, h]: after the last hidden layer's ReLU, before its dropout
};

class LayerInput;

class NodeNetwork {
 public:
  virtual ~NodeNetwork() = default;
  virtual NodeValues forward(const NodePass& pass) const = 0;
  const std::vector<ParameterInfo>& parameters() const { return parameters_; }
  /// Probability that dropout drops a number.
  double dropout() const { return dropout_; }

 protected:
  /// `spec` has `hidden`, the widths of the hidden layers, and `dropout`.
  NodeNetwork(const Spec& spec, std::int64_t features, std::int64_t classes);
  std::int64_t layers() const { return static_cast<std::int64_t>(widths_.size()) - 1; }
  std::int64_t width(std::int64_t layer) const { return widths_[static_cast<std::size_t>(layer)]; }  // 0: the features
  /// Adds a parameter and returns its place.
  std::size_t add(const std::string& name, std::vector<std::int64_t> shape, Initialisation initialisation,
                  bool learnable = true);
  /// torch.nn.Linear under `name`: places of weight [out, in] and bias.
  std::size_t addLinear(const std::string& name, std::int64_t in, std::int64_t out, bool bias);
  /// Layer `layer` of z before its bias: the last gives the logits, every other one is `activated` and becomes x.
  void endLayer(const NodePass& pass, const at::Tensor& z, const at::Tensor& bias, std::int64_t layer, LayerInput& x,
                NodeValues& values) const;

 private:
  std::vector<std::int64_t> widths_;  // features, hidden ..., classes
  std::vector<ParameterInfo> parameters_;
  double dropout_;
};

/// Uniform on +- sqrt(6 / (in + out)) (Glorot and Bengio 2010), as PyTorch Geometric fills its weights.
Initialisation glorot(std::int64_t in, std::int64_t out);
Initialisation zeros(std::vector<std::int64_t> shape);

/// What a layer takes: the features of the nodes, or what the layer before gave.
class LayerInput {
 public:
  explicit LayerInput(const NodePass& pass) : pass_(&pass) {}
  LayerInput(const NodePass& pass, at::Tensor rows) : pass_(&pass), rows_(std::move(rows)) {}
  /// x weight'
  at::Tensor times(const at::Tensor& weight) const;
  /// P x weight' with the graph's operator, in the order that takes less work; x weight' where the pass sees no edges.
  at::Tensor propagatedTimes(const Propagation& by, const at::Tensor& weight) const;

 private:
  const NodePass* pass_;
  at::Tensor rows_;  // undefined: the features
};

/// P x, or x where the pass sees no edges.
at::Tensor propagated(const NodePass& pass, const Propagation& by, const at::Tensor& x);
/// How every hidden layer ends: relu(x + bias) and dropout in one pass over x, which is what the next layer takes. Where nothing
/// is dropped, it is the embeddings in `values`, too.
LayerInput activated(const NodePass& pass, const at::Tensor& x, const at::Tensor& bias, std::int64_t layer,
                     NodeValues& values);

/// ERR_LANGEVIN_INVALID_OPTION for a kind there is not.
std::unique_ptr<NodeNetwork> makeNodeNetwork(const Spec& spec, std::int64_t features, std::int64_t classes);
std::vector<std::string> nodeNetworkKinds();
/// Fresh parameters; `seed` as torch.manual_seed.
Parameters freshParameters(const NodeNetwork& network, at::ScalarType dtype, std::uint64_t seed);

}  // namespace langevin
