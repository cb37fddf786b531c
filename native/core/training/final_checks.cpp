#include "training/final_checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "energies/tails.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kRays = 96;
constexpr std::int64_t kAxes = 16;     // columns whose two directions are rays, at most
constexpr std::int64_t kCorners = 16;  // rays into corners
constexpr double kDistances[] = {0, 10, 100, 1000, 10000};
constexpr double kLastRatio = 10;  // of the last two

constexpr std::int64_t kCompared = 256;  // rows of each sample
constexpr std::int64_t kPermutations = 199;

// The probe of a run takes Stream::NoiseSample of this generator; nothing else of a run asks it.
Random numbersOfItsOwn(std::uint64_t seed) { return Random(seed).fork(Salt::Probe); }

// `count` row numbers, evenly spaced: files are often sorted.
at::Tensor spacedRows(std::int64_t rows, std::int64_t count) {
  return at::arange(count, at::kLong).mul(rows).floor_divide(count);
}

struct Rays {
  at::Tensor directions;             // float64 [kRays, d], in half widths of the data's box
  std::vector<std::int64_t> column;  // the one column that moves, or -1
  std::vector<bool> up;
};

Rays raysOver(const at::Tensor& mask, const Random& random) {
  const at::Tensor columns = mask.nonzero().squeeze(1);
  const std::int64_t d = columns.numel(), axes = std::min(d, kAxes);
  Rays rays;
  rays.directions = random.normal(kRays, mask.numel(), 0, Stream::Evaluation, at::TensorOptions(at::kDouble)) * mask;
  rays.column.assign(static_cast<std::size_t>(kRays), -1);
  rays.up.assign(static_cast<std::size_t>(kRays), true);
  // Random directions as long as a corner: the root mean square of their real columns is 1.
  rays.directions *= std::sqrt(static_cast<double>(d)) / rays.directions.norm(2, 1, true);
  for (std::int64_t i = 0; i < 2 * axes; ++i) {
    const std::int64_t c = columns[(i / 2) * d / axes].item<std::int64_t>();
    rays.directions[i].zero_();
    rays.directions[i][c] = i % 2 == 0 ? 1.0 : -1.0;
    rays.column[static_cast<std::size_t>(i)] = c;
    rays.up[static_cast<std::size_t>(i)] = i % 2 == 0;
  }
  rays.directions.slice(0, 2 * axes, 2 * axes + kCorners).sign_();
  if (d > 1) return rays;
  for (std::int64_t i = 0; i < kRays; ++i) {  // every ray of a line goes along its one column
    const std::int64_t only = columns[0].item<std::int64_t>();
    rays.column[static_cast<std::size_t>(i)] = only;
    rays.up[static_cast<std::size_t>(i)] = rays.directions[i][only].item<double>() > 0;
  }
  return rays;
}

// Half the width of every column; of a constant one the mean of the others.
at::Tensor halfWidths(const RowSource& data, const at::Tensor& mask) {
  at::Tensor half = (data.high() - data.low()).to(at::kCPU, at::kDouble).squeeze(0) / 2;
  const at::Tensor varies = half.gt(0).logical_and(mask.gt(0));
  const double otherwise = varies.any().item<bool>() ? half.masked_select(varies).mean().item<double>() : 1.0;
  return half.masked_fill(varies.logical_not(), otherwise);
}

List numbers(const at::Tensor& row) {
  List list;
  for (std::int64_t i = 0; i < row.numel(); ++i) list.emplace_back(row[i].item<double>());
  return list;
}

Map describe(const at::Tensor& e, const Rays& rays) {
  const std::int64_t last = e.size(1) - 1;
  std::int64_t falling = 0, flat = 0;
  for (std::int64_t i = 0; i < kRays; ++i) {
    const Tail tail = tailOf(e[i][last - 1].item<double>(), e[i][last].item<double>(), kLastRatio);
    falling += tail == Tail::Falls;
    flat += tail == Tail::Flat;
  }
  const at::Tensor known = e.nan_to_num(std::numeric_limits<double>::infinity());
  const std::int64_t worst = known.select(1, last).argmin().item<std::int64_t>();
  const at::Tensor beyond = known.slice(1, 1).amin(0);
  const std::int64_t at = beyond.argmin().item<std::int64_t>();
  const at::Tensor data = e.select(1, 0);
  List distances;
  for (const double distance : kDistances) distances.emplace_back(distance);
  const std::int64_t column = rays.column[static_cast<std::size_t>(worst)];
  return {{"distances", distances},
          {"rays", kRays},
          {"falling", falling},
          {"flat", flat},
          {"data", Map{{"mean", data.mean().item<double>()},
                       {"low", data.min().item<double>()},
                       {"high", data.max().item<double>()}}},
          {"worst", Map{{"energies", numbers(e[worst])},
                        {"column", column < 0 ? Value() : Value(column)},
                        {"up", static_cast<bool>(rays.up[static_cast<std::size_t>(worst)])}}},
          {"lowest", Map{{"energy", beyond[at].item<double>()}, {"distance", kDistances[at + 1]}}}};
}

}  // namespace

Value tailsOf(const Energy& energy, const RowSource& data, std::uint64_t seed, int threads) {
  const at::NoGradGuard guard;
  const at::Tensor mask = realColumns(energy.program().domain);
  if (!mask.any().item<bool>()) return {};
  const Batch from = data.select(spacedRows(data.size(), kRays).to(data.options().device()));
  if (!hasCondition(energy, from.y)) return {};
  const Rays rays = raysOver(mask, numbersOfItsOwn(seed));
  const at::Tensor e = energyAlong(energy, from, rays.directions * halfWidths(data, mask),
                                   {std::begin(kDistances), std::end(kDistances)}, threads);
  if (!e.select(1, 0).isfinite().all().item<bool>()) return {};
  return describe(e, rays);
}

at::Tensor negativesIn(const std::vector<Batch>& recorded, const at::Tensor& batch) {
  const std::int64_t n = batch.size(0);
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    const at::Tensor& x = recorded[i].x;
    if (x.dim() != 2 || x.size(0) < n || x.size(1) != batch.size(1) || !at::equal(x.slice(0, 0, n), batch)) continue;
    if (x.size(0) > n) return x.slice(0, n);  // both in one record
    if (i + 1 < recorded.size()) return recorded[i + 1].x;
  }
  return {};
}

// How often the nearest other row says on which side a row is, the mean of both sides (Lopez-Paz and Oquab 2017). Rows
// 0 .. n - 1 are one side.
double nearestNeighbourAccuracy(const at::Tensor& distance, std::int64_t n) {
  at::Tensor apart = distance.clone();
  apart.fill_diagonal_(std::numeric_limits<double>::infinity());
  const at::Tensor ours = at::arange(distance.size(0), at::kLong).lt(n);
  const at::Tensor right = apart.argmin(1).lt(n).eq(ours).to(at::kDouble);
  return (right.slice(0, 0, n).mean().item<double>() + right.slice(0, n).mean().item<double>()) / 2;
}

Value negativesAgainstData(const at::Tensor& negatives, const RowSource& data, std::uint64_t seed) {
  const at::NoGradGuard guard;
  const std::int64_t n = std::min(kCompared, negatives.size(0)), m = std::min(kCompared, data.size());
  if (n < 16 || m < 16) return {};
  const at::Tensor deviation = data.deviation().to(at::kCPU, at::kDouble);
  const at::Tensor scale = at::where(deviation > 0, deviation, at::ones_like(deviation));
  const at::Tensor rows =
      at::cat(
          {negatives.index_select(0, spacedRows(negatives.size(0), n).to(negatives.device())).to(at::kCPU, at::kDouble),
           data.x(spacedRows(data.size(), m).to(data.options().device())).to(at::kCPU, at::kDouble)}) /
      scale;
  if (!rows.isfinite().all().item<bool>()) return {};
  const at::Tensor distance = at::cdist(rows, rows);
  // Column 0 says which rows are negatives, every other one a random set of as many. With s = 1 / n on one side and
  // -1 / m on the other, the energy distance is -s' D s.
  const at::Tensor u =
      numbersOfItsOwn(seed).uniform(n + m, kPermutations, 0, Stream::Project, at::TensorOptions(at::kDouble));
  at::Tensor side = at::full({n + m, kPermutations + 1}, -1.0 / static_cast<double>(m), at::kDouble);
  side.select(1, 0).slice(0, 0, n).fill_(1.0 / static_cast<double>(n));
  side.slice(1, 1).scatter_(0, std::get<1>(at::sort(u, 0)).slice(0, 0, n), 1.0 / static_cast<double>(n));
  const at::Tensor statistic = (side * at::mm(distance, side)).sum(0).neg();
  const double seen = statistic[0].item<double>();
  const at::Tensor permuted = statistic.slice(0, 1);
  const double across = 2 * distance.slice(0, 0, n).slice(1, n).mean().item<double>();
  const double beyond = permuted.ge(seen).sum().item<double>();
  return Map{{"rows", n},
             {"distance", across > 0 ? (seen - permuted.mean().item<double>()) / across : 0.0},
             {"pValue", (1 + beyond) / static_cast<double>(kPermutations + 1)},
             {"accuracy", nearestNeighbourAccuracy(distance, n)}};
}

}  // namespace langevin
