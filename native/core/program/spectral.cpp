#include "program/spectral.hpp"

#include <algorithm>
#include <cmath>

#include "program/ops.hpp"

namespace langevin {
namespace {

constexpr int kMostIterations = 2000;  // gaps between the first two singular values of 1 in 1,000 need about as many

at::Tensor unit(const at::Tensor& x) { return x / x.norm().clamp_min(1e-12); }

// Indices of W, u and v of every normalised layer.
std::vector<std::vector<int>> layersOf(const Program& program) {
  std::vector<std::vector<int>> layers;
  for (const Node& node : program.nodes)
    if (node.op == &spectralOperations().front()) layers.push_back(node.parameters);
  return layers;
}

class PowerIteration {
 public:
  PowerIteration(const std::vector<int>& parameters, const Parameters& values)
      : w_(of(parameters[0], values)), u_(of(parameters[1], values)), v_(of(parameters[2], values)) {}
  void normalise() {
    u_.copy_(unit(u_));
    v_.copy_(unit(v_));
  }
  double iterate() {
    u_.copy_(unit(at::mv(w_, v_)));
    v_.copy_(unit(at::mv(w_.t(), u_)));
    return at::dot(u_, at::mv(w_, v_)).item<double>();
  }

 private:
  static at::Tensor of(int i, const Parameters& values) {
    return values.tensors()[static_cast<std::size_t>(i)].detach();
  }
  at::Tensor w_, u_, v_;
};

}  // namespace

// numbers: c; parameters: W, u, v. The factor c / s of a bias-free x W', [1, 1].
const std::vector<OpDefinition>& spectralOperations() {
  static const std::vector<OpDefinition> table = withTraits({
      {"spectralScale",
       [](const OpCall& c) {
         const at::Tensor s = at::dot(c.parameter(1), at::mv(c.parameter(0), c.parameter(2)));
         return (c.node.numbers[0] / s).reshape({1, 1});
       }},
  });
  return table;
}

void startSpectralNorms(const Program& program, const Parameters& parameters) {
  at::NoGradGuard guard;
  for (const auto& indices : layersOf(program)) {
    PowerIteration layer(indices, parameters);
    layer.normalise();
    for (int i = 0; i < 16; ++i) layer.iterate();
  }
}

void iterateSpectralNorms(const Program& program, const Parameters& parameters) {
  at::NoGradGuard guard;
  for (const auto& indices : layersOf(program)) PowerIteration(indices, parameters).iterate();
}

void settleSpectralNorms(const Program& program, const Parameters& parameters,
                         const std::vector<std::pair<std::string, at::Tensor>>& given) {
  at::NoGradGuard guard;
  const auto isGiven = [&](int i) {
    const std::string& name = parameters.info()[static_cast<std::size_t>(i)].name;
    return std::any_of(given.begin(), given.end(), [&](const auto& value) { return value.first == name; });
  };
  for (const auto& indices : layersOf(program)) {
    if (!given.empty() && (!isGiven(indices[0]) || (isGiven(indices[1]) && isGiven(indices[2])))) continue;
    PowerIteration layer(indices, parameters);
    const double stop = parameters.flat().scalar_type() == at::kDouble ? 1e-15 : 1e-8;
    double before = -1;
    for (int i = 0; i < kMostIterations; ++i) {
      const double s = layer.iterate();
      if (std::abs(s - before) <= stop * std::abs(s)) break;
      before = s;
    }
  }
}

}  // namespace langevin
