#include <algorithm>
#include <cmath>
#include <limits>

#include "base/tensor.hpp"
#include "base/threads.hpp"
#include "evaluation/annealing_plan.hpp"

namespace langevin {
namespace {

constexpr std::uint64_t kReverseSalt = 0x4E7;

struct Weights {
  at::Tensor logWeight;  // [n] float64, in tile order
  double acceptance = 0, proposals = 0;
};

// Runs every tile through `one` in its thread and joins the weights.
template <class One>
Weights overTiles(std::int64_t chains, int threads, One one) {
  const Tiling tiling(chains);
  Weights all{at::empty({chains}, at::kDouble)};
  std::vector<double> accepted(static_cast<std::size_t>(tiling.count())), tried(accepted.size());
  parallelTiles(tiling.count(), threads, [&](std::int64_t index) {
    const TileRange range = tiling.range(index);
    const AnnealingTile tile = one(range);
    std::copy(tile.logWeight.begin(), tile.logWeight.end(), all.logWeight.data_ptr<double>() + range.first);
    accepted[static_cast<std::size_t>(index)] = tile.acceptance;
    tried[static_cast<std::size_t>(index)] = static_cast<double>(tile.proposals);
  });
  for (const double a : accepted) all.acceptance += a;
  for (const double t : tried) all.proposals += t;
  return all;
}

// Forward: at every rung first the weight of the change of b, then moves at the new b.
Weights upward(const AnnealingPath& path, const AnnealingPlan& plan, const AnnealedOptions& o, const at::Tensor& y,
               int threads, Job& job) {
  const Random random(o.seed);
  return overTiles(o.chains, threads, [&](const TileRange& r) {
    AnnealingTile tile = path.drawn(r.first, r.last - r.first, y, random);
    std::uint64_t counter = 0;
    for (std::size_t k = 1; k < plan.betas.size(); ++k) {
      job.check();
      AnnealingPath::weigh(tile, plan.betas[k - 1], plan.betas[k]);
      // Moves after the last weight would change nothing.
      for (std::int64_t m = 0; m < o.moves && k + 1 < plan.betas.size(); ++m)
        path.move(tile, plan.betas[k], plan.moves[k], random, ++counter);
    }
    return tile;
  });
}

// Reverse: the same kernels in opposite order (each is reversible), the weights of the opposite changes of b.
Weights downward(const AnnealingPath& path, const AnnealingPlan& plan, const AnnealedOptions& o, const at::Tensor& y,
                 const at::Tensor& samples, int threads, Job& job) {
  const Random random = Random(o.seed).fork(kReverseSalt);
  return overTiles(samples.size(0), threads, [&](const TileRange& r) {
    AnnealingTile tile = path.started(samples.slice(0, r.first, r.last), r.first, y);
    std::uint64_t counter = 0;
    for (std::size_t k = plan.betas.size() - 1; k >= 1; --k) {
      job.check();
      for (std::int64_t m = 0; m < o.moves && k + 1 < plan.betas.size(); ++m)
        path.move(tile, plan.betas[k], plan.moves[k], random, ++counter);
      AnnealingPath::weigh(tile, plan.betas[k], plan.betas[k - 1]);
    }
    return tile;
  });
}

// f at every weight, its mean and the relative variance of that mean.
struct Fermi {
  double mean, relativeVariance;
};

Fermi fermi(const at::Tensor& weights, double sign, double shift) {
  const at::Tensor f = at::sigmoid(sign * (shift - weights));
  const double mean = f.mean().item<double>(), square = f.square().mean().item<double>();
  const auto n = static_cast<double>(f.numel());
  return {mean, mean > 0 ? std::max(0.0, square / (mean * mean) - 1) / n : std::numeric_limits<double>::infinity()};
}

}  // namespace

Bridge bennettRatio(const at::Tensor& forward, const at::Tensor& reverse) {
  // Crooks (1999): the laws of W satisfy P_R(W) = P_F(W) exp(W - c). So a path of weight W is a forward one with
  // probability sigmoid(c + m - W), m = log(n_F / n_R); at the most likely c the expected mistakes of both kinds
  // balance.
  const double m = std::log(static_cast<double>(forward.numel()) / static_cast<double>(reverse.numel()));
  const auto excess = [&](double c) {
    return static_cast<double>(forward.numel()) * fermi(forward, -1, c + m).mean -
           static_cast<double>(reverse.numel()) * fermi(reverse, 1, c + m).mean;
  };
  double low = std::min(forward.min().item<double>(), reverse.min().item<double>()) - std::abs(m) - 1;
  double high = std::max(forward.max().item<double>(), reverse.max().item<double>()) + std::abs(m) + 1;
  for (int i = 0; i < 200 && high - low > 1e-12 * (1 + std::abs(high)); ++i) {
    const double middle = (low + high) / 2;
    (excess(middle) < 0 ? high : low) = middle;
  }
  const double c = (low + high) / 2;
  return {c, std::sqrt(fermi(forward, -1, c + m).relativeVariance + fermi(reverse, 1, c + m).relativeVariance)};
}

AnnealedPartition annealedPartition(const Energy& energy, const AnnealedOptions& options, double temperature,
                                    const at::Tensor& y, const at::Tensor& samples, int threads, Job& job) {
  const at::NoGradGuard guard;
  const AnnealingPath path(energy, temperature, options.base);
  // Checked once, as a row for a row: every tile expands it.
  const at::Tensor condition = energy.rows(at::zeros({1, path.dimension()}, at::kDouble), y).y;
  AnnealedPartition result;
  result.plan = annealingPlan(path, options, condition, threads, job);
  const double logBase = options.base.logZ();
  const Weights up = upward(path, result.plan, options, condition, threads, job);
  result.forward = summariseWeights(up.logWeight, "annealed importance sampling");
  result.forward.logMean += logBase;
  result.logZ = result.forward.logMean;
  result.standardError = result.forward.standardError;
  result.acceptance = up.proposals > 0 ? up.acceptance / up.proposals : std::numeric_limits<double>::quiet_NaN();
  if (!samples.defined()) return result;
  const Weights down = downward(path, result.plan, options, condition, samples, threads, job);
  result.reverse = summariseWeights(down.logWeight, "reverse annealed importance sampling");
  result.reverse->logMean = logBase - result.reverse->logMean;
  const Bridge bridge = bennettRatio(up.logWeight, down.logWeight.neg());
  result.logZ = logBase + bridge.logRatio;
  result.standardError = bridge.standardError;
  return result;
}

}  // namespace langevin
