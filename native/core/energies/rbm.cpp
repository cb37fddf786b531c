// rbm: a restricted Boltzmann machine over binary v with its binary hidden units summed out (Smolensky
// 1986; Hinton 2002),
//   E(v) = -b'v - sum_j softplus((c + W v)_j) = -log sum_h exp(-E(v, h)),  E(v, h) = -b'v - c'h - h' W v.
// Parameters: bias b [d], and those of torch.nn.Linear(d, m) named hidden: hidden.weight W [m, d], hidden.bias c [m].
// Outputs are c + W v: p(h = 1 | v) = sigmoid of them.
#include "program/builder.hpp"

namespace langevin {

Program lowerRbm(const Spec& spec) {
  Builder b("rbm");
  const int v = b.flatten(b.input(Shape::read(spec.at("input"))));
  const int bias = b.parameterValue("bias", at::zeros({b.inputWidth()}, at::kDouble), true);
  const int hidden = b.linear(v, "hidden", spec.count("hidden"));
  const int units = b.sum(b.activation(hidden, "softplus"));
  b.setEnergy(b.apply("neg", {b.add(b.sum(b.mul(v, bias)), units)}, 1));
  b.setOutputs(hidden);
  b.setDomain(Domain::of(Domain::Kind::Binary, b.inputWidth()));
  b.setBipartite({1, 0});  // hidden.weight, bias, in the order they were declared
  return b.finish();
}

}  // namespace langevin
