#include "gradients/score_chain.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "kernels/tile_kernels.hpp"

namespace langevin {
namespace {

const Node& nodeAt(const Program& program, int i) { return program.nodes[static_cast<std::size_t>(i)]; }

// The parameter behind a node that is nothing but a buffer, or -1.
int bufferOf(const Program& program, int i) {
  const Node& node = nodeAt(program, i);
  if (!node.op->is(OpSource::Parameter)) return -1;
  const int p = node.parameters[0];
  return program.parameters[static_cast<std::size_t>(p)].learnable ? -1 : p;
}

}  // namespace

// From the output down: linear (activation linear)* scale? input.
bool ScoreChain::readChain(const Program& program, int node) {
  std::optional<Unary> activation;
  while (true) {
    const Node& linear = nodeAt(program, node);
    if (!linear.op->is(OpForm::Linear)) return false;
    const int bias = linear.parameters.size() > 1 ? linear.parameters[1] : -1;
    node = linear.inputs[0];
    const Node& below = nodeAt(program, node);
    layers_.push_back({linear.parameters[0], bias, activation, below.width(), linear.width()});
    if (!isSmoothActivation(*below.op)) break;
    activation = below.op->traits.unary;
    node = below.inputs[0];
  }
  std::reverse(layers_.begin(), layers_.end());
  const Node& scaled = nodeAt(program, node);
  if (scaled.op->is(OpForm::Scale) && scaled.numbers[1] == 0) {
    scale_ = scaled.numbers[0];
    node = scaled.inputs[0];
  }
  return nodeAt(program, node).op->is(OpSource::Rows);
}

// |x|^2 times a number, or (x - m)' P (x - m) / 2 with buffers.
bool ScoreChain::readBase(const Program& program, int node) {
  const Node& top = nodeAt(program, node);
  const auto ofInput = [&](const Node& n) { return nodeAt(program, n.inputs[0]).op->is(OpSource::Rows); };
  if (top.op->is(OpForm::Quadratic) && ofInput(top)) {
    mean_ = bufferOf(program, top.inputs[1]);
    precision_ = bufferOf(program, top.inputs[2]);
    return mean_ >= 0 && precision_ >= 0;
  }
  if (!top.op->is(OpForm::Scale) || top.numbers[1] != 0) return false;
  const Node& sum = nodeAt(program, top.inputs[0]);
  if (!sum.op->is(OpForm::Sum)) return false;
  const Node& square = nodeAt(program, sum.inputs[0]);
  if (square.op->traits.unary != Unary::Square || !ofInput(square)) return false;
  round_ = 2 * top.numbers[0];
  return true;
}

std::unique_ptr<ScoreChain> ScoreChain::compile(const Program& program) {
  if (program.condition.kind != Condition::Kind::None) return nullptr;
  auto chain = std::make_unique<ScoreChain>();
  const Node& top = nodeAt(program, program.energy);
  const bool found = top.op->is(OpForm::Add)
                         ? chain->readChain(program, top.inputs[0]) && chain->readBase(program, top.inputs[1])
                         : chain->readChain(program, program.energy);
  if (!found) return nullptr;
  std::int64_t offset = 0;
  for (const ParameterInfo& p : program.parameters) {
    chain->offsets_.push_back(p.learnable ? offset : -1);
    if (p.learnable)
      offset += std::accumulate(p.shape.begin(), p.shape.end(), std::int64_t{1}, std::multiplies<std::int64_t>());
  }
  return chain;
}

}  // namespace langevin
