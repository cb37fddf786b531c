// log Z = log of the integral (or sum) of exp(-E(x) / T).
#pragma once

#include <cstdint>
#include <vector>

#include "base/job.hpp"
#include "base/spec.hpp"
#include "energies/energy.hpp"

namespace langevin {

/// A box cut into equal cells: low, high and number of cells for each of 1 to 3 axes.
struct Grid {
  std::vector<double> low, high;
  std::vector<std::int64_t> cells;

  /// { low, high, cells }: numbers, or lists with one entry an axis. `dimension` axes; default cells by dimension.
  static Grid read(const Spec& spec, std::int64_t dimension);
  std::int64_t dimension() const { return static_cast<std::int64_t>(low.size()); }
  std::int64_t size() const;
  double logCellVolume() const;
  Grid refined(std::int64_t factor) const;
  /// Centres of cells first .. last - 1 in row-major order (the last axis runs fastest), float64 [last - first, d].
  at::Tensor centres(std::int64_t first, std::int64_t last) const;
  /// Whether cell `index` touches the border of the box.
  bool onBorder(std::int64_t index) const;
};

struct GridPartition {
  double logZ = 0;
  double standardError = 0;  // |change of log Z| from half the cells an axis to these: the discretisation estimate
  double borderMass = 0;     // probability of the cells at the border: not small = the box cuts the distribution off
  std::vector<std::int64_t> cells;
  bool converged = true;  // standardError <= tolerance
};

/// Midpoint rule. With `refine`, the cells are doubled along each axis until log Z changes by at most `tolerance` or
/// another doubling would exceed `maxCells`.
GridPartition gridPartition(const Energy& energy, Grid grid, double temperature, const at::Tensor& y, bool refine,
                            double tolerance, std::int64_t maxCells, int threads, Job& job);

/// Sum over every combination of the given values of each variable (of categorical sites: of the given levels); at most
/// 2^20 states, in tiles.
double exactPartition(const Energy& energy, const std::vector<std::vector<double>>& values, double temperature,
                      const at::Tensor& y, int threads, Job& job);

struct AnnealedOptions {
  std::int64_t chains = 1000;
  std::vector<double> betas;  // 0 = b_0 < ... < b_K = 1
  double scale = 1;           // the base is N(0, scale^2 I)
  double stepSize = 0.1;      // leapfrog step of the HMC moves
  std::int64_t leapfrogSteps = 5, moves = 1;
  std::uint64_t seed = 0;
};
struct AnnealedPartition {
  double logZ = 0, standardError = 0, effectiveSampleSize = 0, acceptance = 0;
};
/// Annealed importance sampling (Neal 2001) from a Gaussian base along E_b = (1 - b) |x|^2 / (2 s^2) + b E(x) / T, with
/// HMC moves at every b.
AnnealedPartition annealedPartition(const Energy& energy, const AnnealedOptions& options, double temperature,
                                    const at::Tensor& y, int threads, Job& job);

}  // namespace langevin
