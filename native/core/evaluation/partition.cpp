#include "evaluation/partition.hpp"

#include <algorithm>
#include <cmath>

#include "base/tensor.hpp"
#include "base/threads.hpp"
#include "evaluation/arguments.hpp"
#include "evaluation/log_sum.hpp"
#include "evaluation/metrics.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kBlock = 1 << 15;  // rows evaluated at once: bounded memory however fine the grid is

std::vector<double> perAxis(const Spec& spec, std::int64_t dimension) {
  if (!spec.value().list()) return std::vector<double>(static_cast<std::size_t>(dimension), spec.number());
  std::vector<double> v = spec.numbers();
  if (static_cast<std::int64_t>(v.size()) != dimension)
    spec.invalid("has " + std::to_string(v.size()) + " entries for " + std::to_string(dimension) + " axes");
  return v;
}

// y of a conditional energy is one condition for the whole sum: [1, c] or one class.
at::Tensor repeated(const at::Tensor& y, std::int64_t n) {
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
  for (std::int64_t first = 0; first < total; first += kBlock) {
    job.check();
    const std::int64_t last = std::min(total, first + kBlock);
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
  const at::Tensor e =
      energy.energyOf(energy.rows(points, repeated(y, points.size(0))), threads).to(at::kCPU, at::kDouble).contiguous();
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

Grid Grid::read(const Spec& spec, std::int64_t dimension) {
  if (dimension < 1 || dimension > 3)
    fail(Code::Unsupported, "a grid has 1 to 3 axes, this energy has ", dimension,
         "; use partition.ais for more dimensions");
  constexpr double kDefaultCells[] = {1024, 256, 64};
  Grid grid;
  grid.low = perAxis(spec.at("low"), dimension);
  grid.high = perAxis(spec.at("high"), dimension);
  const std::vector<double> cells =
      spec.has("cells") ? perAxis(spec.at("cells"), dimension)
                        : std::vector<double>(static_cast<std::size_t>(dimension), kDefaultCells[dimension - 1]);
  for (std::size_t k = 0; k < grid.low.size(); ++k) {
    if (!(grid.low[k] < grid.high[k])) spec.at("low").invalid("must be below `high` on every axis");
    if (cells[k] != std::floor(cells[k]) || cells[k] < 2 || cells[k] > 1e8)
      spec.at("cells").invalid("must be whole numbers of at least 2");
    grid.cells.push_back(static_cast<std::int64_t>(cells[k]));
  }
  return grid;
}

std::int64_t Grid::size() const {
  std::int64_t n = 1;
  for (std::int64_t c : cells) n *= c;
  return n;
}

double Grid::logCellVolume() const {
  double sum = 0;
  for (std::size_t k = 0; k < low.size(); ++k) sum += std::log((high[k] - low[k]) / static_cast<double>(cells[k]));
  return sum;
}

Grid Grid::refined(std::int64_t factor) const {
  Grid g = *this;
  for (std::int64_t& c : g.cells) c *= factor;
  return g;
}

at::Tensor Grid::centres(std::int64_t first, std::int64_t last) const {
  const std::int64_t d = dimension();
  at::Tensor out = at::empty({last - first, d}, at::kDouble);
  double* p = out.data_ptr<double>();
  for (std::int64_t i = first; i < last; ++i) {
    std::int64_t rest = i;
    for (std::int64_t k = d - 1; k >= 0; --k) {
      const auto a = static_cast<std::size_t>(k);
      const double position = static_cast<double>(rest % cells[a]) + 0.5;
      p[(i - first) * d + k] = low[a] + (high[a] - low[a]) * position / static_cast<double>(cells[a]);
      rest /= cells[a];
    }
  }
  return out;
}

bool Grid::onBorder(std::int64_t index) const {
  for (std::size_t k = cells.size(); k-- > 0;) {
    const std::int64_t position = index % cells[k];
    if (position == 0 || position == cells[k] - 1) return true;
    index /= cells[k];
  }
  return false;
}

GridPartition gridPartition(const Energy& energy, Grid grid, double temperature, const at::Tensor& y, bool refine,
                            double tolerance, std::int64_t maxCells, int threads, Job& job) {
  if (grid.size() > maxCells)
    fail(Code::InvalidOption, "the grid has ", grid.size(), " cells, more than maxCells = ", maxCells);
  // Two coarser grids first, a quarter and half the cells an axis: they cost little and say how log Z moves.
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
  for (std::int64_t first = 0; first < total; first += kBlock) {
    job.check();
    const std::int64_t last = std::min(total, first + kBlock);
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
    const at::Tensor terms = negativeEnergy(energy, energy.program().states.rows(states), y, temperature, threads);
    for (std::int64_t i = 0; i < terms.numel(); ++i) all.add(terms.data_ptr<double>()[i]);
  }
  return {all.value(), all.value() - all.mean(), total};
}

WeightSummary importancePartition(const Energy& energy, const ImportanceOptions& options, double temperature,
                                  const at::Tensor& y, int threads, Job& job) {
  const at::NoGradGuard guard;
  const Random random(options.seed);
  at::Tensor logWeight = at::empty({options.draws}, at::kDouble);
  for (std::int64_t first = 0; first < options.draws; first += kBlock) {
    job.check();
    const std::int64_t last = std::min(options.draws, first + kBlock);
    const at::Tensor x = options.proposal.draw(first, last, random);
    const at::Tensor terms = negativeEnergy(energy, x, y, temperature, threads);
    logWeight.slice(0, first, last).copy_(terms - options.proposal.logDensity(x));
  }
  return summariseWeights(logWeight, "importance sampling");
}

}  // namespace langevin
