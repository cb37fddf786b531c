// What makes a quantity without autograd: the interfaces of the fused kernels on a tile and of derivatives by hand on
// tensors. Each implementation stands beside its plain twin (energy_quantities.cpp, score_quantities.cpp).
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "gradients/score_chain.hpp"
#include "networks/network.hpp"

namespace langevin {

/// A network with the programs of its derivatives: compiled once per tape.
struct CompiledNetwork {
  explicit CompiledNetwork(const Network& of);

  const Network& network;
  std::unique_ptr<ScoreChain> chain;  // curvatures, and scores elsewhere; null: autograd through autograd
  /// Scores in the fused kernels, in the numbers of the network's tiles; null: not there.
  template <class T>
  const TileProgramOf<T>* second() const {
    return std::get<std::unique_ptr<TileProgramOf<T>>>(second_).get();
  }

 private:
  std::tuple<std::unique_ptr<TileProgramOf<float>>, std::unique_ptr<TileProgramOf<double>>> second_;
};

/// One tile of a record.
template <class T>
struct FusedTileOf {
  const CompiledNetwork& compiled;
  const PackedOf<T>& packed;
  TileInputOf<T> in;
  const std::vector<at::Tensor>& perRow;  // of the whole record; the tile's are rows range.first ... range.last - 1
  TileRange range;
  TileWorkspace& workspace;  // from evaluate() to the gradients: what they need
};

/// A quantity in the fused kernels with numbers T.
template <class T>
class FusedQuantityOf {
 public:
  virtual ~FusedQuantityOf() = default;
  virtual bool covers(const CompiledNetwork& compiled) const = 0;
  /// The shape of one row's value.
  virtual std::vector<std::int64_t> rowShape(const CompiledNetwork& compiled,
                                             const std::vector<at::Tensor>& perRow) const = 0;
  /// Writes the tile's values.
  virtual void evaluate(const FusedTileOf<T>& tile, T* value) const = 0;
  /// Adds d/dparameters of sum outer . value to `flat` [P].
  virtual void parameterGradient(const FusedTileOf<T>& tile, const T* outer, T* flat) const = 0;
  virtual bool hasInputGradient() const { return false; }
  /// Writes d/dx of sum outer . value, [rows, d]; only where hasInputGradient().
  virtual void inputGradient(const FusedTileOf<T>&, const T*, T*) const {
    fail(Code::Internal, "a fused quantity without gradients in x was asked for one");
  }
};

/// The same in each number type it has; null: that has the other paths.
struct FusedQuantity {
  const FusedQuantityOf<float>* float32 = nullptr;
  const FusedQuantityOf<double>* float64 = nullptr;

  template <class T>
  const FusedQuantityOf<T>* of() const {
    if constexpr (std::is_same_v<T, float>)
      return float32;
    else
      return float64;
  }
  /// Whether the network has tiles, and the quantity a form in their numbers that covers it.
  bool covers(const CompiledNetwork& compiled) const;
  bool hasInputGradient() const { return float32->hasInputGradient(); }
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
