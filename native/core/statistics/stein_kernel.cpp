#include "statistics/stein_kernel.hpp"

#include <algorithm>

#include "base/threads.hpp"
#include "executors/cpu/products.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kKernelTile = 64;

// |x_i - y_j|^2 by differences, not by products: near pairs keep their digits. `columns` is y turned, [d, m].
template <class T>
void squaredDistances(const T* x, const T* columns, T* __restrict out, std::int64_t n, std::int64_t m, std::int64_t d) {
  for (std::int64_t i = 0; i < n; ++i, out += m) {
    std::fill_n(out, m, T(0));
    for (std::int64_t c = 0; c < d; ++c) {
      const T from = x[i * d + c];
      const T* to = columns + c * m;
      for (std::int64_t j = 0; j < m; ++j) out[j] += (from - to[j]) * (from - to[j]);
    }
  }
}

// What of u depends on the distance alone, each [n, m].
struct Radial {
  at::Tensor k;
  at::Tensor slope;  // grad_x k = slope (x - y), grad_y k its negative
  at::Tensor trace;  // of grad_x grad_y k
};

// slope = 2 beta / c^2 base^(beta - 1), trace = -d slope - 4 beta (beta - 1) / c^4 base^(beta - 2) |x - y|^2 with
// base = 1 + |x - y|^2 / c^2, from k = base^beta.
template <class T>
void slopesAndTraces(const T* squared, const T* k, T* __restrict slope, T* __restrict trace, std::int64_t count,
                     std::int64_t d, const InverseMultiquadric& kernel) {
  const double c2 = kernel.scale * kernel.scale;
  const T first = static_cast<T>(2.0 * kernel.beta / c2), second = static_cast<T>(2.0 * (kernel.beta - 1.0) / c2);
  const T inverse = static_cast<T>(1.0 / c2), columns = static_cast<T>(d);
  for (std::int64_t p = 0; p < count; ++p) {
    const T over = T(1) / (T(1) + inverse * squared[p]);
    slope[p] = first * k[p] * over;
    trace[p] = -slope[p] * (columns + second * over * squared[p]);
  }
}

Radial radial(const at::Tensor& x, const at::Tensor& columns, const InverseMultiquadric& kernel) {
  const std::int64_t n = x.size(0), m = columns.size(1), d = x.size(1);
  const at::Tensor squared = at::empty({n, m}, x.options());
  Radial r{{}, at::empty_like(squared), at::empty_like(squared)};
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "stein", [&] {
    auto* pairs = squared.data_ptr<scalar_t>();
    squaredDistances(x.const_data_ptr<scalar_t>(), columns.const_data_ptr<scalar_t>(), pairs, n, m, d);
    r.k = at::mul(squared, 1.0 / (kernel.scale * kernel.scale)).add_(1.0).pow_(kernel.beta);
    slopesAndTraces(pairs, r.k.const_data_ptr<scalar_t>(), r.slope.data_ptr<scalar_t>(), r.trace.data_ptr<scalar_t>(),
                    n * m, d, kernel);
  });
  return r;
}

// What a tile of rows i adds to every row j.
struct Part {
  at::Tensor pull;    // sum_i k s_i, [d, n]
  at::Tensor slopes;  // sum_i slope (x_i, 1), [d + 1, n]
  double trace = 0;
};

}  // namespace

at::Tensor steinKernel(const at::Tensor& x, const at::Tensor& scoreX, const at::Tensor& y, const at::Tensor& scoreY,
                       const InverseMultiquadric& kernel) {
  const Radial r = radial(x.contiguous(), y.t().contiguous(), kernel);
  // (s(y) - s(x))' (x - y)
  const at::Tensor along =
      x.matmul(scoreY.t()) - (y * scoreY).sum(1).unsqueeze(0) - (x * scoreX).sum(1).unsqueeze(1) + scoreX.matmul(y.t());
  return scoreX.matmul(scoreY.t()) * r.k + r.slope * along + r.trace;
}

// With a_i = sum_j k_ij s_j and h_i = sum_j slope_ij (x_j - x_i) the sum is s . a + 2 s . h + sum of traces: its
// gradient in s is 2 (a + h), and what s . gradient leaves are the traces less s . a.
SteinSum steinSum(const at::Tensor& given, const at::Tensor& score, const InverseMultiquadric& kernel, bool diagonal,
                  int threads) {
  at::NoGradGuard guard;
  const at::Tensor rows = given.detach().cpu(), s = score.detach().cpu().contiguous();
  const at::Tensor x = (rows - rows.mean(0)).contiguous();  // far from 0 the sums of slope x would cancel
  const at::Tensor columns = x.t().contiguous(), ones = at::cat({x, at::ones({x.size(0), 1}, x.options())}, 1);
  const std::int64_t n = x.size(0), d = x.size(1), tiles = (n + kKernelTile - 1) / kKernelTile;
  std::vector<Part> parts(static_cast<std::size_t>(tiles));
  parallelTiles(tiles, threads, [&](std::int64_t t) {
    at::NoGradGuard here;
    const std::int64_t first = t * kKernelTile, last = std::min(n, first + kKernelTile);
    const Radial r = radial(x.slice(0, first, last), columns, kernel);
    parts[static_cast<std::size_t>(t)] = {product(s.slice(0, first, last).t(), r.k),
                                          product(ones.slice(0, first, last).t(), r.slope),
                                          r.trace.sum().item<double>()};
  });
  Part all = std::move(parts[0]);
  for (std::size_t t = 1; t < parts.size(); ++t) {
    all.pull += parts[t].pull;
    all.slopes += parts[t].slopes;
    all.trace += parts[t].trace;
  }
  at::Tensor a = all.pull.t();
  const at::Tensor h = (all.slopes.slice(0, 0, d) - columns * all.slopes[d]).t();
  if (!diagonal) {  // there k = 1 and |x - y| = 0
    a = a - s;
    all.trace += 2.0 * kernel.beta / (kernel.scale * kernel.scale) * static_cast<double>(n * d);
  }
  return {((a + h) * 2).to(score.device()), all.trace - (s * a).sum().item<double>()};
}

}  // namespace langevin
