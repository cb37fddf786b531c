// Features of nodes: a dense matrix, or a sparse one as word counts are.
#pragma once

#include "base/spec.hpp"
#include "graphs/csr.hpp"

namespace langevin {

/// One of the two is set.
struct Features {
  at::Tensor dense;  // float32 or float64 [n, d]
  Csr sparse;        // values float32 or float64
  bool isDense() const { return dense.defined(); }
  std::int64_t nodes() const { return isDense() ? dense.size(0) : sparse.rows; }
  std::int64_t columns() const { return isDense() ? dense.size(1) : sparse.cols; }
};

/// { dense: [n, d] }, or { indptr, indices, values?, columns } checked entry by entry: ERR_LANGEVIN_SHAPE, _DTYPE,
/// _INVALID_OPTION, _NON_FINITE with the row and column. Rows of indices may be in any order; they come out ascending.
Features readFeatures(const Spec& spec);
/// The same as a map, for JavaScript.
Map describe(const Features& features);
/// A matrix given by indptr, indices and values (undefined: ones) under the names `what` + "indptr", ...
Csr readCsr(const Spec& spec, std::int64_t columns);

/// Rows of these numbers, int64 [k].
Features rowsOf(const Features& features, const at::Tensor& rows);
/// As a dense matrix, and as a sparse one without its zeros.
at::Tensor toDense(const Features& features, at::ScalarType dtype);
Csr toSparse(const at::Tensor& dense);
/// Every number that is not 0 becomes 1 where `binarise`; then rows are divided by their norm (1 or 2; 0: they are not).
/// Rows of zeros stay.
Features prepared(const Features& features, bool binarise, int norm);

}  // namespace langevin
