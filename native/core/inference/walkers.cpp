#include "inference/walkers.hpp"

#include <algorithm>

#include "base/threads.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMostAtOnce = 1 << 18;

void requireFiniteEnergies(const at::Tensor& energy, std::int64_t firstRow, std::int64_t each) {
  const at::Tensor lost = at::isfinite(energy).logical_not();
  if (!lost.any().item<bool>()) return;
  const std::int64_t row = firstRow + lost.nonzero()[0].item<std::int64_t>() / each;
  throw Error(Code::NonFinite,
              "infer: the energy of an answer to row " + std::to_string(row) +
                  " is not finite; look at that row, and at the box the answers lie in",
              {{"row", row}});
}

}  // namespace

at::Tensor energiesOf(const InferenceCall& call, const Walkers& w) {
  const at::Tensor energy = call.energy.energyOf(Batch{w.x, w.y}, call.threads);
  requireFiniteEnergies(energy, static_cast<std::int64_t>(w.firstWalker) / w.each, w.each);
  return energy;
}

EnergyAndGradient withGradientInY(const InferenceCall& call, const Walkers& w) {
  const Tiling tiling(w.size(), smallestTile(call.energy.workPerRow()));
  std::vector<at::Tensor> energies(static_cast<std::size_t>(tiling.count())), gradients(energies.size());
  parallelTiles(tiling.count(), w.x.is_cuda() ? 1 : call.threads, [&](std::int64_t i) {
    at::AutoGradMode enable(true);
    const TileRange r = tiling.range(i);
    const at::Tensor leaf = w.y.slice(0, r.first, r.last).detach().requires_grad_(true);
    const at::Tensor energy =
        call.energy.evaluateWith(call.energy.parameters().tensors(), Batch{w.x.slice(0, r.first, r.last), leaf}, {})
            .energy;
    at::Tensor gradient;
    if (energy.requires_grad())
      gradient = torch::autograd::grad({energy.sum()}, {leaf}, {}, std::nullopt, false, true)[0];
    energies[static_cast<std::size_t>(i)] = energy.detach();
    gradients[static_cast<std::size_t>(i)] = gradient.defined() ? gradient : at::zeros_like(leaf);
  });
  const EnergyAndGradient result{at::cat(energies), at::cat(gradients)};
  requireFiniteEnergies(result.energy, static_cast<std::int64_t>(w.firstWalker) / w.each, w.each);
  return result;
}

AnswerBox boxLike(const AnswerBox& box, const at::Tensor& y) { return {box.low.to(y), box.high.to(y)}; }

Walkers drawWalkers(const InferenceCall& call, const AnswerBox& box, std::int64_t first, std::int64_t rows,
                    std::int64_t each) {
  Walkers w;
  w.rows = rows;
  w.each = each;
  w.firstWalker = static_cast<std::uint64_t>(first * each);
  w.x = call.x.slice(0, first, first + rows).repeat_interleave(each, 0);
  const at::Tensor u =
      call.random.uniform(rows * each, box.low.size(1), 0, Stream::Init, call.energy.options(), w.firstWalker);
  const AnswerBox b = boxLike(box, u);
  w.y = b.low + (b.high - b.low) * u;
  return w;
}

Inferred lowest(const at::Tensor& y, const at::Tensor& energy, std::int64_t rows) {
  const std::int64_t each = energy.numel() / rows;
  const at::Tensor table = energy.view({rows, each});
  const at::Tensor best = table.argmin(1);
  const at::Tensor index = best + at::arange(rows, best.options()) * each;
  Inferred result;
  result.y = y.index_select(0, index);
  result.energy = energy.index_select(0, index);
  return result;
}

Inferred inBlocks(const InferenceCall& call, std::int64_t candidates,
                  const std::function<Inferred(std::int64_t first, std::int64_t rows)>& one) {
  const std::int64_t n = call.x.size(0), block = std::max<std::int64_t>(1, kMostAtOnce / candidates);
  std::vector<at::Tensor> y, energy, latent, table;
  Inferred all;
  for (std::int64_t first = 0; first < n; first += block) {
    call.job.check();
    const std::int64_t rows = std::min(block, n - first);
    const Inferred part = one(first, rows);
    call.job.progress({{"rows", first + rows}, {"total", n}});
    y.push_back(part.y);
    energy.push_back(part.energy);
    if (part.latent.defined()) latent.push_back(part.latent);
    if (part.table.defined()) table.push_back(part.table);
    all.evaluations += part.evaluations;
  }
  all.y = at::cat(y);
  all.energy = at::cat(energy);
  if (!latent.empty()) all.latent = at::cat(latent);
  if (!table.empty()) all.table = at::cat(table);
  return all;
}

void requireContinuous(const Spec& spec, const Condition& condition) {
  if (condition.kind == Condition::Kind::Class)
    fail(Code::Unsupported, spec.kind(), " moves in a continuous y; this energy has ", condition.width,
         " classes: use exhaustive");
}

}  // namespace langevin
