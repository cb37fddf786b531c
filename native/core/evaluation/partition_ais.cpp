#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.hpp"
#include "base/tensor.hpp"
#include "base/threads.hpp"
#include "evaluation/log_sum.hpp"
#include "evaluation/partition.hpp"

namespace langevin {
namespace {

// A tile of chains at one inverse temperature: E_b = (1 - b) |x|^2 / (2 s^2) + b E(x) / T. The two terms are kept apart
// because the importance weight needs E alone, and a change of b costs nothing.
struct Tile {
  at::Tensor x, y;
  at::Tensor energy, gradient;  // E / T and its gradient, float64
  at::Tensor logWeight;
  double acceptance = 0;
};

class Annealer {
 public:
  Annealer(const Energy& energy, const AnnealedOptions& options, double temperature)
      : energy_(energy), o_(options), temperature_(temperature), random_(options.seed) {}

  Tile start(std::int64_t first, std::int64_t rows, const at::Tensor& y) const {
    Tile t;
    t.x =
        random_.normal(rows, energy_.inputWidth(), 0, Stream::Evaluation, doubles(), static_cast<std::uint64_t>(first))
            .mul(o_.scale);
    if (y.defined()) {
      std::vector<std::int64_t> shape(y.sizes().begin(), y.sizes().end());
      shape[0] = rows;
      t.y = y.expand(shape);
    }
    t.logWeight = at::zeros({rows}, doubles());
    std::tie(t.energy, t.gradient) = evaluate(t.x, t.y);
    return t;
  }

  // log w += (b' - b) (|x|^2 / (2 s^2) - E / T), then HMC moves that leave exp(-E_b') invariant.
  void anneal(Tile& t, double before, double now, std::uint64_t firstRow, std::uint64_t& counter) const {
    t.logWeight += (now - before) * (base(t.x) - t.energy);
    for (std::int64_t m = 0; m < o_.moves; ++m) move(t, now, firstRow, ++counter);
  }

 private:
  static at::TensorOptions doubles() { return at::TensorOptions().dtype(at::kDouble); }

  at::Tensor base(const at::Tensor& x) const { return x.square().sum(1).div(2 * o_.scale * o_.scale); }

  std::pair<at::Tensor, at::Tensor> evaluate(const at::Tensor& x, const at::Tensor& y) const {
    const EnergyAndGradient r = energy_.energyAndGradient(energy_.rows(x, y));
    return {r.energy.to(at::kCPU, at::kDouble).div(temperature_),
            r.gradient.to(at::kCPU, at::kDouble).div(temperature_)};
  }

  at::Tensor slope(const at::Tensor& x, const at::Tensor& gradient, double b) const {
    return gradient.mul(b).add(x, (1 - b) / (o_.scale * o_.scale));
  }

  void move(Tile& t, double b, std::uint64_t firstRow, std::uint64_t counter) const {
    const std::int64_t rows = t.x.size(0);
    at::Tensor p = random_.normal(rows, t.x.size(1), counter, Stream::Noise, doubles(), firstRow);
    const at::Tensor kinetic = p.square().sum(1).mul(0.5);
    at::Tensor x = t.x, energy = t.energy, gradient = t.gradient;
    at::Tensor alive = at::ones({rows}, at::kBool);
    p = p.sub(slope(x, gradient, b), o_.stepSize / 2);
    for (std::int64_t k = 0; k < o_.leapfrogSteps; ++k) {
      // A trajectory that runs off to infinity stays at its start from there on and is rejected below.
      const at::Tensor moved = x.add(p, o_.stepSize);
      alive = alive.logical_and(moved.isfinite().all(1));
      x = at::where(alive.unsqueeze(1), moved, t.x);
      std::tie(energy, gradient) = evaluate(x, t.y);
      p = p.sub(slope(x, gradient, b), k + 1 < o_.leapfrogSteps ? o_.stepSize : o_.stepSize / 2);
    }
    const at::Tensor before = base(t.x).mul(1 - b).add(t.energy, b).add(kinetic);
    const at::Tensor after = base(x).mul(1 - b).add(energy, b).add(p.square().sum(1), 0.5);
    const at::Tensor difference = before - after;
    const at::Tensor possible = alive.logical_and(difference.isfinite());
    const at::Tensor ratio = at::where(possible, difference.clamp_max(0).exp(), at::zeros_like(difference));
    const at::Tensor uniform = random_.uniform(rows, 1, counter, Stream::Accept, doubles(), firstRow).squeeze(1);
    const at::Tensor take = uniform < ratio, column = take.unsqueeze(1);
    t.x = at::where(column, x, t.x);
    t.energy = at::where(take, energy, t.energy);
    t.gradient = at::where(column, gradient, t.gradient);
    t.acceptance += ratio.sum().item<double>();
  }

  const Energy& energy_;
  const AnnealedOptions& o_;
  double temperature_;
  Random random_;
};

// log of the mean weight; its standard error by the delta method: sd(w) / (mean(w) sqrt(n)).
AnnealedPartition summarise(const at::Tensor& logWeight, double logBase) {
  const std::int64_t n = logWeight.size(0);
  const double* w = logWeight.data_ptr<double>();
  LogSum all, squares;
  for (std::int64_t i = 0; i < n; ++i) {
    all.add(w[i]);
    squares.add(2 * w[i]);
  }
  const double count = static_cast<double>(n);
  AnnealedPartition r;
  r.logZ = logBase + all.value() - std::log(count);
  r.effectiveSampleSize = std::exp(2 * all.value() - squares.value());
  // n * mean(w^2) / mean(w)^2 / n = n / ess: the relative variance is n / ess - 1.
  const double relative = std::max(0.0, count / r.effectiveSampleSize - 1);
  r.standardError = std::sqrt(relative / std::max(1.0, count - 1));
  return r;
}

}  // namespace

AnnealedPartition annealedPartition(const Energy& energy, const AnnealedOptions& options, double temperature,
                                    const at::Tensor& y, int threads, Job& job) {
  const Annealer annealer(energy, options, temperature);
  const Tiling tiling(options.chains);
  at::Tensor logWeight = at::empty({options.chains}, at::kDouble);
  std::vector<double> accepted(static_cast<std::size_t>(tiling.count()));
  parallelTiles(tiling.count(), threads, [&](std::int64_t index) {
    const TileRange range = tiling.range(index);
    const auto firstRow = static_cast<std::uint64_t>(range.first);
    Tile tile = annealer.start(range.first, range.last - range.first, y);
    std::uint64_t counter = 0;
    for (std::size_t k = 1; k < options.betas.size(); ++k) {
      job.check();
      annealer.anneal(tile, options.betas[k - 1], options.betas[k], firstRow, counter);
    }
    logWeight.slice(0, range.first, range.last).copy_(tile.logWeight);
    accepted[static_cast<std::size_t>(index)] = tile.acceptance;
  });
  requireFinite(logWeight, "the importance weights of annealed importance sampling");
  const double logBase =
      static_cast<double>(energy.inputWidth()) * std::log(options.scale * std::sqrt(2 * std::numbers::pi));
  AnnealedPartition result = summarise(logWeight, logBase);
  double sum = 0;
  for (double a : accepted) sum += a;
  result.acceptance = sum / (static_cast<double>(options.chains) * static_cast<double>(options.moves) *
                             static_cast<double>(options.betas.size() - 1));
  return result;
}

}  // namespace langevin
