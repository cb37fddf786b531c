// One Gaussian for each class of nodes, fitted to embeddings: means, covariances and squared Mahalanobis distances.
#pragma once

#include <string>

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

enum class CovarianceForm { Diagonal, Full, Isotropic, Identity };
CovarianceForm readCovarianceForm(const Spec& spec, const std::string& otherwise);

/// Which rows a covariance is of.
enum class Spread {
  PerClass,  // the rows of each class around its mean
  Common,    // all training rows around their common mean: `tied` of the released GEBM code
  Within,    // all training rows, each around the mean of its class (Lee et al. 2018)
};

/**
 * mean_c and the biased covariance (divisor: the number of rows). Then 1e-8, 1e-7, 1e-6, ... is added to the diagonal, one
 * after the other, until every eigenvalue exceeds 1e-6: most units of a ReLU layer are 0 on all nodes of a class, so this
 * decides what a distance along them is.
 */
class ClassGaussians {
 public:
  /// embeddings float64 [n, h]; labels int64 [n]; train: node numbers. Every class of 0 .. classes - 1 needs a training node.
  static ClassGaussians fit(const at::Tensor& embeddings, const at::Tensor& labels, const at::Tensor& train,
                            std::int64_t classes, CovarianceForm form, Spread spread);
  /// What `state` gave.
  static ClassGaussians read(const Spec& state);
  /// means [C, h]; variances [C, h], or factors [C, h, h] (lower Cholesky) of full covariances.
  Map state() const;

  std::int64_t classes() const { return means_.size(0); }
  std::int64_t width() const { return means_.size(1); }
  /// (h - mean_c)' S_c^-1 (h - mean_c) as [n, C]: squared, without the half and the log determinant of a density.
  at::Tensor squaredDistances(const at::Tensor& embeddings, int threads) const;

 private:
  ClassGaussians(at::Tensor means, at::Tensor spread) : means_(std::move(means)), spread_(std::move(spread)) {}
  bool full() const { return spread_.dim() == 3; }

  at::Tensor means_;   // [C, h]
  at::Tensor spread_;  // [C, h] variances, or [C, h, h] lower Cholesky factors
};

}  // namespace langevin
