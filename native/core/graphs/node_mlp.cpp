// nodeMlp: a multilayer perceptron of each node's features; no node sees another. Parameters lin1.weight, lin1.bias, ...
#include "graphs/node_network.hpp"

namespace langevin {
namespace {

class NodeMlp : public NodeNetwork {
 public:
  NodeMlp(const Spec& spec, std::int64_t features, std::int64_t classes) : NodeNetwork(spec, features, classes) {
    for (std::int64_t l = 0; l < layers(); ++l) addLinear("lin" + std::to_string(l + 1), width(l), width(l + 1), true);
  }

  NodeValues forward(const NodePass& pass) const override {
    NodeValues values;
    LayerInput x(pass);
    for (std::int64_t l = 0; l < layers(); ++l) {
      const auto place = static_cast<std::size_t>(2 * l);
      const at::Tensor z = x.times(pass.parameters[place]);
      endLayer(pass, z, pass.parameters[place + 1], l, x, values);
    }
    return values;
  }
};

}  // namespace

std::unique_ptr<NodeNetwork> makeNodeMlp(const Spec& spec, std::int64_t features, std::int64_t classes) {
  return std::make_unique<NodeMlp>(spec, features, classes);
}

}  // namespace langevin
