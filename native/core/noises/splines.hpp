// Monotone rational-quadratic splines (Gregory and Delbourgo 1982), one per column, with straight lines beyond the
// outer knots: smooth one-to-one maps of the line with a slope and an inverse in closed form (Durkan et al. 2019).
#pragma once

#include <vector>

#include "base/torch.hpp"

namespace langevin {

class Splines {
 public:
  Splines() = default;
  /// Knots y, their images z and the slopes there, each [d, k]: y and z rising, slopes above 0.
  Splines(at::Tensor y, at::Tensor z, const at::Tensor& slope);
  /// The map of every column of y [d, n] (float64) to a standard normal one: the normal quantile of its kernel-smoothed
  /// distribution function at `knots` quantiles.
  static Splines gaussianising(const at::Tensor& y, std::int64_t knots);

  /// z of y [d, n]; adds the log of the slopes to `logSlope` [n], summed over columns.
  at::Tensor forward(const at::Tensor& y, at::Tensor& logSlope) const;
  at::Tensor inverse(const at::Tensor& z) const;
  Splines to(at::TensorOptions options) const;

 private:
  std::vector<at::Tensor> piecesAt(const at::Tensor& knots, const at::Tensor& at) const;

  at::Tensor y_, z_;    // [d, k]
  at::Tensor pieces_;   // [8, d (k - 1)]: what a piece is made of, gathered at once
  at::Tensor columns_;  // [d, 1]: number of a column's first piece
};

}  // namespace langevin
