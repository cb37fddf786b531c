#include "evaluation/partition.hpp"

#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "tensors/arguments.hpp"
#include "tensors/log_sum.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kPartitionBlock = 1 << 15;  // rows evaluated at once: bounded memory however fine the grid is

// y of a conditional energy is one condition for the whole sum: [1, c] or one class.
at::Tensor repeatedRow(const at::Tensor& y, std::int64_t n) {
  if (!y.defined()) return y;
  std::vector<std::int64_t> shape(y.sizes().begin(), y.sizes().end());
  shape[0] = n;
  return y.expand(shape);
}

struct GridSum {
  double logZ, borderMass, entropy;
};

GridSum sumOver(const Energy& energy, const Grid& grid, double temperature, const at::Tensor& y, int threads,
                Job& job) {
  WeightedSum all;
  LogSum border;
  const std::int64_t total = grid.size();
  for (std::int64_t first = 0; first < total; first += kPartitionBlock) {
    job.check();
    const std::int64_t last = std::min(total, first + kPartitionBlock);
    const at::Tensor terms = negativeEnergy(energy, grid.centres(first, last), y, temperature, threads);
    const double* p = terms.data_ptr<double>();
    for (std::int64_t i = 0; i < last - first; ++i) {
      all.add(p[i]);
      if (grid.onBorder(first + i)) border.add(p[i]);
    }
  }
  const double logZ = all.value() + grid.logCellVolume();
  return {logZ, std::exp(border.value() - all.value()), logZ - all.mean()};
}

}  // namespace

at::Tensor negativeEnergy(const Energy& energy, const at::Tensor& points, const at::Tensor& y, double temperature,
                          int threads) {
  const at::Tensor e = energy.energyOf(energy.rows(points, repeatedRow(y, points.size(0))), threads)
                           .to(at::kCPU, at::kDouble)
                           .contiguous();
  const double* p = e.data_ptr<double>();
  for (std::int64_t i = 0; i < e.numel(); ++i)
    if (!std::isfinite(p[i])) {
      std::string at;
      for (std::int64_t j = 0; j < points.size(1); ++j)
        at += (j ? ", " : "") + std::to_string(points[i][j].item<double>());
      throw Error(Code::NonFinite, "the energy is not finite at x = (" + at + "); log Z does not exist there");
    }
  return e.mul(-1 / temperature);
}

GridPartition gridPartition(const Energy& energy, Grid grid, double temperature, const at::Tensor& y, bool refine,
                            double tolerance, std::int64_t maxCells, int threads, Job& job) {
  if (grid.size() > maxCells)
    fail(Code::InvalidOption, "the grid has ", grid.size(), " cells, more than maxCells = ", maxCells);
  // Two coarser grids first, a quarter and half the cells per axis: they cost little and say how log Z moves.
  std::vector<Grid> ladder(2, grid);
  for (std::size_t k = 0; k < grid.cells.size(); ++k) {
    ladder[0].cells[k] = std::max<std::int64_t>(1, grid.cells[k] / 4);
    ladder[1].cells[k] = std::max<std::int64_t>(1, grid.cells[k] / 2);
  }
  const double factor = std::pow(2.0, static_cast<double>(grid.dimension()));
  double before = sumOver(energy, ladder[0], temperature, y, threads, job).logZ;
  GridPartition result;
  const auto take = [&](const Grid& at) {
    const GridSum now = sumOver(energy, at, temperature, y, threads, job);
    result.changes.push_back(now.logZ - before);
    before = result.logZ = now.logZ;
    result.borderMass = now.borderMass;
    result.entropy = now.entropy;
    result.cells = at.cells;
  };
  take(ladder[1]);
  for (;; grid = grid.refined(2)) {
    take(grid);
    const auto last = result.changes.rbegin();
    result.standardError = std::abs(last[0]);
    result.converged = std::max(std::abs(last[0]), std::abs(last[1])) <= tolerance;
    if (!refine || result.converged || static_cast<double>(grid.size()) * factor > static_cast<double>(maxCells))
      return result;
  }
}

ExactPartition exactPartition(const Energy& energy, const std::vector<std::vector<double>>& values, double temperature,
                              const at::Tensor& y, int threads, Job& job) {
  constexpr std::int64_t kMost = 1 << 20;
  std::int64_t total = 1;
  for (const auto& v : values) {
    total *= static_cast<std::int64_t>(v.size());
    if (total > kMost)
      fail(
          Code::Unsupported,
          "there are more than 2^20 = 1048576 states; partition.exact enumerates at most that many. Use partition.ais");
  }
  const auto d = static_cast<std::int64_t>(values.size());
  WeightedSum all;
  for (std::int64_t first = 0; first < total; first += kPartitionBlock) {
    job.check();
    const std::int64_t last = std::min(total, first + kPartitionBlock);
    at::Tensor states = at::empty({last - first, d}, at::kDouble);
    double* p = states.data_ptr<double>();
    for (std::int64_t i = first; i < last; ++i) {
      std::int64_t rest = i;
      for (std::int64_t k = d - 1; k >= 0; --k) {
        const auto& v = values[static_cast<std::size_t>(k)];
        const auto n = static_cast<std::int64_t>(v.size());
        p[(i - first) * d + k] = v[static_cast<std::size_t>(rest % n)];
        rest /= n;
      }
    }
    const at::Tensor terms = negativeEnergy(energy, energy.program().domain.rows(states), y, temperature, threads);
    for (std::int64_t i = 0; i < terms.numel(); ++i) all.add(terms.data_ptr<double>()[i]);
  }
  return {all.value(), all.value() - all.mean(), total};
}

WeightSummary importancePartition(const Energy& energy, const ImportanceOptions& options, double temperature,
                                  const at::Tensor& y, int threads, Job& job) {
  const at::NoGradGuard guard;
  const Random random(options.seed);
  at::Tensor logWeight = at::empty({options.draws}, at::kDouble);
  for (std::int64_t first = 0; first < options.draws; first += kPartitionBlock) {
    job.check();
    const std::int64_t last = std::min(options.draws, first + kPartitionBlock);
    const at::Tensor x = options.proposal.draw(first, last, random);
    const at::Tensor terms = negativeEnergy(energy, x, y, temperature, threads);
    logWeight.slice(0, first, last).copy_(terms - options.proposal.logDensity(x));
  }
  return summariseWeights(logWeight, "importance sampling");
}

}  // namespace langevin
