// Reading the arguments evaluation functions share: vectors, matrices, class labels, in float64 on the CPU.
#pragma once

#include <string>

#include "base/spec.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

/// Finite numbers [n] (or [n, 1]) as contiguous float64 on the CPU.
inline at::Tensor readVector(const Spec& spec) {
  at::Tensor v = asRows(unbox(spec).dim() == 2 ? unbox(spec) : unbox(spec).reshape({-1, 1}), 1, at::kDouble, at::kCPU,
                        spec.path());
  requireFinite(v, spec.path());
  return v.squeeze(1).contiguous();
}

/// Finite rows [n, d] as contiguous float64 on the CPU; a vector [n] becomes [n, 1]. More axes than two are flattened.
inline at::Tensor readMatrix(const Spec& spec) {
  const at::Tensor& t = unbox(spec);
  if (t.dim() < 1) fail(Code::Shape, spec.path(), " must have shape [n, d], got a scalar");
  at::Tensor flat = t.dim() == 1 ? t.unsqueeze(1) : t.size(0) > 0 ? t.flatten(1) : t.reshape({0, 1});
  at::Tensor v = asRows(flat, flat.size(1), at::kDouble, at::kCPU, spec.path());
  requireFinite(v, spec.path());
  return v;
}

inline void requireRows(const at::Tensor& value, std::int64_t least, const std::string& what) {
  if (value.size(0) < least) fail(Code::Shape, what, " has ", value.size(0), " rows; this needs at least ", least);
}

inline void requireSameRows(const at::Tensor& a, const std::string& whatA, const at::Tensor& b,
                            const std::string& whatB) {
  if (a.size(0) != b.size(0))
    fail(Code::Shape, whatA, " has ", a.size(0), " rows and ", whatB, " has ", b.size(0), "; they must agree");
}

}  // namespace langevin
