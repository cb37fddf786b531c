#include "objectives/stein_kernel.hpp"

namespace langevin {

at::Tensor steinKernel(const at::Tensor& x, const at::Tensor& scoreX, const at::Tensor& y, const at::Tensor& scoreY,
                       const InverseMultiquadric& kernel) {
  const double c2 = kernel.scale * kernel.scale, beta = kernel.beta;
  const auto d = static_cast<double>(x.size(1));
  // Distances by differences (mode 2), not by products: near pairs keep their digits.
  const at::Tensor squared = at::cdist(x, y, 2.0, 2).square();
  const at::Tensor base = 1.0 + squared / c2;
  const at::Tensor k = base.pow(beta);
  // grad_x k = 2 beta / c^2 base^(beta - 1) (x - y), grad_y k its negative.
  const at::Tensor slope = (2.0 * beta / c2) * base.pow(beta - 1.0);
  // (s(y) - s(x))' (x - y)
  const at::Tensor along =
      x.matmul(scoreY.t()) - (y * scoreY).sum(1).unsqueeze(0) - (x * scoreX).sum(1).unsqueeze(1) + scoreX.matmul(y.t());
  const at::Tensor trace = -slope * d - (4.0 * beta * (beta - 1.0) / (c2 * c2)) * base.pow(beta - 2.0) * squared;
  return scoreX.matmul(scoreY.t()) * k + slope * along + trace;
}

}  // namespace langevin
