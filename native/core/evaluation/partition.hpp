// log Z = log of the integral (or sum) of exp(-E(x) / T).
#pragma once

#include <cstdint>
#include <vector>

#include "base/job.hpp"
#include "base/spec.hpp"
#include "energies/energy.hpp"
#include "noises/mixture_law.hpp"
#include "statistics/log_weights.hpp"
#include "tensors/grid.hpp"

namespace langevin {

struct GridPartition {
  double logZ = 0;
  double standardError = 0;     // |change of log Z| at the last doubling: the discretisation estimate
  std::vector<double> changes;  // of log Z from every grid to the next, from a quarter of the first cells per axis on
  double borderMass = 0;        // probability of the cells at the border: not small = the box cuts the distribution off
  double entropy = 0;           // -E[log p] in nats, of the law on the box
  std::vector<std::int64_t> cells;
  bool converged = true;  // the last two changes are at most the tolerance
};

/// Midpoint rule. With `refine`, the cells are doubled along each axis until log Z changes by at most
/// `tolerance` twice in a row (once could be chance, or a grid whose points miss a narrow mode) or another
/// doubling would exceed `maxCells`.
GridPartition gridPartition(const Energy& energy, Grid grid, double temperature, const at::Tensor& y, bool refine,
                            double tolerance, std::int64_t maxCells, int threads, Job& job);

struct ExactPartition {
  double logZ = 0, entropy = 0;
  std::int64_t states = 0;
};
/// Sum over every combination of the given values of each variable (of categorical sites: of the given levels); at most
/// 2^20 states, in tiles.
ExactPartition exactPartition(const Energy& energy, const std::vector<std::vector<double>>& values, double temperature,
                              const at::Tensor& y, int threads, Job& job);

struct ImportanceOptions {
  MixtureLaw proposal;
  std::int64_t draws = 10000;
  std::uint64_t seed = 0;
};
/// log of the mean of exp(-E(x) / T) / q(x), x drawn from the proposal q.
WeightSummary importancePartition(const Energy& energy, const ImportanceOptions& options, double temperature,
                                  const at::Tensor& y, int threads, Job& job);

/// -E / T of rows at one condition y, float64 on the CPU; an energy that is not finite is Code::NonFinite
/// naming the point.
at::Tensor negativeEnergy(const Energy& energy, const at::Tensor& points, const at::Tensor& y, double temperature,
                          int threads);

}  // namespace langevin
