// A mixture of Gaussians as a law to draw from: the proposal of importance sampling, the noise
// of noise-contrastive objectives.
#pragma once

#include <cstdint>
#include <string>

#include "base/spec.hpp"
#include "tensors/random.hpp"

namespace langevin {

/// How a mixture is fitted by expectation-maximisation.
struct MixtureFit {
  std::int64_t rounds = 200;  // at most
  double stop = 1e-6;         // nats a row that a round must gain
  double ridge = 1e-6;        // added to every variance, as a share of the mean variance of the columns: a component
                              // that has collapsed onto few rows stays a proper law
};

/// q(x) = sum_k w_k N(x; m_k, L_k L_k'), float64 on the CPU until to() says otherwise.
struct MixtureLaw {
  at::Tensor logWeights;  // [k], normalised
  at::Tensor means;       // [k, d]
  at::Tensor factors;     // [k, d, d], lower triangular

  std::int64_t components() const { return means.size(0); }
  std::int64_t dimension() const { return means.size(1); }

  /// { means, weights?, sigmas | covariances }, as energies.gaussianMixture takes them.
  static MixtureLaw read(const Spec& spec, std::int64_t dimension);
  /// Maximum likelihood by expectation-maximisation (Dempster, Laird and Rubin 1977) on rows [n, d], `components` full
  /// covariances. Starts at k-means++ seeds (Arthur and Vassilvitskii 2007). Code::Shape below components * (d + 1)
  /// rows, which `what` names.
  static MixtureLaw fit(const at::Tensor& rows, std::int64_t components, const Random& random,
                        const std::string& what = "rows", const MixtureFit& options = {});
  /// The same with covariances times `inflate`, and a share `defensive` of one more Gaussian with the mixture's mean
  /// and four times its covariance (Hesterberg 1995): the weights stay bounded where a component is too narrow.
  MixtureLaw widened(double inflate, double defensive) const;

  /// The same numbers in another dtype, on another device.
  MixtureLaw to(at::TensorOptions options) const;

  at::Tensor componentLogDensity(const at::Tensor& x) const;  // log w_k N_k(x), [n, k]
  at::Tensor logDensity(const at::Tensor& x) const;           // [n]
  /// Rows m_k + L_k z [n, d] from standard normals z, k by inversion of u [n] in (0, 1).
  at::Tensor rows(const at::Tensor& u, const at::Tensor& z) const;
  /// Draws number first .. last - 1, [last - first, d].
  at::Tensor draw(std::int64_t first, std::int64_t last, const Random& random) const;
};

}  // namespace langevin
