// gin: x <- nn((1 + eps) x + sum of the neighbours' x), nn a Linear, a ReLU and a Linear (Xu, Hu, Leskovec and Jegelka 2019,
// equation 4.1). The first Linear is taken before the sum, which it commutes with. Parameters as GINConv of PyTorch Geometric:
// conv1.nn.0.weight, conv1.nn.0.bias, conv1.nn.2.weight, ..., and conv1.eps, learned where trainEpsilon. Without edges the sum
// is 0: x <- nn((1 + eps) x).
#include "graphs/node_network.hpp"

namespace langevin {
namespace {

class Gin : public NodeNetwork {
 public:
  Gin(const Spec& spec, std::int64_t features, std::int64_t classes) : NodeNetwork(spec, features, classes) {
    const at::Tensor epsilon = at::full({1}, spec.number("epsilon", 0), at::kDouble);
    for (std::int64_t l = 0; l < layers(); ++l) {
      const std::string name = "conv" + std::to_string(l + 1);
      add(name + ".eps", {1}, {Initialisation::Kind::Value, 0, epsilon}, spec.boolean("trainEpsilon", false));
      addLinear(name + ".nn.0", width(l), width(l + 1), true);
      addLinear(name + ".nn.2", width(l + 1), width(l + 1), true);
    }
  }

  NodeValues forward(const NodePass& pass) const override {
    NodeValues values;
    LayerInput x(pass);
    for (std::int64_t l = 0; l < layers(); ++l) {
      const at::Tensor* p = pass.parameters.data() + 5 * l;  // eps, first weight and bias, second weight and bias
      const at::Tensor own = x.times(p[1]);
      at::Tensor sum = own * (p[0] + 1);
      if (pass.edges) sum = sum + propagated(pass, {Normalisation::None, false}, own);
      const at::Tensor z = at::mm(at::relu(sum + p[2]), p[3].t());
      if (l + 1 < layers())
        x = activated(pass, z, p[4], l, values);
      else
        values.logits = z + p[4];
    }
    return values;
  }
};

}  // namespace

std::unique_ptr<NodeNetwork> makeGin(const Spec& spec, std::int64_t features, std::int64_t classes) {
  return std::make_unique<Gin>(spec, features, classes);
}

}  // namespace langevin
