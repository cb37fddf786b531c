// The rows a run trains on, wherever they lie: in memory as the model takes them (then nothing is copied), or in a
// RowStore that converts a batch when it is asked for. Objectives, noises and the replay buffer look at them here.
//
// What describes all rows (borders, means, spread) is computed once. Rows in memory, and stores that fit into 64 MiB of
// the model's numbers, are described by the same tensor operations, so the same rows give the same bits; larger stores
// go block by block, in float64.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "program/batch.hpp"
#include "program/domain.hpp"
#include "rows/row_store.hpp"
#include "tensors/random.hpp"

namespace langevin {

/// What is done to the rows of a training step, anew at every step.
struct Augmentation {
  bool flip = false;  // half of the rows are mirrored along their last axis: u < 0.5, u [n, 1] of Stream::Augment
  double noise = 0;   // then noise * xi is added, xi [n, d] standard normal of Stream::AugmentNoise
};

class RowSource {
 public:
  RowSource() = default;
  /// Rows [n, d] as the model takes them.
  RowSource(Batch rows);
  RowSource(at::Tensor x, at::Tensor y = {}) : RowSource(Batch{std::move(x), std::move(y)}) {}
  RowSource(std::shared_ptr<const RowStore> store, Augmentation augmentation);
  /// { tensor | file: { path, dtype, shape, offset }, scale?, shift?, augment?: { flip?, noise? } } for a model that takes
  /// rows of this shape in this dtype on this device.
  static RowSource read(const Spec& spec, const Shape& shape, at::TensorOptions options);
  /// The same rows, each with its condition.
  RowSource with(at::Tensor y) const;

  std::int64_t size() const;
  std::int64_t width() const;
  at::TensorOptions options() const;
  const at::Tensor& y() const { return y_; }  // [n, k], labels [n], or undefined
  /// 0 rows, for functions that ask for dtype, device and columns alone.
  at::Tensor none() const { return at::empty({0, width()}, options()); }

  /// Rows `index`, int64 [k], with their conditions.
  Batch select(const at::Tensor& index) const { return {x(index), y(index)}; }
  at::Tensor x(const at::Tensor& index) const;
  at::Tensor y(const at::Tensor& index) const;
  /// Rows 0 ... count - 1.
  Batch head(std::int64_t count) const;
  /// Rows x of step `step` as training sees them; numbers keyed by (random, row of the batch, step).
  at::Tensor augmented(const at::Tensor& x, std::uint64_t step, const Random& random) const;

  /// ERR_LANGEVIN_NON_FINITE naming row and column.
  void requireFinite() const;
  /// Calls `body` with all rows in order, in one block where they lie in memory, and with the number of a block's first
  /// row.
  void each(const std::function<void(const Batch&, std::int64_t)>& body) const;
  /// All rows at once: the tensor itself where they lie in memory; converted for the caller where that takes 64 MiB at
  /// most. Else Code::Unsupported, saying that `what` looks at all of them at once.
  Batch whole(const std::string& what) const;

  // Of each column, [1, d].
  const at::Tensor& low() const { return *described().low; }
  const at::Tensor& high() const { return *described().high; }
  at::Tensor mean() const;
  /// Divided by n - 1; 1 for a single row.
  at::Tensor deviation() const;
  /// Root mean square distance of the rows from their mean.
  double spread() const;

  /// Goes on from `hash` over all rows x.
  std::uint64_t hash(std::uint64_t hash) const;

 private:
  struct Described {
    std::optional<at::Tensor> low, high;
    at::Tensor mean, squares;  // of a store that goes by blocks: float64, squared distances from the mean summed
  };
  const Described& described() const;
  bool byBlocks() const;

  Batch rows_;                             // where they lie in memory
  std::shared_ptr<const RowStore> store_;  // or else
  at::Tensor y_;
  Augmentation augmentation_;
  mutable std::shared_ptr<Described> described_;
};

/// ERR_LANGEVIN_INVALID_OPTION naming the first row that is no state.
void requireStates(const Domain& domain, const RowSource& data);

}  // namespace langevin
