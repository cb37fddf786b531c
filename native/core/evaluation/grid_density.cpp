// evaluation.gridDensity: the density exp(-E) / Z over a square, on a grid of cells, against a known one.
//   KL(p, q) = sum p log(p / q), TV = sum |p - q| / 2 over cells, p and q normalised over the square
#include <cmath>

#include "evaluation/functions.hpp"
#include "evaluation/partition.hpp"
#include "tensors/arguments.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kCellsPerBlock = 1 << 14;  // cells evaluated at once

// -E at the centres of the cells, float64 [cells^2].
at::Tensor cellScores(const Energy& energy, const Grid& grid, int threads, Job& job) {
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < grid.size(); first += kCellsPerBlock) {
    job.check();
    const at::Tensor points = grid.centres(first, std::min(grid.size(), first + kCellsPerBlock));
    const at::Tensor e = energy.energyOf(energy.rows(points, {}), threads).to(at::kCPU, at::kDouble);
    const at::Tensor lost = at::isfinite(e).logical_not();
    if (lost.any().item<bool>()) {
      const auto row = lost.nonzero()[0].item<std::int64_t>();
      fail(Code::NonFinite, "the energy is not finite at x = (", points[row][0].item<double>(), ", ",
           points[row][1].item<double>(), ")");
    }
    parts.push_back(-e);
  }
  return at::cat(parts);
}

// log p of the cells, normalised; -infinity is a cell without mass.
at::Tensor readTruth(const Spec& a, const Grid& grid) {
  const at::Tensor given = unbox(a.at("logDensity")).to(at::kCPU, at::kDouble).reshape({-1});
  if (given.numel() != grid.size())
    fail(Code::Shape, "logDensity has ", given.numel(), " numbers, the grid has ", grid.size(), " cells");
  if (given.isnan().any().item<bool>() || given.isposinf().any().item<bool>())
    fail(Code::NonFinite, "logDensity holds NaN or infinity");
  return given - given.logsumexp(0);
}

// n rows of the density that is constant in every cell.
at::Tensor drawRows(const Grid& grid, const at::Tensor& logMass, std::int64_t n, std::uint64_t seed) {
  const at::Tensor u = Random(seed).uniform(n, 3, 0, Stream::Evaluation, at::kDouble);
  const at::Tensor cell =
      at::searchsorted(logMass.exp().cumsum(0), u.select(1, 0).contiguous()).clamp_max(grid.size() - 1);
  const at::Tensor centres = grid.centres(0, grid.size()).index_select(0, cell);
  const at::Tensor width = at::tensor({(grid.high[0] - grid.low[0]) / static_cast<double>(grid.cells[0]),
                                       (grid.high[1] - grid.low[1]) / static_cast<double>(grid.cells[1])},
                                      at::kDouble);
  return centres + (u.slice(1, 1) - 0.5) * width;
}

// Mass of the half plane x < 0, the share of one of two modes.
double leftMass(const Grid& grid, const at::Tensor& logMass) {
  const at::Tensor left = grid.centres(0, grid.size()).select(1, 0) < 0;
  return logMass.exp().mul(left).sum().item<double>();
}

// { energy, low, high, cells, logDensity: [cells^2], test: [m, 2], samples?, seed?, image?, threads? } ->
//   { logZ, kl, totalVariation, logLikelihood, entropy, leftMass, trueLeftMass, samples?: [samples, 2], image? }
// entropy: of the true density over the square, so that -entropy is the log-likelihood the truth itself would have.
// image: float32 [cells, cells], the log-density, y over rows, row 0 lowest.
Value gridDensity(const Spec& a, Job& job) {
  const EnergyRef energy = energyIn(a.at("energy"));
  energy->program().domain.require(Kinds::real(), "evaluation.gridDensity integrates over real columns",
                                   "partition.exact");
  if (energy->inputWidth() != 2)
    fail(Code::Shape, "this compares densities of the plane; the energy has ", energy->inputWidth(), " columns");
  const Grid grid = Grid::read(a, 2);
  const int threads = a.threads();
  const at::Tensor truth = readTruth(a, grid), score = cellScores(*energy, grid, threads, job);
  const at::Tensor logSum = score.logsumexp(0), model = score - logSum, p = truth.exp();
  const at::Tensor inside = p > 0;
  const auto overTruth = [&](const at::Tensor& logs) {
    return at::where(inside, p * logs, at::zeros_like(p)).sum().item<double>();
  };
  const double logZ = logSum.item<double>() + grid.logCellVolume();
  const at::Tensor test = readMatrix(a.at("test"));
  requireRows(test, 1, "test");
  const at::Tensor held = energy->energyOf(energy->rows(test, {}), threads).to(at::kCPU, at::kDouble);
  Map result{{"logZ", logZ},
             {"kl", overTruth(truth - model)},
             {"totalVariation", 0.5 * (p - model.exp()).abs().sum().item<double>()},
             {"logLikelihood", -held.mean().item<double>() - logZ},
             {"entropy", -overTruth(truth) + grid.logCellVolume()},
             {"leftMass", leftMass(grid, model)},
             {"trueLeftMass", leftMass(grid, truth)}};
  if (a.has("samples"))
    result.emplace("samples", box(drawRows(grid, model, a.count("samples"), a.has("seed") ? a.at("seed").seed() : 0)));
  if (a.boolean("image", false))
    result.emplace(
        "image",
        box((model - grid.logCellVolume()).reshape({grid.cells[0], grid.cells[1]}).t().to(at::kFloat).contiguous()));
  return result;
}

}  // namespace

const std::vector<Function>& gridDensityFunctions() {
  static const std::vector<Function> table = {
      {"evaluation.gridDensity", Lane::Queued, gridDensity},
  };
  return table;
}

}  // namespace langevin
