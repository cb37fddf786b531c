// What makes a quantity without autograd: the interfaces of the fused kernels on a tile and of derivatives by hand on
// tensors. Each implementation stands beside its plain twin (energy_quantities.cpp, score_quantities.cpp).
#pragma once

#include <memory>
#include <vector>

#include "base/threads.hpp"
#include "gradients/score_chain.hpp"
#include "networks/network.hpp"

namespace langevin {

/// A network with the programs of its derivatives: compiled once per tape.
struct CompiledNetwork {
  explicit CompiledNetwork(const Network& of);

  const Network& network;
  std::unique_ptr<TileProgram> second;  // scores in the fused kernels, float32 on the CPU
  std::unique_ptr<ScoreChain> chain;    // curvatures, and scores elsewhere; null: autograd through autograd
};

/// One tile of a record.
struct FusedTile {
  const CompiledNetwork& compiled;
  const TileProgram::Packed& packed;
  TileInput in;
  const std::vector<at::Tensor>& perRow;  // of the whole record; the tile's are rows range.first ... range.last - 1
  TileRange range;
  TileWorkspace& workspace;  // from evaluate() to the gradients: what they need
};

class FusedQuantity {
 public:
  virtual ~FusedQuantity() = default;
  virtual bool covers(const CompiledNetwork& compiled) const = 0;
  /// The shape of one row's value.
  virtual std::vector<std::int64_t> rowShape(const CompiledNetwork& compiled,
                                             const std::vector<at::Tensor>& perRow) const = 0;
  /// Writes the tile's values.
  virtual void evaluate(const FusedTile& tile, float* value) const = 0;
  /// Adds d/dparameters of sum outer . value to `flat` [P].
  virtual void parameterGradient(const FusedTile& tile, const float* outer, float* flat) const = 0;
  virtual bool hasInputGradient() const { return false; }
  /// Writes d/dx of sum outer . value, [rows, d]; only where hasInputGradient().
  virtual void inputGradient(const FusedTile& tile, const float* outer, float* gradient) const;
};

class QuantityByHand {
 public:
  /// What evaluate() leaves for parameterGradient().
  struct Kept {
    virtual ~Kept() = default;
  };
  virtual ~QuantityByHand() = default;
  virtual bool covers(const CompiledNetwork& compiled) const = 0;
  virtual at::Tensor evaluate(const CompiledNetwork& compiled, const Batch& rows, const std::vector<at::Tensor>& perRow,
                              std::unique_ptr<Kept>& kept) const = 0;
  /// d/dparameters of sum outer . value, in the order of the program; undefined where there is none.
  virtual std::vector<at::Tensor> parameterGradient(const CompiledNetwork& compiled, const Kept& kept,
                                                    const at::Tensor& outer) const = 0;
};

}  // namespace langevin
