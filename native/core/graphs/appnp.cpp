// appnp: the logits z of a perceptron, spread by personalised PageRank: x <- (1 - alpha) P x + alpha z, `iterations` times from
// x = z (Gasteiger, Bojchevski and Guennemann 2019, equation 4). Parameters lin1.weight, lin1.bias, lin2...
#include "graphs/node_network.hpp"

namespace langevin {
namespace {

class Appnp : public NodeNetwork {
 public:
  Appnp(const Spec& spec, std::int64_t features, std::int64_t classes)
      : NodeNetwork(spec, features, classes),
        alpha_(spec.probability("alpha", 0.1)),
        iterations_(spec.count("iterations", 0, 10)),
        by_{Normalisation::Symmetric, spec.boolean("selfLoops", true)} {
    for (std::int64_t l = 0; l < layers(); ++l) addLinear("lin" + std::to_string(l + 1), width(l), width(l + 1), true);
  }

  NodeValues forward(const NodePass& pass) const override {
    NodeValues values;
    LayerInput x(pass);
    at::Tensor z;
    for (std::int64_t l = 0; l < layers(); ++l) {
      const auto place = static_cast<std::size_t>(2 * l);
      z = x.times(pass.parameters[place]);
      if (l + 1 < layers()) x = activated(pass, z, pass.parameters[place + 1], l, values);
    }
    z = z + pass.parameters.back();
    values.logits = z;
    if (pass.edges)
      for (std::int64_t k = 0; k < iterations_; ++k)
        values.logits = at::add(propagated(pass, by_, values.logits) * (1 - alpha_), z, alpha_);
    return values;
  }

 private:
  double alpha_;
  std::int64_t iterations_;
  Propagation by_;
};

}  // namespace

std::unique_ptr<NodeNetwork> makeAppnp(const Spec& spec, std::int64_t features, std::int64_t classes) {
  return std::make_unique<Appnp>(spec, features, classes);
}

}  // namespace langevin
