// From an energy's program to the instruction list of the CUDA kernel: E, then dE/dx by running backward over it. Plain
// host code, built with and without CUDA. What does not depend on the rows is not in the list: it is computed once by
// the plain operations and lies in the arena.
#pragma once

#include <string>
#include <vector>

#include "executors/cuda/instructions.hpp"
#include "program/program.hpp"

namespace langevin::cuda {

/// Where a number of an instruction comes from, before addresses are given.
struct Ref {
  enum class Kind { None, Value, Fixed } kind = Kind::None;
  int id = -1;  // of a value of the tile, or of an entry of the arena
  int shift = 0;
  std::int64_t width = 0;
};

/// A value of the tile: `width` floats of each row, alive from its first to its last instruction.
struct TileValue {
  std::int64_t width = 0;
  bool permanent = false;  // alive between steps, too
  int first = -1, last = -1;
  std::int64_t offset = 0;  // within the row
};

/// A piece of the arena.
struct ArenaEntry {
  enum class Source { Parameter, TransposedParameter, Constant, Folded, Symmetric, List } source;
  int index;  // of the parameter, constant or node
  std::int64_t rows, columns;
  std::int64_t offset = 0;
};

struct Draft {
  Operation operation = Operation::Fill;
  int flags = 0;
  Unary function = Unary::Silu;
  std::int64_t columns = 0;
  Ref out, a, b, c, keep, weights, bias;
  double n0 = 0, n1 = 0;
};

/// A draft over `columns` columns with factor 1.
inline Draft over(std::int64_t columns, Operation operation, Ref a = {}, Ref b = {}, Ref c = {}) {
  Draft d;
  d.operation = operation;
  d.columns = columns;
  d.a = a;
  d.b = b;
  d.c = c;
  d.n0 = 1;
  return d;
}

class Lowering;

/// An operation of the energy's program: what it becomes, forward and backward, beside each other.
struct CudaOp {
  const char* name;
  void (*forward)(Lowering& l, int node);
  void (*backward)(Lowering& l, int node);
};
const CudaOp* findCudaOp(const std::string& name);
const std::vector<CudaOp>& elementwiseCudaOps();
const std::vector<CudaOp>& rowCudaOps();

class Lowering {
 public:
  Lowering(const Program& program, bool conditioned) : program_(program), conditioned_(conditioned) {}
  /// False, with the reason, when the program has no such form.
  bool run(std::string& reason);

  const std::vector<Draft>& drafts() const { return drafts_; }
  const std::vector<TileValue>& values() const { return values_; }
  const std::vector<ArenaEntry>& arena() const { return arena_; }
  std::int64_t arenaFloats() const { return arenaFloats_; }
  std::int64_t floatsPerRow() const { return floatsPerRow_; }
  const Ref& position() const { return position_; }
  const Ref& slope() const { return slope_; }
  const Ref& level() const { return level_; }
  const Ref& condition() const { return condition_; }

  // What the operations use.
  const Node& node(int i) const { return program_.nodes[static_cast<std::size_t>(i)]; }
  int input(int i, int k) const { return node(i).inputs[static_cast<std::size_t>(k)]; }
  const ParameterInfo& parameter(int i, int k) const {
    return program_.parameters[static_cast<std::size_t>(node(i).parameters[static_cast<std::size_t>(k)])];
  }
  std::int64_t width(int i) const { return node(i).width(); }
  std::int64_t inWidth(int i, int k) const { return width(input(i, k)); }
  Ref value(int i) const { return at(valueOf_, i); }
  /// Input k of node i: a value of the tile, or a row of the arena where it is the same for all.
  Ref in(int i, int k);
  Ref adjoint(int i) const { return at(adjointOf_, i); }
  Ref& kept(int i) { return keptOf_[static_cast<std::size_t>(i)]; }
  bool fixed(int i) const { return fixed_[static_cast<std::size_t>(i)] != 0; }
  /// Some gradient goes through this node.
  bool wants(int i) const { return dependsOnInput_[static_cast<std::size_t>(i)] != 0; }
  /// Readers of a node, the energy's own reader included.
  int readers(int i) const { return readers_[static_cast<std::size_t>(i)]; }
  Ref fresh(std::int64_t width);
  Ref entry(ArenaEntry::Source source, int index, std::int64_t rows, std::int64_t columns);
  Draft& push(Draft draft);
  void setValue(int i, Ref ref) { valueOf_[static_cast<std::size_t>(i)] = ref; }
  /// out = draft, as the value of node i.
  Draft& define(int i, Draft draft);
  /// Adds what the draft computes to the adjoint of a node, over all its columns; sums where the node is one column and
  /// the draft is not. False when it is not needed.
  bool give(int node, Draft draft);
  /// The adjoint of a node, zeroed where nothing was there: for gradients of some of the columns.
  Ref addable(int node);
  void setAdjoint(int i, Ref ref) { adjointOf_[static_cast<std::size_t>(i)] = ref; }
  /// Ends with a reason.
  void refuse(const std::string& reason) { refused_ = reason; }
  /// Product that made the value of a linear layer, or -1.
  int& productOf(int i) { return productOf_[static_cast<std::size_t>(i)]; }
  Draft& draft(int index) { return drafts_[static_cast<std::size_t>(index)]; }
  /// The node's derivative is already in its adjoint.
  bool multiplied(int i) const { return multiplied_[static_cast<std::size_t>(i)] != 0; }
  void setMultiplied(int i) { multiplied_[static_cast<std::size_t>(i)] = 1; }
  bool functionOfProduct(int i) const { return functionOfProduct_[static_cast<std::size_t>(i)] != 0; }
  void setFunctionOfProduct(int i) { functionOfProduct_[static_cast<std::size_t>(i)] = 1; }

 private:
  static const Ref& at(const std::vector<Ref>& refs, int i) { return refs[static_cast<std::size_t>(i)]; }
  void study(int energy);
  bool forward(std::string& reason);
  void backward(int energy);
  void place();
  void use(const Ref& ref, int index);

  const Program& program_;
  bool conditioned_;
  std::vector<Draft> drafts_;
  std::vector<TileValue> values_;
  std::vector<ArenaEntry> arena_;
  std::int64_t arenaFloats_ = 0, floatsPerRow_ = 0;
  Ref position_, slope_, level_, condition_;
  std::vector<char> live_, fixed_, dependsOnInput_, multiplied_, functionOfProduct_;
  std::vector<int> readers_, productOf_;
  std::vector<Ref> valueOf_, adjointOf_, keptOf_;
  std::string refused_;
};

}  // namespace langevin::cuda
