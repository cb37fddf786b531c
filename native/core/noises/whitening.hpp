// The affine map that gives rows mean 0 and covariance 1, and its inverse: x = mean + scale L z, L L' = cov.
#pragma once

#include <string>

#include "base/torch.hpp"

namespace langevin {

struct Whitening {
  at::Tensor mean;     // [1, d]
  at::Tensor factorT;  // (scale L)' [d, d]
  at::Tensor whitenT;  // its inverse
  double logDet = 0;   // log det (scale L)

  /// Of rows [n, d], in their dtype. `ridge`, as a share of the mean variance, is added to the covariance's diagonal.
  /// `what` names the noise in errors.
  static Whitening fit(const at::Tensor& x, double scale, double ridge, const std::string& what);

  std::int64_t columns() const { return mean.size(1); }
  at::Tensor white(const at::Tensor& x) const { return (x - mean).matmul(whitenT); }
  at::Tensor coloured(const at::Tensor& z) const { return mean + z.matmul(factorT); }
};

}  // namespace langevin
