// The Stein kernel of a law with score s under the inverse multiquadric k(x, y) = (1 + |x - y|^2 / c^2)^beta,
// -1 < beta < 0 (Gorham and Mackey 2017):
//   u(x, y) = s(x)' s(y) k + s(x)' grad_y k + s(y)' grad_x k + trace grad_x grad_y k.
// Its mean over independent x, y of a law p is the squared kernel Stein discrepancy between p and the law of s; 0 if
// and only if they are equal.
#pragma once

#include "base/torch.hpp"

namespace langevin {

struct InverseMultiquadric {
  double scale = 1;    // c
  double beta = -0.5;  // exponent
};

/// u of every pair, [n, m], of rows x [n, d], y [m, d] and the scores at them, all on the CPU; differentiable
/// in the scores.
at::Tensor steinKernel(const at::Tensor& x, const at::Tensor& scoreX, const at::Tensor& y, const at::Tensor& scoreY,
                       const InverseMultiquadric& kernel);

/// sum over pairs i != j of u(x_i, x_j), or over all pairs with `diagonal`. It is a quadratic function of the scores:
/// value = sum_i s_i . gradient_i + rest.
struct SteinSum {
  at::Tensor gradient;  // in the scores, [n, d]
  double rest = 0;
};
/// Without a graph and without a matrix of all pairs: in tiles of rows that depend on nothing but n, added in order, so
/// the same bits at any number of threads. Rows of another device are worked on by the CPU.
SteinSum steinSum(const at::Tensor& x, const at::Tensor& score, const InverseMultiquadric& kernel, bool diagonal,
                  int threads);

}  // namespace langevin
