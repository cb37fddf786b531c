// The lowered form of every energy: a small list of row-wise operations in single-assignment order. Executors run it;
// samplers, objectives and evaluation never see what kind of model it was.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/torch.hpp"
#include "program/batch.hpp"
#include "program/domain.hpp"
#include "program/op_traits.hpp"
#include "program/shape.hpp"

namespace langevin {

struct OpDefinition;

/// How torch.nn would fill a fresh parameter.
struct Initialisation {
  enum class Kind { Value, KaimingUniform, Uniform, Normal } kind = Kind::Value;
  double bound = 0;  // Uniform: +- bound; KaimingUniform (a = sqrt 5): fan_in
  at::Tensor value;  // Value (float64)
};

struct ParameterInfo {
  std::string name;  // as in the torch.nn state dict
  std::vector<std::int64_t> shape;
  Initialisation initialisation;
  bool learnable = true;  // false: a buffer, saved but not trained
};

/// One operation. Values are [n, width] (or [1, width], broadcast over rows); labels are int64 [n]. Shapes are for
/// operations that want more axes than the columns of a flat row.
struct Node {
  const OpDefinition* op = nullptr;
  std::vector<int> inputs;             // earlier nodes
  std::vector<int> parameters;         // indices into Program::parameters
  std::vector<int> constants;          // indices into Program::constants
  std::vector<double> numbers;         // op-specific, e.g. a slope
  std::vector<std::int64_t> integers;  // op-specific, e.g. first column
  std::vector<Shape> takes;            // of the inputs, as this operation sees them
  Shape shape;                         // of a row of the value
  std::int64_t width() const { return shape.numel(); }
};

/// What the condition y of E(x, y) is.
struct Condition {
  enum class Kind { None, Continuous, Class } kind = Kind::None;
  std::int64_t width = 0;  // columns (Continuous) or number of classes (Class)
  bool optional = false;   // classifier: E(x) without y, E(x, y) with it
};

/// E(x) is the free energy of binary units in two layers: p(h = 1 | x) = sigmoid(outputs), p(x = 1 | h) =
/// sigmoid(bias + h weight). Parameters weight [hidden, d] and bias [d]; -1: E is no such energy.
struct Bipartite {
  int weight = -1, bias = -1;
};

/// E(x) = -x' J x / 2 - h' x, J the symmetric part of coupling * mask (zero within a site). Parameters coupling [d, d]
/// and field [d], constant mask [d, d]; -1: E is no such energy.
struct Pairwise {
  int coupling = -1, field = -1, mask = -1;
};

struct Program {
  std::string kind;  // of the spec, for messages
  std::vector<Node> nodes;
  std::vector<ParameterInfo> parameters;
  std::vector<at::Tensor> constants;  // float64, converted once to the model's dtype
  Shape input;                        // of a row x
  double workPerRow = 0;              // about so many multiply-adds to evaluate one row; tiles are cut by it
  Domain domain;                      // what values the columns of x take
  Condition condition;
  int energy = -1;       // node of E, width 1; -1: a network that gives outputs and no energy
  int jointEnergy = -1;  // node of E(x, y) where the condition is optional
  int outputs = -1;      // logits or network outputs, where the model has them
  std::int64_t inputWidth() const { return input.numel(); }
  std::int64_t outputWidth() const { return nodes[static_cast<std::size_t>(outputs)].width(); }
  bool normalised = false;  // exp(-E) integrates to 1 whatever the parameters are: mean E is a likelihood
  // Forms of E that Gibbs sampling makes use of.
  Bipartite bipartite;
  Pairwise pairwise;
};

/// Training mode switches dropout on; its masks come from (seed, step, node, row).
struct EvaluationMode {
  bool training = false;
  std::uint64_t seed = 0, step = 0, firstRow = 0;
};

struct OpCall {
  const Node& node;
  const std::vector<at::Tensor>& values;
  const std::vector<at::Tensor>& parameters;
  const std::vector<at::Tensor>& constants;
  const Batch& rows;
  const EvaluationMode& mode;
  const at::Tensor& in(int i) const {
    return values[static_cast<std::size_t>(node.inputs[static_cast<std::size_t>(i)])];
  }
  /// Input i as [n, ...its axes].
  at::Tensor shaped(int i) const { return node.takes[static_cast<std::size_t>(i)].view(in(i)); }
  const at::Tensor& parameter(int i) const {
    return parameters[static_cast<std::size_t>(node.parameters[static_cast<std::size_t>(i)])];
  }
  const at::Tensor& constant(int i) const {
    return constants[static_cast<std::size_t>(node.constants[static_cast<std::size_t>(i)])];
  }
};

/// One row of the operation table (program/ops_*.cpp); its traits are those of its name (program/op_traits.cpp).
struct OpDefinition {
  const char* name;
  at::Tensor (*forward)(const OpCall&);
  OpTraits traits = {};
  bool is(OpForm form) const { return traits.form == form; }
  bool is(OpSource source) const { return traits.source == source; }
};

/// Looks an operation up by name; ERR_LANGEVIN_UNSUPPORTED with the known names when there is none.
const OpDefinition& operation(const std::string& name);

struct ProgramValues {
  at::Tensor energy;   // [n], undefined where the program has none
  at::Tensor outputs;  // [n, k], likewise
};

struct EnergyAndGradient {
  at::Tensor energy;    // [n]
  at::Tensor gradient;  // dE/dx, shape of x
};

/// Plain ATen evaluation; autograd works through it when the caller enables grad. The right answer for every executor.
ProgramValues evaluate(const Program& program, const std::vector<at::Tensor>& parameters,
                       const std::vector<at::Tensor>& constants, const Batch& rows, const EvaluationMode& mode);

/// Names of the nodes that are not smooth; empty when second derivatives are safe.
std::vector<std::string> nonSmoothOperations(const Program& program);
/// ERR_LANGEVIN_UNSUPPORTED, naming the operations, when second derivatives in x vanish almost everywhere.
void requireSmooth(const Program& program);

}  // namespace langevin
