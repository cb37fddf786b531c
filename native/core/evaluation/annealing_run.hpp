// Chains up and down an annealing path, whatever it lies on, and the estimate of log Z from their weights.
//
// A Path has tiles with `logWeight`, `acceptance` and `proposals`, and
//   drawn(first, rows, y, random)   chains of the base
//   started(x, first, y)            chains at given rows
//   weigh(tile, from, to)           log w += E_from(x) - E_to(x), from and to rungs of the ladder
//   move(tile, k, random, counter)  one move that leaves exp(-E_k) as it is, and is its own reversal
#pragma once

#include <algorithm>
#include <limits>

#include "base/threads.hpp"
#include "evaluation/annealing.hpp"

namespace langevin {

struct AnnealingWeights {
  at::Tensor logWeight;  // [n] float64, in tile order
  double acceptance = 0, proposals = 0;
};

/// Runs every tile through `one` in its thread and joins the weights.
template <class One>
AnnealingWeights annealedTiles(std::int64_t chains, int threads, One one) {
  const Tiling tiling(chains);
  AnnealingWeights all{at::empty({chains}, at::kDouble)};
  std::vector<double> accepted(static_cast<std::size_t>(tiling.count())), tried(accepted.size());
  parallelTiles(tiling.count(), threads, [&](std::int64_t index) {
    const at::NoGradGuard guard;
    const TileRange range = tiling.range(index);
    const auto tile = one(range);
    std::copy(tile.logWeight.begin(), tile.logWeight.end(), all.logWeight.template data_ptr<double>() + range.first);
    accepted[static_cast<std::size_t>(index)] = tile.acceptance;
    tried[static_cast<std::size_t>(index)] = static_cast<double>(tile.proposals);
  });
  for (const double a : accepted) all.acceptance += a;
  for (const double t : tried) all.proposals += t;
  return all;
}

/// Forward: at every rung first the weight of the change of b, then moves at the new b.
template <class Path>
AnnealingWeights annealedUp(const Path& path, std::size_t rungs, const AnnealedOptions& o, const at::Tensor& y,
                            int threads, Job& job) {
  const Random random(o.seed);
  return annealedTiles(o.chains, threads, [&](const TileRange& r) {
    auto tile = path.drawn(r.first, r.last - r.first, y, random);
    std::uint64_t counter = 0;
    for (std::size_t k = 1; k < rungs; ++k) {
      job.check();
      path.weigh(tile, k - 1, k);
      // Moves after the last weight would change nothing.
      for (std::int64_t m = 0; m < o.moves && k + 1 < rungs; ++m) path.move(tile, k, random, ++counter);
    }
    return tile;
  });
}

/// Reverse: the same kernels in opposite order (each is reversible), the weights of the opposite changes of b.
template <class Path>
AnnealingWeights annealedDown(const Path& path, std::size_t rungs, const AnnealedOptions& o, const at::Tensor& y,
                              const at::Tensor& samples, int threads, Job& job) {
  const Random random = Random(o.seed).fork(Salt::AnnealingReverse);
  return annealedTiles(samples.size(0), threads, [&](const TileRange& r) {
    auto tile = path.started(samples.slice(0, r.first, r.last), r.first, y);
    std::uint64_t counter = 0;
    for (std::size_t k = rungs - 1; k >= 1; --k) {
      job.check();
      for (std::int64_t m = 0; m < o.moves && k + 1 < rungs; ++m) path.move(tile, k, random, ++counter);
      path.weigh(tile, k, k - 1);
    }
    return tile;
  });
}

/// Both directions (the reverse one where there are samples), from a base whose log Z is `logBase`.
template <class Path>
AnnealedPartition annealed(const Path& path, const std::vector<double>& betas, double logBase,
                           const AnnealedOptions& options, const at::Tensor& y, const at::Tensor& samples, int threads,
                           Job& job) {
  AnnealedPartition result;
  result.betas = betas;
  const AnnealingWeights up = annealedUp(path, betas.size(), options, y, threads, job);
  result.forward = summariseWeights(up.logWeight, "annealed importance sampling");
  result.forward.logMean += logBase;
  result.logZ = result.forward.logMean;
  result.standardError = result.forward.standardError;
  result.acceptance = up.proposals > 0 ? up.acceptance / up.proposals : std::numeric_limits<double>::quiet_NaN();
  if (!samples.defined()) return result;
  const AnnealingWeights down = annealedDown(path, betas.size(), options, y, samples, threads, job);
  result.reverse = summariseWeights(down.logWeight, "reverse annealed importance sampling");
  result.reverse->logMean = logBase - result.reverse->logMean;
  const Bridge bridge = bennettRatio(up.logWeight, down.logWeight.neg());
  result.logZ = logBase + bridge.logRatio;
  result.standardError = bridge.standardError;
  return result;
}

}  // namespace langevin
