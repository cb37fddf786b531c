// A mixture of Gaussians as a noise: x = m_k + L_k e with probability w_k, log p = logsumexp_k log w_k N(x; m_k, L_k
// L_k').
#pragma once

#include <cmath>
#include <numbers>

#include "noises/noise.hpp"

namespace langevin {

class MixtureNoise : public Noise {
 public:
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    const at::TensorOptions options = means_.options();
    // The component's number has a stream of its own: the normals below use the words of NoiseSample.
    const at::Tensor u = random.uniform(count, 1, step, Stream::Auxiliary, at::kDouble).squeeze(1);
    const at::Tensor k = at::searchsorted(borders_, u).to(options.device());
    const at::Tensor e = random.normal(count, means_.size(1), step, Stream::NoiseSample, options);
    return means_.index_select(0, k) + factors_.index_select(0, k).matmul(e.unsqueeze(2)).squeeze(2);
  }
  at::Tensor logDensity(const at::Tensor& x) const override {
    std::vector<at::Tensor> terms;
    for (std::int64_t k = 0; k < means_.size(0); ++k)
      terms.push_back(constants_[static_cast<std::size_t>(k)] -
                      0.5 * (x - means_[k]).matmul(whiteners_[k].t()).square().sum(1));
    return at::stack(terms).logsumexp(0);
  }

 protected:
  /// Weights [k] (any positive numbers), means [k, d], lower factors [k, d, d]; kept in the options of the data.
  void set(const at::Tensor& weights, const at::Tensor& means, const at::Tensor& factors, at::TensorOptions options) {
    const std::int64_t count = means.size(0), d = means.size(1);
    const at::Tensor shares = weights / weights.sum();
    borders_ = shares.cumsum(0).slice(0, 0, count - 1).contiguous();
    const at::Tensor inverse = at::linalg_solve_triangular(
        factors, at::eye(d, at::kDouble).expand({count, d, d}).contiguous(), /*upper=*/false);
    constants_.clear();
    for (std::int64_t k = 0; k < count; ++k)
      constants_.push_back(std::log(shares[k].item<double>()) - factors[k].diagonal().log().sum().item<double>() -
                           0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi));
    means_ = means.to(options);
    factors_ = factors.to(options);
    whiteners_ = inverse.to(options);
  }

 private:
  at::Tensor borders_;  // cumulative weights but the last, float64 on the CPU
  at::Tensor means_, factors_, whiteners_;
  std::vector<double> constants_;
};

}  // namespace langevin
