// Sparse matrices by rows (CSR), how one is made of a list of edges, and products with dense matrices. Products are cut
// into pieces that depend on the matrix alone, so they are bit-equal at any number of threads.
#pragma once

#include <memory>
#include <string>

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

/// Row r holds columns[k] for k in [pointer[r], pointer[r + 1]), ascending, none twice.
struct Csr {
  std::int64_t rows = 0, cols = 0;
  at::Tensor pointer;  // int64 [rows + 1]
  at::Tensor columns;  // int64 [stored]
  at::Tensor values;   // float32 or float64 [stored]; undefined: ones
  std::int64_t stored() const { return columns.numel(); }
};

/// What of a list of edges becomes the adjacency matrix.
struct EdgePolicy {
  bool symmetrise = true;  // every edge in both directions
  bool selfLoops = false;  // kept where they are given
};

/// What was found in the list.
struct EdgeCounts {
  std::int64_t given = 0;
  std::int64_t duplicates = 0;  // the same source and target again
  std::int64_t selfLoops = 0;   // source = target
  std::int64_t reversed = 0;    // added by symmetrise
};

/// The adjacency of edges int64 [2, E] (sources, targets) among `nodes` nodes: row = target, column = source, so that a
/// product sums over the sources of each target. `what` names the list in errors: ERR_LANGEVIN_SHAPE, _DTYPE, and
/// _INVALID_OPTION naming the first edge with an end that is no node.
Csr adjacencyOf(const at::Tensor& edges, std::int64_t nodes, const EdgePolicy& policy, EdgeCounts* counts = nullptr,
                const std::string& what = "edges");
/// The edges int64 [2, stored] (sources, targets) by target, then source.
at::Tensor edgesOf(const Csr& adjacency);
/// Row r of each entry, int64 [stored].
at::Tensor rowsOf(const Csr& matrix);

/// The transpose; `origin` [stored]: which entry of the matrix each of its entries is.
struct Transposed {
  Csr matrix;
  at::Tensor origin;
};
Transposed transposed(const Csr& matrix);
/// Whether the entries are where those of the transpose are.
bool hasSymmetricPattern(const Csr& matrix);

enum class Normalisation { None, Row, Symmetric };
/// 'none', 'row' or 'symmetric'.
Normalisation readNormalisation(const Spec& spec);

/// The adjacency with values: with self loops 1 is put where a diagonal entry is missing. With d the number of entries of a
/// row, a value is 1 (None), 1 / d_target (Row: every row that has entries sums to 1) or 1 / sqrt(d_target d_source)
/// (Symmetric; 0 where the source has no entries).
Csr normalised(const Csr& adjacency, Normalisation how, bool selfLoops, at::ScalarType dtype);
/// The diagonal of ones.
Csr identity(std::int64_t n, at::ScalarType dtype);

/// matrix [rows, cols] times dense [cols, w], both float32 or both float64; a matrix without values counts as ones.
at::Tensor multiply(const Csr& matrix, const at::Tensor& dense, int threads);

/// A matrix and its transpose, made once, when a gradient first asks for it. Not for several threads at a time.
class SparseOperator {
 public:
  /// `symmetric`: the matrix is its own transpose, values and all.
  explicit SparseOperator(Csr matrix, bool symmetric = false) : matrix_(std::move(matrix)), symmetric_(symmetric) {}
  const Csr& matrix() const { return matrix_; }
  const Csr& turned() const;

 private:
  Csr matrix_;
  mutable Csr turned_;
  bool symmetric_;
};
using SparseOperatorRef = std::shared_ptr<const SparseOperator>;

/// matrix x dense with the gradient in the dense matrix (the product of the transpose).
at::Tensor sparseProduct(const SparseOperatorRef& matrix, const at::Tensor& dense, int threads);

}  // namespace langevin
