// Logistic losses and softmax weights of a few numbers, with derivatives: what noise-contrastive losses end in.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace langevin {

struct Softplus {
  double value, slope;  // log(1 + exp x) and 1 / (1 + exp -x)
};

inline Softplus softplus(double x) {
  // e in (0, 1]: nothing overflows, and what 1 + e rounds away is below the last digit of a sum of such numbers.
  const double e = std::exp(-std::abs(x));
  return {std::max(x, 0.0) + std::log(1.0 + e), (x >= 0 ? 1.0 : e) / (1.0 + e)};
}

/// log sum_i exp x_i; the numbers become the softmax weights.
inline double softmaxInPlace(double* x, std::size_t count) {
  const double largest = *std::max_element(x, x + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += x[i] = std::exp(x[i] - largest);
  for (std::size_t i = 0; i < count; ++i) x[i] /= sum;
  return largest + std::log(sum);
}

}  // namespace langevin
