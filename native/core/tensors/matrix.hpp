// Vectors and matrices written in specs as nested lists.
#pragma once

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

/// float64 [n] of a list of numbers, at least one.
at::Tensor vectorOf(const Spec& spec);
/// float64 [rows, cols] of a list of lists, all of one length.
at::Tensor matrixOf(const Spec& spec);
/// float64 [d, d]: a number (times the identity), a list of d numbers (the diagonal) or a symmetric matrix.
at::Tensor symmetricOf(const Spec& spec, std::int64_t d);
/// The lower Cholesky factor; an error at the spec's path when the matrix is not positive definite.
at::Tensor choleskyOf(const Spec& spec, const at::Tensor& matrix);

}  // namespace langevin
