// What a tape can record: a value per row that is differentiable in the network's parameters, and on request in the
// rows. A quantity is a value, not an entry in a list: an objective may define one of its own from an Evaluator.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/torch.hpp"
#include "networks/network.hpp"

namespace langevin {

struct FusedQuantity;
class QuantityByHand;

/// Which tensor of the rows a derivative is taken with respect to.
enum class Wrt { X, Y };

/// A network on one tile of rows, with a graph that autograd works through: what plain quantities are made of.
class Evaluator {
 public:
  /// `parameters` in the order of the network's; `perRow`: the quantity's tensors of these rows.
  Evaluator(const Network& network, const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& perRow,
            const EvaluationMode& mode)
      : network_(network), parameters_(parameters), perRow_(perRow), mode_(mode) {}

  /// E [n]. Dropout draws the same masks at every call for the same row.
  at::Tensor energy(const Batch& rows) const;
  /// Logits or network outputs [n, k].
  at::Tensor outputs(const Batch& rows) const;
  /// dE/dx [n, d] or dE/dy [n, width]. With `createGraph` it has a graph of its own: in the parameters, and in the rows
  /// where they require grad. ERR_LANGEVIN_UNSUPPORTED for Wrt::Y unless y is a matrix of numbers.
  at::Tensor gradient(const Batch& rows, Wrt wrt = Wrt::X, bool createGraph = true) const;

  /// Quantity::perRow[i] of the tile's rows.
  const at::Tensor& perRow(std::size_t i) const { return perRow_[i]; }

 private:
  const Network& network_;
  const std::vector<at::Tensor>& parameters_;
  const std::vector<at::Tensor>& perRow_;
  EvaluationMode mode_;
};

/// d sum(value) / d of, with its graph; zeros where the value does not depend on `of`.
at::Tensor gradientOf(const at::Tensor& value, const at::Tensor& of);

struct Quantity {
  const char* name;  // for messages, e.g. "score"
  /// The value [n, ...] on one tile. Row i may depend on row i of the rows and of `perRow` alone.
  std::function<at::Tensor(const Evaluator&, const Batch&)> plain;

  /// What the network must have.
  struct Needs {
    bool energy = true;
    bool outputs = false;
    bool smooth = false;  // second derivatives in the rows: refused with relu and its like
  };
  Needs needs{};
  /// Twins of `plain` that do without autograd where they cover the network; null: there is none.
  const FusedQuantity* fused = nullptr;    // in the fused kernels of the CPU
  const QuantityByHand* byHand = nullptr;  // on tensors, any dtype and device
  /// Tensors [n, ...] that belong to the rows of all parts in order, handed to each tile row by row. The gradients of
  /// those that require grad flow on to what they are made of.
  std::vector<at::Tensor> perRow{};
  /// Columns of a value [n, k] that become leaves of their own, e.g. {d, m}; empty: one leaf.
  std::vector<std::int64_t> columns{};
};

/// What a record's quantity is differentiated with respect to. Rows that require grad are differentiated without asking,
/// as in torch: detach() holds them fixed.
struct Differentiable {
  bool parameters = true;
  bool x = false;
  bool y = false;  // numbers [n, width], not labels
};

extern const Quantity kEnergy;   // E [n]
extern const Quantity kOutputs;  // logits or network outputs [n, k]
extern const Quantity kScore;    // -dE/dx [n, d]
/// Two leaves: the score [n, d], and v' (d2E/dx2) v for each of the row's m directions v, [n, m]. The directions
/// [n, m, d] are held fixed.
Quantity curvature(const at::Tensor& directions);

/// Gradient descent on the energy from the rows themselves: y_{k+1} = y_k - a dE(x, y_k)/dy, or the same in x.
struct InnerLoop {
  std::int64_t steps = 1;  // K >= 1
  double stepSize = 0.1;   // a
  /// A step size for each row, [n] or [n, 1], in place of `stepSize`. May require grad: a learnable step size expanded
  /// to the rows.
  at::Tensor stepSizes{};
  Wrt wrt = Wrt::Y;
  /// False: every step starts from a constant, so that a gradient sees the last update before each value alone.
  bool throughSteps = true;
  bool everyStep = false;  // the value is all of y_1 ... y_K, not y_K
};
/// y_K [n, width], or with `everyStep` y_1 ... y_K [n, K, width], differentiable in the parameters through all steps;
/// in y_0 as well where it requires grad or with Differentiable::y. Dropout draws the same masks at every step.
Quantity unrolled(const InnerLoop& loop);

}  // namespace langevin
