// Curvatures v' (d2E/dx2) v of multilayer perceptrons by second-order tangents, and their parameter gradients by one
// reverse pass over them: no tape of a tape of a tape.
//
// Along x + t v every layer has a value, a first and a second derivative in t:
//   z' = W a',  z'' = W a'',  a' = f'(z) z',  a'' = f''(z) z'^2 + f'(z) z''
// and the last layer's second derivative is the curvature.
#include <cmath>
#include <numbers>

#include "training/score_chain.hpp"

namespace langevin {
namespace {

// f'''(z)
at::Tensor third(const std::string& name, const at::Tensor& z) {
  if (name == "gelu") {
    const at::Tensor density = (z * z * -0.5).exp() * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    return z * density * (z * z - 4);
  }
  if (name == "tanh") {
    const at::Tensor square = z.tanh().square();
    return (1 - square) * (6 * square - 2);
  }
  const at::Tensor s = z.sigmoid(), p = s * (1 - s);
  if (name == "sigmoid") return p * (1 - 6 * p);
  if (name == "softplus") return p * (1 - 2 * s);
  return p * (3 - 6 * s + z * (1 - 6 * p));  // silu
}

// x [m, n, in] times w' [in, out]
at::Tensor times(const at::Tensor& x, const at::Tensor& turned) {
  return x.reshape({-1, x.size(2)}).mm(turned).view({x.size(0), x.size(1), turned.size(1)});
}
// sum over directions and rows of z x'
at::Tensor outerSum(const at::Tensor& z, const at::Tensor& x) {
  return z.reshape({-1, z.size(2)}).t().mm(x.reshape({-1, x.size(2)}));
}

}  // namespace

at::Tensor ScoreChain::curvature(const std::vector<at::Tensor>& parameters, const at::Tensor& directions,
                                 Record& record) const {
  at::NoGradGuard guard;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  const at::Tensor v = directions.transpose(0, 1).contiguous();  // [m, n, d]
  at::Tensor first = v * scale_, second;                         // second: none before the first activation
  const std::size_t hidden = layers_.size() - 1;
  for (std::size_t l = 0; l < hidden; ++l) {
    const at::Tensor turned = of(layers_[l].weight).t();
    record.enteringFirst.push_back(first);
    record.enteringSecond.push_back(second);
    const at::Tensor z1 = times(first, turned), z2 = second.defined() ? times(second, turned) : at::Tensor();
    record.sumFirst.push_back(z1);
    record.sumSecond.push_back(z2);
    first = record.slopes[l] * z1;
    second = record.curvatures[l] * z1.square();
    if (z2.defined()) second.addcmul_(record.slopes[l], z2);
  }
  record.enteringSecond.push_back(second);
  at::Tensor result = hidden == 0 ? at::zeros({v.size(0), v.size(1)}, v.options())
                                  : times(second, of(layers_.back().weight).t()).squeeze(2);
  if (round_ != 0) result = result + round_ * v.square().sum(2);
  if (precision_ >= 0) result = result + (times(v, of(precision_)) * v).sum(2);
  return result.t();
}

void ScoreChain::addCurvatureGradient(const std::vector<at::Tensor>& parameters, const Record& record,
                                      const at::Tensor& outer, std::vector<at::Tensor>& gradients) const {
  at::NoGradGuard guard;
  const std::size_t hidden = layers_.size() - 1;
  if (hidden == 0) return;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  const auto gradient = [&](int p) -> at::Tensor& { return gradients[static_cast<std::size_t>(p)]; };
  const at::Tensor weight = outer.t().unsqueeze(2);  // [m, n, 1]
  gradient(layers_.back().weight) += (weight * record.enteringSecond[hidden]).sum({0, 1}).unsqueeze(0);
  // Adjoints of the second and the first derivative of a_l, and of a_l itself (summed over directions).
  at::Tensor above2 = weight * of(layers_.back().weight), above1, above0;
  for (std::size_t l = hidden; l-- > 0;) {
    const Layer& layer = layers_[l];
    const at::Tensor &f1 = record.slopes[l], &f2 = record.curvatures[l], &z1 = record.sumFirst[l],
                     &z2 = record.sumSecond[l];
    at::Tensor inner = third(layer.activation, record.sums[l]) * z1.square();
    if (z2.defined()) inner.addcmul_(f2, z2);
    const at::Tensor adjoint2 = above2 * f1;
    at::Tensor adjoint1 = above2 * z1 * f2 * 2, adjoint0 = (above2 * inner).sum(0);
    if (above1.defined()) {
      adjoint1.addcmul_(above1, f1);
      adjoint0 += (above1 * z1).sum(0) * f2;
      adjoint0.addcmul_(above0, f1);
    }
    gradient(layer.weight) += adjoint0.t().mm(record.inputs[l]) + outerSum(adjoint1, record.enteringFirst[l]);
    if (l > 0) gradient(layer.weight) += outerSum(adjoint2, record.enteringSecond[l]);
    if (layer.bias >= 0) gradient(layer.bias) += adjoint0.sum(0);
    if (l == 0) return;
    const at::Tensor& w = of(layer.weight);
    above2 = times(adjoint2, w);
    above1 = times(adjoint1, w);
    above0 = adjoint0.mm(w);
  }
}

}  // namespace langevin
