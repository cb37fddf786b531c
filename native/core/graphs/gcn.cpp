// gcn: x <- P x W' + b with P the normalised adjacency (Kipf and Welling 2017, equation 2). Parameters as GCNConv of PyTorch
// Geometric: conv1.lin.weight, conv1.bias, conv2...
#include "graphs/node_network.hpp"

namespace langevin {
namespace {

class Gcn : public NodeNetwork {
 public:
  Gcn(const Spec& spec, std::int64_t features, std::int64_t classes)
      : NodeNetwork(spec, features, classes),
        by_{spec.has("normalisation") ? readNormalisation(spec.at("normalisation")) : Normalisation::Symmetric,
            spec.boolean("selfLoops", true)} {
    for (std::int64_t l = 0; l < layers(); ++l) {
      const std::string name = "conv" + std::to_string(l + 1);
      add(name + ".lin.weight", {width(l + 1), width(l)}, glorot(width(l), width(l + 1)));
      add(name + ".bias", {width(l + 1)}, zeros({width(l + 1)}));
    }
  }

  NodeValues forward(const NodePass& pass) const override {
    NodeValues values;
    LayerInput x(pass);
    for (std::int64_t l = 0; l < layers(); ++l) {
      const auto place = static_cast<std::size_t>(2 * l);
      const at::Tensor z = x.propagatedTimes(by_, pass.parameters[place]);
      endLayer(pass, z, pass.parameters[place + 1], l, x, values);
    }
    return values;
  }

 private:
  Propagation by_;
};

}  // namespace

std::unique_ptr<NodeNetwork> makeGcn(const Spec& spec, std::int64_t features, std::int64_t classes) {
  return std::make_unique<Gcn>(spec, features, classes);
}

}  // namespace langevin
