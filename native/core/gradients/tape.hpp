// A tape in tiles. Energies, network outputs and scores of many rows are computed tile by tile on the pool, each tile
// with a graph of its own; the objective sees one detached leaf. Backward runs the small graph of the objective once,
// then every tile's graph in parallel, and adds the tiles' parameter gradients in a fixed order: bit-equal at any
// number of threads.
#pragma once

#include <memory>
#include <vector>

#include "base/threads.hpp"
#include "energies/energy.hpp"
#include "gradients/derivative.hpp"
#include "gradients/score_chain.hpp"

namespace langevin {

class Tape {
 public:
  enum class Kind { Energy, Outputs, Score, Curvature };

  Tape(const Energy& model, int threads);

  /// Forgets what was recorded. Dropout masks of the records that follow are keyed by (seed, step, record, row).
  void begin(std::uint64_t seed, std::uint64_t step);
  /// Energy [n], outputs [n, k] or score -dE/dx [n, d] of the rows: a leaf that requires grad.
  at::Tensor record(Kind kind, const Batch& rows) { return record(kind, std::vector<Batch>{rows})[0]; }
  /// The same of several sets of rows in one go: a leaf each.
  std::vector<at::Tensor> record(Kind kind, const std::vector<Batch>& parts);
  /// Two leaves: the score [n, d], and v' (d2E/dx2) v for each of the row's m directions v, [n, m]; `directions`
  /// [n, m, d].
  std::vector<at::Tensor> recordCurvature(const Batch& rows, const at::Tensor& directions);

  struct Gradients {
    at::Tensor parameters;           // [P], order of Parameters::flat(); valid until the next begin()
    std::vector<at::Tensor> extras;  // one for each tensor given, zeros where the loss does not depend on it
  };
  /// d loss / d parameters and d loss / d extras of a scalar built from the recorded leaves, and of one whose
  /// derivatives by some of them are `known`. Consumes the records.
  Gradients backward(const at::Tensor& loss, const std::vector<at::Tensor>& extras,
                     const std::vector<Derivative>& known = {});

  /// The rows of every record since begin(), in order.
  std::vector<Batch> recorded() const;

 private:
  struct Tile {
    std::vector<at::Tensor> leaves;            // parameters, order of Parameters::info()
    at::Tensor value;                          // with its graph; undefined when the fused executor made it
    std::unique_ptr<TileWorkspace> workspace;  // what the fused executor needs to go backward
    ScoreChain::Record chain;                  // likewise of derivatives by hand on tensors
  };
  struct Record {
    Batch rows;                      // of all parts
    std::vector<at::Tensor> leaves;  // one per part; of a curvature record the columns of its value
    at::Tensor directions;           // of a curvature record
    Kind kind = Kind::Energy;
    std::shared_ptr<const TileProgram::Packed> packed;  // set when the fused executor runs this record
    std::vector<Tile> tiles;
    std::vector<TileRange> ranges;
  };

  bool hasFused(Kind kind) const;
  at::Tensor evaluate(Record& record);
  static ScoreChain::Directions directionsOf(const Record& record, const TileRange& range);
  Tile evaluateTile(Kind kind, const Batch& rows, const at::Tensor& directions, const EvaluationMode& mode) const;
  at::Tensor evaluateFused(Record& record);
  at::Tensor evaluatePlain(Record& record);
  void addFusedGradient(const Record& record, std::size_t index, const at::Tensor& outer, at::Tensor& flat) const;
  void addPlainGradient(const Record& record, std::size_t index, const at::Tensor& outer, at::Tensor& flat) const;
  at::Tensor* blanks(std::size_t count);
  void release();

  const Energy& model_;
  int threads_;
  std::unique_ptr<TileProgram> second_;  // scores in the fused kernels, float32 on the CPU
  std::unique_ptr<ScoreChain> chain_;    // curvatures, and scores elsewhere; null: autograd through autograd
  std::uint64_t seed_ = 0, step_ = 0;
  std::vector<Record> records_;
  std::vector<std::unique_ptr<TileWorkspace>> spare_;  // buffers of earlier steps, used again
  std::vector<at::Tensor> gradients_;                  // likewise [P] each; the first taken_ are this step's
  std::size_t taken_ = 0;
};

}  // namespace langevin
