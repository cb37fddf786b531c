// expression: a formula traced in TypeScript into a list of nodes in single-assignment order; the last node is E.
// A node is { op, in?: [earlier nodes], value?, exponent?, first?, count?, index? }.
#include <algorithm>
#include <array>
#include <string_view>

#include "program/builder.hpp"
#include "program/ops.hpp"
#include "tensors/matrix.hpp"

namespace langevin {
namespace {

constexpr std::array<std::string_view, 10> kBinary{"add",     "sub", "mul", "div", "maximum",
                                                   "minimum", "gt",  "ge",  "lt",  "le"};
constexpr std::array<std::string_view, 4> kReduce{"sum", "mean", "logsumexp", "norm"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, const std::string& op) {
  return std::find(names.begin(), names.end(), op) != names.end();
}

// neg, the elementary functions and the activations.
bool isUnary(const std::string& op) {
  for (const auto* table : {&elementwiseOperations(), &activationOperations()})
    for (const OpDefinition& row : *table)
      if (op == row.name) return row.traits.unary || op == "neg";
  return false;
}

// Reads the nodes one by one; `value` maps their numbers to nodes of the program.
class Tracer {
 public:
  Tracer(Builder& b, int x) : b_(b), x_(x) {}

  int read(const Spec& node) {
    const int made = make(node, node.text("op"));
    value_.push_back(made);
    return made;
  }

 private:
  std::vector<int> inputs(const Spec& node, std::size_t count) const {
    const std::vector<std::int64_t> given = node.at("in").integers();
    if (given.size() != count)
      node.at("in").invalid("'" + node.text("op") + "' takes " + std::to_string(count) + " nodes, got " +
                            std::to_string(given.size()));
    return resolve(node, given);
  }

  std::vector<int> resolve(const Spec& node, const std::vector<std::int64_t>& given) const {
    std::vector<int> result;
    for (std::int64_t i : given) {
      if (i < 0 || i >= static_cast<std::int64_t>(value_.size()))
        node.at("in").invalid("node " + std::to_string(i) + " is not an earlier one");
      result.push_back(value_[static_cast<std::size_t>(i)]);
    }
    return result;
  }

  // Widths go together when they are equal or 1.
  std::int64_t common(const Spec& node, const std::vector<int>& in) const {
    std::int64_t width = 1;
    for (int i : in) {
      const std::int64_t w = b_.width(i);
      if (w != 1 && width != 1 && w != width)
        node.invalid("values of " + std::to_string(width) + " and " + std::to_string(w) +
                     " columns do not go together");
      width = std::max(width, w);
    }
    return width;
  }

  int columns(const Spec& node, const std::string& op) {
    const int x = inputs(node, 1)[0];
    const std::int64_t width = b_.width(x);
    if (op == "slice") {
      const std::int64_t first = node.count("first", 0), count = node.count("count", 1);
      if (first + count > width)
        node.invalid("columns " + std::to_string(first) + " to " + std::to_string(first + count - 1) + " of " +
                     std::to_string(width));
      return b_.slice(x, first, count);
    }
    const std::vector<std::int64_t> index = node.at("index").integers();
    if (index.empty()) node.at("index").invalid("needs at least one column");
    for (std::int64_t i : index)
      if (i < 0 || i >= width)
        node.at("index").invalid("there is no column " + std::to_string(i) + " of " + std::to_string(width));
    return b_.apply("columns", {x}, static_cast<std::int64_t>(index.size()), {}, index);
  }

  int matmul(const Spec& node) {
    const int x = inputs(node, 1)[0];
    const at::Tensor matrix = matrixOf(node.at("value"));
    if (matrix.size(0) != b_.width(x))
      node.at("value").invalid("has " + std::to_string(matrix.size(0)) + " rows, the value it multiplies has " +
                               std::to_string(b_.width(x)) + " columns");
    return b_.apply("matmul", {x}, matrix.size(1), {}, {}, {}, {b_.addConstant(matrix)});
  }

  int make(const Spec& node, const std::string& op) {
    if (op == "input") return x_;
    if (op == "constant") return b_.constant(vectorOf(node.at("value")));
    if (op == "matmul") return matmul(node);
    if (op == "slice" || op == "columns") return columns(node, op);
    if (op == "concat") {
      const std::vector<int> in = resolve(node, node.at("in").integers());
      if (in.empty()) node.at("in").invalid("needs at least one node");
      return b_.concat(in);
    }
    if (op == "pow") {
      const int x = inputs(node, 1)[0];
      return b_.apply("pow", {x}, b_.width(x), {node.number("exponent")});
    }
    if (op == "where") {
      const std::vector<int> in = inputs(node, 3);
      return b_.apply("where", in, common(node, in));
    }
    if (among(kReduce, op)) return b_.apply(op, inputs(node, 1), 1);
    if (isUnary(op)) {
      const int x = inputs(node, 1)[0];
      return b_.apply(op, {x}, b_.width(x), {0.01});  // the slope of leakyRelu, torch.nn's default
    }
    if (among(kBinary, op)) {
      const std::vector<int> in = inputs(node, 2);
      return b_.apply(op, in, common(node, in));
    }
    node.at("op").invalid("unknown operation '" + op + "' in expressions");
  }

  Builder& b_;
  int x_;
  std::vector<int> value_;
};

}  // namespace

Program lowerExpression(const Spec& spec) {
  Builder b("expression");
  const int x = b.input(spec.count("input"));
  Tracer tracer(b, x);
  const Spec nodes = spec.at("nodes");
  int last = -1;
  for (const Spec& node : nodes.items()) last = tracer.read(node);
  if (last < 0) nodes.invalid("needs at least one node");
  if (b.width(last) != 1)
    nodes.invalid("the last node is the energy and must have one column, it has " + std::to_string(b.width(last)));
  b.setEnergy(b.withGaussianBase(last, x, spec));
  return b.finish();
}

}  // namespace langevin
