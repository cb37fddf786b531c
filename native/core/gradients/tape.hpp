// A tape in tiles. Quantities of many rows are computed tile by tile on the pool, each tile with a graph of its own;
// the objective sees one detached leaf. Backward runs the small graph of the objective once, then every tile's graph in
// parallel, and adds the tiles' parameter gradients in a fixed order: bit-equal at any number of threads.
//
// A tape is one network's. Records of several tapes go backward together: the rows of one record may be made of the
// leaves of another (a generator's outputs as the x of an energy), and gradients flow from the one into the other.
// Nothing is cut off in silence: rows that require grad are differentiated unless they are detach()ed, and a loss that
// reaches a record of a tape that was not asked for is refused.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/threads.hpp"
#include "gradients/derivative.hpp"
#include "gradients/fused_quantity.hpp"
#include "gradients/quantity.hpp"
#include "networks/network.hpp"

namespace langevin {

class Tape {
 public:
  /// `name`: of the network in messages, its role in training.
  Tape(const Network& network, int threads, std::string name = "energy");

  /// Forgets what was recorded. Dropout masks of the records that follow are keyed by (seed, step, record, row).
  void begin(std::uint64_t seed, std::uint64_t step);

  /// The quantity of the rows [n, ...]: a leaf that requires grad.
  at::Tensor record(const Quantity& quantity, const Batch& rows, Differentiable wanted = {}) {
    return record(quantity, std::vector<Batch>{rows}, wanted)[0];
  }
  /// The same of several sets of rows in one go: a leaf for each, or one for each of the quantity's columns in turn.
  /// ERR_LANGEVIN_UNSUPPORTED where the network lacks what the quantity needs.
  std::vector<at::Tensor> record(const Quantity& quantity, const std::vector<Batch>& parts, Differentiable wanted = {});
  /// How such a record is computed: "fused kernels", "by hand on tensors", or "autograd" with the reason.
  std::string explain(const Quantity& quantity, Differentiable wanted = {}) const;

  struct Gradients {
    at::Tensor parameters;           // [P], order of Parameters::flat(); valid until the next begin()
    std::vector<at::Tensor> extras;  // one for each tensor given, zeros where the loss does not depend on it
    /// dL/dx and dL/dy by way of the record alone, of every part of the records that asked for one, in order; undefined
    /// where it was not asked for.
    std::vector<Batch> inputs;
  };
  /// d loss / d parameters and d loss / d extras of a scalar built from the recorded leaves, and of one whose
  /// derivatives by some of them are `known`. An extra is any tensor that requires grad and that the loss, or the rows
  /// of a record, are made of. Consumes the records that the loss reaches.
  Gradients backward(const at::Tensor& loss, const std::vector<at::Tensor>& extras,
                     const std::vector<Derivative>& known = {});

  /// The rows of every record since begin() that was not consumed, in order.
  std::vector<Batch> recorded() const;

 private:
  friend class BackwardPass;
  enum class Path { Fused, ByHand, Autograd };
  struct Tile {
    std::vector<at::Tensor> parameters;          // leaves, order of Parameters::info()
    std::vector<at::Tensor> inputs;              // leaves, order of Record::inputs
    at::Tensor value;                            // with its graph; undefined when the fused kernels made it
    std::unique_ptr<TileWorkspace> workspace;    // what the fused kernels need to go backward
    std::unique_ptr<QuantityByHand::Kept> kept;  // likewise of derivatives by hand on tensors
  };
  // A tensor of the rows that the quantity is differentiated with respect to.
  struct Input {
    std::vector<at::Tensor> given;  // as it came, part by part, with the graph it has
    int tensor;                     // of the rows: 0: x, 1: y, 2 + i: Quantity::perRow[i]
    at::Tensor gradient;            // [n, ...], of the tiles that went backward
  };
  struct Record {
    std::uint64_t number;            // in the order of all records of all tapes
    Quantity quantity;               // its perRow tensors cut off from any graph
    Batch rows;                      // of all parts, likewise
    std::vector<at::Tensor> leaves;  // part by part, within a part column by column
    std::vector<Input> inputs;
    bool parameters = true;  // wanted
    bool consumed = false;
    Path path = Path::Autograd;
    /// Weights of the fused path, in the numbers of the network.
    std::variant<std::shared_ptr<const PackedOf<float>>, std::shared_ptr<const PackedOf<double>>> packed;
    std::vector<Tile> tiles;
    std::vector<TileRange> ranges;
    /// Whether gradients go on from its inputs into what those are made of.
    bool flowsOn() const;
  };
  // One tile on its way back.
  struct Piece {
    Record* record;
    std::size_t tile;
    at::Tensor outer;  // d loss / d value of the whole record
  };

  /// The rows' tensor that an input stands for.
  static at::Tensor& tensorOf(int tensor, Batch& rows, std::vector<at::Tensor>& perRow);
  Path pathOf(const Quantity& quantity, Differentiable wanted) const;
  void require(const Record& record) const;
  void collectInputs(Record& record, const std::vector<Batch>& parts, Differentiable wanted) const;
  template <class T>
  at::Tensor evaluateFused(Record& record);
  at::Tensor evaluateTensors(Record& record);
  void evaluateTile(Record& record, std::size_t index, const EvaluationMode& mode) const;
  template <class T>
  FusedTileOf<T> fusedTile(const Record& record, std::size_t index) const;
  template <class T>
  void addFusedGradient(const Piece& piece, at::Tensor& flat) const;
  void addTensorGradient(const Piece& piece, at::Tensor& flat) const;
  at::Tensor addPieces(const std::vector<Piece>& pieces);
  at::Tensor* blanks(std::size_t count);
  void release(Record& record);

  const Network& network_;
  CompiledNetwork compiled_;
  int threads_;
  std::string name_;
  std::uint64_t seed_ = 0, step_ = 0;
  std::uint64_t count_ = 0;  // of the records since begin(), consumed ones too
  std::vector<Record> records_;
  std::vector<at::Tensor> spent_;  // leaves of the consumed ones: a loss that reaches them is refused
  std::vector<std::unique_ptr<TileWorkspace>> spare_;  // buffers of earlier steps, used again
  std::vector<at::Tensor> gradients_;                  // likewise [P] each; the first taken_ are this step's
  std::size_t taken_ = 0;
};

struct JointGradients {
  std::vector<at::Tensor> parameters;      // of each tape, [P]; valid until its next begin()
  std::vector<at::Tensor> extras;          // as in Tape::Gradients
  std::vector<std::vector<Batch>> inputs;  // of each tape
};
/// Tape::backward() of a loss built from the leaves of several tapes. Records go backward from the last to the first:
/// where a record's rows are made of earlier leaves, what the loss asks of those is complete
/// before their own tiles run. `others`: tapes that the loss must not reach. ERR_LANGEVIN_INTERNAL where it reaches one
/// of their leaves, or a leaf that an earlier backward() consumed: its gradient would be dropped.
JointGradients backward(const at::Tensor& loss, const std::vector<Tape*>& tapes, const std::vector<at::Tensor>& extras,
                        const std::vector<Derivative>& known = {}, const std::vector<Tape*>& others = {});

}  // namespace langevin
