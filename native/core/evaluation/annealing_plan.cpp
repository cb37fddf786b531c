// The plan of an annealing run: a ladder of inverse temperatures, and step sizes adapted on pilot chains. The pilot's
// chains are thrown away: in the run itself nothing adapts, which is what makes its weights unbiased.
#include "evaluation/annealing_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/threads.hpp"

namespace langevin {
namespace {

constexpr int kFirstMoves = 20, kMoves = 3;  // adapting moves at the first and at every later temperature
constexpr double kGain = 0.7;                // of log step size on (acceptance - target)
// A quarter of a period of a Gaussian in units of its spread: a trajectory that long ends independent of its start, a
// longer one comes back.
constexpr double kLongest = std::numbers::pi / 2;

std::vector<AnnealingTile> pilotTiles(const AnnealingPath& path, const AnnealedOptions& o, const at::Tensor& y,
                                      const Random& random) {
  const Tiling tiling(o.pilotChains);
  std::vector<AnnealingTile> tiles;
  for (std::int64_t i = 0; i < tiling.count(); ++i) {
    const TileRange r = tiling.range(i);
    tiles.push_back(path.drawn(r.first, r.last - r.first, y, random));
  }
  return tiles;
}

// Standard deviation of every column over the pilot chains: the scale of its steps.
std::vector<double> spreads(const std::vector<AnnealingTile>& tiles, const AnnealingBase& base) {
  const std::size_t d = base.mean.size();
  std::vector<double> sum(d, 0.0), square(d, 0.0), result(d);
  double n = 0;
  for (const AnnealingTile& t : tiles) {
    n += static_cast<double>(t.rows);
    for (std::size_t i = 0; i < t.x.size(); ++i) {
      const double v = (t.x[i] - base.mean[i % d]) / base.scale[i % d];
      sum[i % d] += v;
      square[i % d] += v * v;
    }
  }
  for (std::size_t j = 0; j < d; ++j) {
    const double variance = square[j] / n - sum[j] * sum[j] / (n * n);
    result[j] = base.scale[j] * std::sqrt(std::max(variance, 1e-12));
  }
  return result;
}

// Effective share of the pilot chains after a step of b by `step`: (mean w)^2 / mean w^2, the conditional ESS of Zhou,
// Johansen and Aston (2016) with equal weights (the pilot chains stand near the law at b).
double effectiveShare(const std::vector<AnnealingTile>& tiles, double step) {
  double largest = -std::numeric_limits<double>::infinity(), n = 0, sum = 0, square = 0;
  for (const AnnealingTile& t : tiles)
    for (std::size_t i = 0; i < t.base.size(); ++i) largest = std::max(largest, step * (t.base[i] - t.energy[i]));
  for (const AnnealingTile& t : tiles)
    for (std::size_t i = 0; i < t.base.size(); ++i) {
      const double w = std::exp(step * (t.base[i] - t.energy[i]) - largest);
      sum += w;
      square += w * w;
      ++n;
    }
  return sum * sum / (n * square);
}

double nextBeta(const std::vector<AnnealingTile>& tiles, double b, double share) {
  if (effectiveShare(tiles, 1 - b) >= share) return 1;
  double low = 0, high = 1 - b;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (effectiveShare(tiles, middle) >= share ? low : high) = middle;
  }
  return std::min(1.0, b + std::max(low, 1e-9));
}

}  // namespace

std::vector<double> annealingLadder(Ladder kind, std::int64_t n) {
  std::vector<double> betas;
  const auto sigmoid = [](double u) { return 1 / (1 + std::exp(-4 * (2 * u - 1))); };
  for (std::int64_t k = 0; k < n; ++k) {
    const double u = static_cast<double>(k) / static_cast<double>(n - 1);
    betas.push_back(kind == Ladder::Sigmoid ? (sigmoid(u) - sigmoid(0)) / (sigmoid(1) - sigmoid(0)) : u);
  }
  betas.front() = 0;
  betas.back() = 1;
  return betas;
}

AnnealingPlan annealingPlan(const AnnealingPath& path, const AnnealedOptions& o, const at::Tensor& y, int threads,
                            Job& job) {
  const bool adaptive = o.ladder == Ladder::Adaptive, tuned = o.stepSize == 0;
  AnnealingPlan plan;
  if (!adaptive) plan.betas = o.ladder == Ladder::Given ? o.betas : annealingLadder(o.ladder, o.temperatures);
  const std::size_t d = path.base().mean.size();
  if (!adaptive && !tuned) {
    plan.moves.assign(plan.betas.size(), {std::vector<double>(d, o.stepSize), o.leapfrogSteps});
    return plan;
  }
  if (adaptive) plan.betas = {0};
  plan.moves.resize(1);
  const Random random = Random(o.seed).fork(Salt::AnnealingPilot);
  std::vector<AnnealingTile> tiles = pilotTiles(path, o, y, random);
  double logStep = std::log(0.5) - 0.25 * std::log(static_cast<double>(d));
  std::uint64_t counter = 0;
  for (std::size_t k = 1; adaptive ? plan.betas.back() < 1 : k < plan.betas.size(); ++k) {
    job.check();
    if (adaptive) {
      if (static_cast<std::int64_t>(plan.betas.size()) >= o.temperatures)
        fail(Code::Unsupported, "an adaptive ladder of ", o.temperatures,
             " temperatures reaches b = ", plan.betas.back(),
             " only; raise temperatures, lower stepEss, or bring the base nearer (mean, scale)");
      plan.betas.push_back(nextBeta(tiles, plan.betas.back(), o.stepEss));
    }
    AnnealingMove move{std::vector<double>(d, o.stepSize), o.leapfrogSteps};
    const std::vector<double> spread = tuned ? spreads(tiles, path.base()) : std::vector<double>();
    for (int m = 0; m < (k == 1 ? kFirstMoves : kMoves); ++m) {
      for (std::size_t j = 0; tuned && j < d; ++j) move.step[j] = std::exp(logStep) * spread[j];
      ++counter;
      parallelTiles(static_cast<std::int64_t>(tiles.size()), threads, [&](std::int64_t i) {
        path.move(tiles[static_cast<std::size_t>(i)], plan.betas[k], move, random, counter);
      });
      double accepted = 0;
      for (AnnealingTile& t : tiles) {
        accepted += t.acceptance;
        t.acceptance = 0;
      }
      logStep += kGain * (accepted / static_cast<double>(o.pilotChains) - o.targetAcceptance);
      logStep = std::min(logStep, std::log(kLongest / static_cast<double>(o.leapfrogSteps)));
    }
    plan.moves.push_back(std::move(move));
  }
  return plan;
}

}  // namespace langevin
