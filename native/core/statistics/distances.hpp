// Distances between two samples or two discrete distributions. float64; sums run over fixed tiles merged in order, so
// the result does not depend on the number of threads.
#pragma once

#include <cstdint>

#include "base/job.hpp"
#include "base/torch.hpp"

namespace langevin {

/// Biased keeps the pairs of a row with itself (V-statistic, never negative); Unbiased leaves them out (U-statistic,
/// may be negative).
enum class PairRule { Biased, Unbiased };

/// sum |p - q| / 2 over equally shaped masses, each normalised to sum 1 first.
double totalVariation(const at::Tensor& p, const at::Tensor& q);

/// 2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely and Rizzo 2013), Euclidean norm; rows x [n, d], y [m, d].
double energyDistance(const at::Tensor& x, const at::Tensor& y, PairRule rule, int threads, Job& job);

/// Squared maximum mean discrepancy with k(a, b) = exp(-|a - b|^2 / (2 s^2)) (Gretton et al. 2012).
double squaredMmd(const at::Tensor& x, const at::Tensor& y, double bandwidth, PairRule rule, int threads, Job& job);

/// Median Euclidean distance between different rows of x and y together; above 4,000 rows, of 4,000 evenly spaced ones.
double medianDistance(const at::Tensor& x, const at::Tensor& y);

/// (mean over random directions of W_p^p of the projections)^(1/p) (Rabin et al. 2012, Bonneel et al. 2015). The 1-D
/// distances are exact, also for samples of different sizes.
double slicedWasserstein(const at::Tensor& x, const at::Tensor& y, std::int64_t projections, double order,
                         std::uint64_t seed, int threads, Job& job);

}  // namespace langevin
