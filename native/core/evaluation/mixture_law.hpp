// A mixture of Gaussians as a law to draw from: the proposal of importance sampling.
#pragma once

#include <cstdint>

#include "base/random.hpp"
#include "base/spec.hpp"

namespace langevin {

/// q(x) = sum_k w_k N(x; m_k, L_k L_k'), float64 on the CPU.
struct MixtureLaw {
  at::Tensor logWeights;  // [k], normalised
  at::Tensor means;       // [k, d]
  at::Tensor factors;     // [k, d, d], lower triangular

  std::int64_t components() const { return means.size(0); }
  std::int64_t dimension() const { return means.size(1); }

  /// { means, weights?, sigmas | covariances }, as energies.gaussianMixture takes them.
  static MixtureLaw read(const Spec& spec, std::int64_t dimension);
  /// Maximum likelihood by expectation-maximisation (Dempster, Laird and Rubin 1977) on rows [n, d], `components` full
  /// covariances, at most 200 rounds. Starts at k-means++ seeds (Arthur and Vassilvitskii 2007).
  static MixtureLaw fit(const at::Tensor& rows, std::int64_t components, const Random& random);
  /// The same with covariances times `inflate`, and a share `defensive` of one more Gaussian with the mixture's mean
  /// and four times its covariance (Hesterberg 1995): the weights stay bounded where a component is too narrow.
  MixtureLaw widened(double inflate, double defensive) const;

  at::Tensor componentLogDensity(const at::Tensor& x) const;  // log w_k N_k(x), [n, k]
  at::Tensor logDensity(const at::Tensor& x) const;           // [n]
  /// Draws number first .. last - 1, [last - first, d].
  at::Tensor draw(std::int64_t first, std::int64_t last, const Random& random) const;
};

}  // namespace langevin
