// sage: x <- mean of the neighbours' x W_l' + b + x W_r' (Hamilton, Ying and Leskovec 2017, mean aggregator). Parameters as
// SAGEConv of PyTorch Geometric: conv1.lin_l.weight, conv1.lin_l.bias, conv1.lin_r.weight, ... Without edges the first term
// is 0: x <- x W_r' + b.
#include "graphs/node_network.hpp"

namespace langevin {
namespace {

class Sage : public NodeNetwork {
 public:
  Sage(const Spec& spec, std::int64_t features, std::int64_t classes) : NodeNetwork(spec, features, classes) {
    for (std::int64_t l = 0; l < layers(); ++l) {
      const std::string name = "conv" + std::to_string(l + 1);
      addLinear(name + ".lin_l", width(l), width(l + 1), true);
      addLinear(name + ".lin_r", width(l), width(l + 1), false);
    }
  }

  NodeValues forward(const NodePass& pass) const override {
    NodeValues values;
    LayerInput x(pass);
    for (std::int64_t l = 0; l < layers(); ++l) {
      const auto place = static_cast<std::size_t>(3 * l);
      at::Tensor z = x.times(pass.parameters[place + 2]);
      if (pass.edges) z = z + x.propagatedTimes({Normalisation::Row, false}, pass.parameters[place]);
      endLayer(pass, z, pass.parameters[place + 1], l, x, values);
    }
    return values;
  }
};

}  // namespace

std::unique_ptr<NodeNetwork> makeSage(const Spec& spec, std::int64_t features, std::int64_t classes) {
  return std::make_unique<Sage>(spec, features, classes);
}

}  // namespace langevin
