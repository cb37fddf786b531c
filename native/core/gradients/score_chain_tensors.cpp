// A chain's scores, curvatures and parameter gradients on tensors.
#include <algorithm>
#include <numbers>

#include "gradients/score_chain.hpp"
#include "kernels/tile_kernels.hpp"

namespace langevin {
namespace {

struct Jet {
  at::Tensor value, slope, second, third;  // f, f', f'', f'''
};

// s, s' = p, s'' = p (1 - 2 s), s''' = p (1 - 6 p)
Jet sigmoidJet(const at::Tensor& z) {
  const at::Tensor s = z.sigmoid(), p = s * (1 - s);
  return {s, p, p * (1 - 2 * s), p * (1 - 6 * p)};
}

// The derivatives of z s are z s' + s, z s'' + 2 s', z s''' + 3 s''.
Jet siluJet(const at::Tensor& z) {
  const Jet s = sigmoidJet(z);
  return {z * s.value, s.value + z * s.slope, z * s.second + 2 * s.slope, z * s.third + 3 * s.second};
}

Jet softplusJet(const at::Tensor& z) {
  const Jet s = sigmoidJet(z);
  return {at::softplus(z), s.value, s.slope, s.second};
}

Jet tanhJet(const at::Tensor& z) {
  const at::Tensor t = z.tanh(), square = t * t, slope = 1 - square;
  return {t, slope, -2 * t * slope, slope * (6 * square - 2)};
}

Jet geluJet(const at::Tensor& z) {
  // Beyond 1e4 the density is 0, and the square must not become infinite.
  const at::Tensor c = z.clamp(-1e4, 1e4), square = c * c, below = at::special_ndtr(z);
  const at::Tensor density = (square * -0.5).exp() * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  return {at::gelu(z), at::addcmul(below, c, density), density * (2 - square), c * density * (square - 4)};
}

struct Smooth {
  Unary unary;
  Jet (*at)(const at::Tensor& z);
};
constexpr Smooth kSmooth[] = {{Unary::Silu, siluJet},
                              {Unary::Tanh, tanhJet},
                              {Unary::Sigmoid, sigmoidJet},
                              {Unary::Softplus, softplusJet},
                              {Unary::Gelu, geluJet}};

const Smooth* smooth(const std::optional<Unary>& unary) {
  const auto* found =
      std::find_if(std::begin(kSmooth), std::end(kSmooth), [&](const Smooth& s) { return unary == s.unary; });
  return found == std::end(kSmooth) ? nullptr : found;
}

// [k, n, w] as [k n, w]
at::Tensor flattened(const at::Tensor& x) { return x.reshape({-1, x.size(2)}); }

// Directions [n, m, d] as [m, n, d].
at::Tensor turned(const at::Tensor& directions, const at::Tensor& x) {
  if (!directions.defined()) return at::empty({0, x.size(0), x.size(1)}, x.options());
  return directions.transpose(0, 1).contiguous();
}

}  // namespace

bool isSmoothActivation(const OpDefinition& op) { return op.traits.activation && smooth(op.traits.unary) != nullptr; }

at::Tensor ScoreChain::evaluate(const std::vector<at::Tensor>& parameters, const at::Tensor& x,
                                const at::Tensor& directions, Record& record) const {
  at::NoGradGuard guard;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  const at::Tensor v = turned(directions, x);
  const std::int64_t m = v.size(0), n = x.size(0);
  const std::size_t hidden = layers_.size() - 1;
  at::Tensor entering = at::cat({v, x.unsqueeze(0)}) * scale_;
  for (std::size_t l = 0; l < hidden; ++l) {
    const Layer& layer = layers_[l];
    const at::Tensor sums = flattened(entering).mm(of(layer.weight).t()).view({m + 1, n, layer.out});
    at::Tensor z = sums[m];
    if (layer.bias >= 0) z += of(layer.bias);
    const Jet f = smooth(layer.activation)->at(z);
    record.entering.push_back(entering);
    record.tangents.push_back(sums.slice(0, 0, m));
    record.slopes.push_back(f.slope);
    record.second.push_back(f.second);
    record.third.push_back(f.third);
    entering = at::cat({f.slope * record.tangents[l], f.value.unsqueeze(0)});
  }
  record.adjoints.resize(hidden);
  record.products.resize(hidden);
  // The last layer has one column: dE/da of every row is its weight row.
  at::Tensor adjoint = of(layers_.back().weight), curvature = at::zeros({m, n}, x.options());
  for (std::size_t l = hidden; l-- > 0;) {
    record.adjoints[l] = adjoint;
    record.products[l] = adjoint * record.slopes[l];
    curvature += (adjoint * record.second[l] * record.tangents[l].square()).sum(2);
    adjoint = record.products[l].mm(of(layers_[l].weight));
  }
  at::Tensor score = adjoint.expand_as(x) * -scale_;
  if (round_ != 0) {
    score = score - round_ * x;
    curvature += round_ * v.square().sum(2);
  }
  if (precision_ >= 0) {
    const at::Tensor p = (of(precision_) + of(precision_).t()) / 2;
    score = score - (x - of(mean_)).mm(p);
    curvature += (v.matmul(p) * v).sum(2);
  }
  if (hidden == 0) record.entering.push_back(entering);
  return at::cat({score, curvature.t()}, 1);
}

std::vector<at::Tensor> ScoreChain::parameterGradient(const std::vector<at::Tensor>& parameters, const Record& record,
                                                      const at::Tensor& outer) const {
  at::NoGradGuard guard;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  std::vector<at::Tensor> gradients(parameters.size());
  const std::size_t hidden = layers_.size() - 1;
  const std::int64_t d = record.entering[0].size(2);
  const at::Tensor c = outer.slice(1, d).t().unsqueeze(2);  // [m, n, 1]
  std::vector<at::Tensor> b{outer.slice(1, 0, d) * -scale_}, y(hidden), squares(hidden);
  for (std::size_t l = 0; l < hidden; ++l) {
    y[l] = b[l].mm(of(layers_[l].weight).t());
    squares[l] = (c * record.tangents[l].square()).sum(0);
    b.push_back(record.slopes[l] * y[l] + record.second[l] * squares[l]);
  }
  gradients[static_cast<std::size_t>(layers_.back().weight)] = b[hidden].sum(0, true);
  at::Tensor above;  // adjoints of [a'_1, ..., a'_m, a]_l
  for (std::size_t l = hidden; l-- > 0;) {
    const Layer& layer = layers_[l];
    const at::Tensor bend = record.adjoints[l] * record.second[l];
    at::Tensor tangents = 2 * c * bend * record.tangents[l];
    at::Tensor z = at::addcmul(bend * y[l], record.adjoints[l] * record.third[l], squares[l]);
    if (above.defined()) {
      const std::int64_t m = tangents.size(0);
      tangents = at::addcmul(tangents, record.slopes[l], above.slice(0, 0, m));
      z.addcmul_(record.slopes[l], above[m]);
      z.addcmul_(record.second[l], (above.slice(0, 0, m) * record.tangents[l]).sum(0));
    }
    const at::Tensor leaving = at::cat({tangents, z.unsqueeze(0)});
    gradients[static_cast<std::size_t>(layer.weight)] =
        at::addmm(record.products[l].t().mm(b[l]), flattened(leaving).t(), flattened(record.entering[l]));
    if (layer.bias >= 0) gradients[static_cast<std::size_t>(layer.bias)] = z.sum(0);
    if (l > 0) above = flattened(leaving).mm(of(layer.weight)).view({-1, z.size(0), layer.in});
  }
  return gradients;
}

}  // namespace langevin
