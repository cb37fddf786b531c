// Annealed importance sampling over real columns, and the estimate from weights of both directions.
#include <algorithm>
#include <cmath>

#include "evaluation/annealing_plan.hpp"
#include "evaluation/annealing_run.hpp"

namespace langevin {
namespace {

// The path with the moves of a plan, as annealed() runs it.
struct PlannedPath {
  const AnnealingPath& path;
  const AnnealingPlan& plan;

  AnnealingTile drawn(std::int64_t first, std::int64_t rows, const at::Tensor& y, const Random& random) const {
    return path.drawn(first, rows, y, random);
  }
  AnnealingTile started(const at::Tensor& x, std::int64_t first, const at::Tensor& y) const {
    return path.started(x, first, y);
  }
  void weigh(AnnealingTile& tile, std::size_t from, std::size_t to) const {
    AnnealingPath::weigh(tile, plan.betas[from], plan.betas[to]);
  }
  void move(AnnealingTile& tile, std::size_t k, const Random& random, std::uint64_t counter) const {
    path.move(tile, plan.betas[k], plan.moves[k], random, counter);
  }
};

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
  // Crooks (1999): the laws of W satisfy P_R(W) = P_F(W) exp(W - c). So a path of weight W is a forward one
  // with probability sigmoid(c + m - W), m = log(n_F / n_R); at the most likely c the expected mistakes of
  // both kinds balance.
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
  const AnnealingPlan plan = annealingPlan(path, options, condition, threads, job);
  return annealed(PlannedPath{path, plan}, plan.betas, options.base.logZ(), options, condition, samples, threads, job);
}

}  // namespace langevin
