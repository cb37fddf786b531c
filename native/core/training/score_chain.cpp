#include "training/score_chain.hpp"

#include "training/chain_products.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace langevin {
namespace {

struct Smooth {
  const char* name;
  /// f(z), f'(z), f''(z)
  void (*derivatives)(const at::Tensor& z, at::Tensor& value, at::Tensor& slope, at::Tensor& curvature);
};

void silu(const at::Tensor& z, at::Tensor& value, at::Tensor& slope, at::Tensor& curvature) {
  const at::Tensor s = z.sigmoid();
  value = z * s;
  const at::Tensor flat = s * (1 - s);     // s'
  slope = at::addcmul(s, z, flat);         // s + z s'
  curvature = flat * (2 + z - 2 * value);  // s' (2 + z (1 - 2 s))
}

void tanh(const at::Tensor& z, at::Tensor& value, at::Tensor& slope, at::Tensor& curvature) {
  value = z.tanh();
  slope = 1 - value * value;
  curvature = -2 * value * slope;
}

void sigmoid(const at::Tensor& z, at::Tensor& value, at::Tensor& slope, at::Tensor& curvature) {
  value = z.sigmoid();
  slope = value * (1 - value);
  curvature = slope * (1 - 2 * value);
}

void softplus(const at::Tensor& z, at::Tensor& value, at::Tensor& slope, at::Tensor& curvature) {
  value = at::softplus(z);
  slope = z.sigmoid();
  curvature = slope * (1 - slope);
}

void gelu(const at::Tensor& z, at::Tensor& value, at::Tensor& slope, at::Tensor& curvature) {
  value = at::gelu(z);
  const at::Tensor below = at::special_ndtr(z);
  const at::Tensor density = (z * z * -0.5).exp() * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  slope = at::addcmul(below, z, density);
  curvature = density * (2 - z * z);
}

constexpr Smooth kSmooth[] = {
    {"silu", silu}, {"tanh", tanh}, {"sigmoid", sigmoid}, {"softplus", softplus}, {"gelu", gelu}};

const Smooth* smooth(const std::string& name) {
  const auto* found =
      std::find_if(std::begin(kSmooth), std::end(kSmooth), [&](const Smooth& s) { return name == s.name; });
  return found == std::end(kSmooth) ? nullptr : found;
}

const Node& nodeAt(const Program& program, int i) { return program.nodes[static_cast<std::size_t>(i)]; }
bool is(const Node& node, const char* op) { return std::string(node.op->name) == op; }

// The parameter behind a node that is nothing but a buffer, or -1.
int bufferOf(const Program& program, int i) {
  const Node& node = nodeAt(program, i);
  if (!is(node, "parameter")) return -1;
  const int p = node.parameters[0];
  return program.parameters[static_cast<std::size_t>(p)].learnable ? -1 : p;
}

}  // namespace

// From the output down: linear (activation linear)* scale? input.
bool ScoreChain::readChain(const Program& program, int node) {
  std::string activation;
  while (true) {
    const Node& linear = nodeAt(program, node);
    if (!is(linear, "linear")) return false;
    layers_.push_back({linear.parameters[0], linear.parameters.size() > 1 ? linear.parameters[1] : -1, activation});
    node = linear.inputs[0];
    const Node& below = nodeAt(program, node);
    if (!smooth(below.op->name)) break;
    activation = below.op->name;
    node = below.inputs[0];
  }
  std::reverse(layers_.begin(), layers_.end());
  const Node& scaled = nodeAt(program, node);
  if (is(scaled, "scale") && scaled.numbers[1] == 0) {
    scale_ = scaled.numbers[0];
    node = scaled.inputs[0];
  }
  return is(nodeAt(program, node), "input");
}

// |x|^2 times a number, or (x - m)' P (x - m) / 2 with buffers.
bool ScoreChain::readBase(const Program& program, int node) {
  const Node& top = nodeAt(program, node);
  const auto ofInput = [&](const Node& n) { return is(nodeAt(program, n.inputs[0]), "input"); };
  if (is(top, "quadratic") && ofInput(top)) {
    mean_ = bufferOf(program, top.inputs[1]);
    precision_ = bufferOf(program, top.inputs[2]);
    return mean_ >= 0 && precision_ >= 0;
  }
  if (!is(top, "scale") || top.numbers[1] != 0) return false;
  const Node& sum = nodeAt(program, top.inputs[0]);
  if (!is(sum, "sum")) return false;
  const Node& square = nodeAt(program, sum.inputs[0]);
  if (!is(square, "square") || !ofInput(square)) return false;
  round_ = 2 * top.numbers[0];
  return true;
}

std::unique_ptr<ScoreChain> ScoreChain::compile(const Program& program) {
  if (program.condition.kind != Condition::Kind::None) return nullptr;
  auto chain = std::make_unique<ScoreChain>();
  const Node& top = nodeAt(program, program.energy);
  const bool found = is(top, "add")
                         ? chain->readChain(program, top.inputs[0]) && chain->readBase(program, top.inputs[1])
                         : chain->readChain(program, program.energy);
  return found ? std::move(chain) : nullptr;
}

at::Tensor ScoreChain::score(const std::vector<at::Tensor>& parameters, const at::Tensor& x, Record& record) const {
  at::NoGradGuard guard;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  at::Tensor a = scale_ == 1 ? x : x * scale_;
  const std::size_t hidden = layers_.size() - 1;
  for (std::size_t l = 0; l < hidden; ++l) {
    const Layer& layer = layers_[l];
    const at::Tensor turned = of(layer.weight).t();
    at::Tensor z = product(a, turned);
    if (layer.bias >= 0) z += of(layer.bias);
    record.sums.push_back(z);
    record.inputs.push_back(a);
    at::Tensor slope, curvature;
    smooth(layer.activation)->derivatives(z, a, slope, curvature);
    record.slopes.push_back(slope);
    record.curvatures.push_back(curvature);
  }
  record.adjoints.resize(hidden);
  record.products.resize(hidden);
  // The last layer has one column: dE/da of every row is its weight row.
  at::Tensor adjoint = of(layers_.back().weight);
  for (std::size_t l = hidden; l-- > 0;) {
    record.adjoints[l] = adjoint;
    record.products[l] = adjoint * record.slopes[l];
    adjoint = product(record.products[l], of(layers_[l].weight));
  }
  at::Tensor score = (hidden == 0 ? adjoint.expand_as(x) : adjoint) * -scale_;
  if (round_ != 0) score = at::sub(score, x, round_);
  if (precision_ >= 0) {
    const at::Tensor& p = of(precision_);
    score = score - (x - of(mean_)).mm((p + p.t()) / 2);
  }
  return score;
}

std::vector<at::Tensor> ScoreChain::parameterGradient(const std::vector<at::Tensor>& parameters, const Record& record,
                                                      const at::Tensor& outer) const {
  at::NoGradGuard guard;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  std::vector<at::Tensor> gradients(parameters.size());
  const std::size_t hidden = layers_.size() - 1;
  // Tangents of every layer along v = -outer.
  std::vector<at::Tensor> entering{outer * -scale_}, leaving(hidden);  // of a_{l-1} and of z_l
  for (std::size_t l = 0; l < hidden; ++l) {
    leaving[l] = product(entering[l], of(layers_[l].weight).t());
    entering.push_back(leaving[l] * record.slopes[l]);
  }
  gradients[static_cast<std::size_t>(layers_.back().weight)] = entering[hidden].sum(0, true);
  // Reverse: z is reached through f' of the tangents in its own layer and through z of the layer above.
  at::Tensor above;  // adjoint of a_l through the layers above it
  for (std::size_t l = hidden; l-- > 0;) {
    at::Tensor z = record.adjoints[l] * leaving[l] * record.curvatures[l];
    if (above.defined()) z.addcmul_(above, record.slopes[l]);
    const Layer& layer = layers_[l];
    at::Tensor& gradient = gradients[static_cast<std::size_t>(layer.weight)];
    gradient = product(record.products[l].t(), entering[l]);
    multiplyInto(gradient, z.t(), record.inputs[l], true);
    if (layer.bias >= 0) gradients[static_cast<std::size_t>(layer.bias)] = z.sum(0);
    if (l > 0) above = product(z, of(layer.weight));
  }
  return gradients;
}

}  // namespace langevin
