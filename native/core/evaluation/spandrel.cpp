#include "evaluation/spandrel.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/threads.hpp"
#include "evaluation/metrics.hpp"
#include "tensors/log_sum.hpp"

namespace langevin {
namespace {

constexpr double kFar = 4, kRing = 12;  // in sigma
constexpr double kRecall = 0.95;

enum class Region : std::uint8_t { Tube, Near, Far, Outside };

// Which region each cell belongs to. Near cells are far cells too.
std::vector<Region> regions(const SpandrelField& field) {
  const double* d = field.distance.data_ptr<double>();
  std::vector<Region> result(static_cast<std::size_t>(field.grid.size()));
  for (std::int64_t i = 0; i < field.grid.size(); ++i) {
    Region& r = result[static_cast<std::size_t>(i)];
    if (!field.grid.inBox(i))
      r = Region::Outside;
    else
      r = d[i] <= kFar * field.sigma ? Region::Tube : d[i] < kRing * field.sigma ? Region::Near : Region::Far;
  }
  return result;
}

// The largest value that at least `kRecall` of the points reach.
double thresholdOf(const at::Tensor& test) {
  std::vector<double> sorted(test.data_ptr<double>(), test.data_ptr<double>() + test.numel());
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(std::floor((1 - kRecall) * static_cast<double>(sorted.size())))];
}

double medianOf(const at::Tensor& values) {
  std::vector<double> v(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  const std::size_t middle = v.size() / 2;
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(middle), v.end());
  const double upper = v[middle];
  if (v.size() % 2 == 1) return upper;
  return 0.5 * (upper + *std::max_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(middle)));
}

struct Shares {
  double far, near, outside;
};

// Shares of the far, near and outside cells that reach the threshold.
Shares sharesAbove(const std::vector<Region>& region, const double* score, double threshold) {
  std::int64_t count[4] = {}, above[4] = {};
  for (std::size_t i = 0; i < region.size(); ++i) {
    const auto r = static_cast<std::size_t>(region[i]);
    ++count[r];
    above[r] += score[i] >= threshold;
  }
  const auto share = [](std::int64_t a, std::int64_t n) {
    return n > 0 ? static_cast<double>(a) / static_cast<double>(n) : 0;
  };
  constexpr auto kNear = static_cast<std::size_t>(Region::Near), kOther = static_cast<std::size_t>(Region::Far),
                 kOut = static_cast<std::size_t>(Region::Outside);
  return {share(above[kNear] + above[kOther], count[kNear] + count[kOther]), share(above[kNear], count[kNear]),
          share(above[kOut], count[kOut])};
}

double aurocOfFar(const std::vector<Region>& region, const SpandrelScores& scores) {
  const double* s = scores.grid.data_ptr<double>();
  std::vector<double> ood;
  for (std::size_t i = 0; i < region.size(); ++i)
    if (region[i] == Region::Near || region[i] == Region::Far) ood.push_back(-s[i]);
  const std::int64_t far = static_cast<std::int64_t>(ood.size()), held = scores.test.numel();
  at::Tensor all = at::cat({at::from_blob(ood.data(), {far}, at::kDouble), -scores.test});
  at::Tensor label = at::cat({at::ones({far}, at::kLong), at::zeros({held}, at::kLong)});
  return makeRanking(all.contiguous(), label, true).auroc();
}

bool inside(const Rectangle& r, double x, double y) {
  return x >= r.xLow && x <= r.xHigh && y >= r.yLow && y <= r.yHigh;
}

}  // namespace

double SpandrelGrid::logCellArea() const { return 2 * std::log(2 * b / static_cast<double>(cells)); }

double SpandrelGrid::centre(std::int64_t i) const {
  return -2 * b + 2 * b * (static_cast<double>(i) + 0.5) / static_cast<double>(cells);
}

at::Tensor SpandrelGrid::points(std::int64_t first, std::int64_t last) const {
  at::Tensor out = at::empty({last - first, 2}, at::kDouble);
  double* p = out.data_ptr<double>();
  for (std::int64_t i = first; i < last; ++i) {
    p[2 * (i - first)] = centre(i % side());
    p[2 * (i - first) + 1] = centre(i / side());
  }
  return out;
}

bool SpandrelGrid::inBox(std::int64_t index) const {
  const std::int64_t first = cells / 2, row = index / side(), column = index % side();
  return row >= first && row < first + cells && column >= first && column < first + cells;
}

SpandrelMetrics spandrelMetrics(const SpandrelField& field, const SpandrelScores& scores) {
  const std::vector<Region> region = regions(field);
  const double *s = scores.grid.data_ptr<double>(), *p = field.logDensity.data_ptr<double>();
  LogSum model, truth;
  for (std::size_t i = 0; i < region.size(); ++i) {
    if (region[i] == Region::Outside) continue;
    model.add(s[i]);
    truth.add(p[i]);
  }
  const double logModel = model.value(), logTruth = truth.value();

  SpandrelMetrics m;
  const bool gap = !field.bridges.empty();
  double variation = 0, bridge = 0, highest = 0;
  for (std::size_t i = 0; i < region.size(); ++i) {
    if (region[i] == Region::Outside) continue;
    const double q = std::exp(s[i] - logModel);
    variation += std::abs(q - std::exp(p[i] - logTruth));
    if (region[i] != Region::Tube) m.spandrelMass += q;
    const auto cell = static_cast<std::int64_t>(i);
    const double x = field.grid.centre(cell % field.grid.side()), y = field.grid.centre(cell / field.grid.side());
    for (const Rectangle& r : field.bridges)
      if (inside(r, x, y)) {
        bridge += q;
        highest = std::max(highest, q);
      }
  }
  m.totalVariation = 0.5 * variation;
  if (gap) {
    m.bridgeMass = bridge;
    m.gapRatio = highest / std::exp(medianOf(scores.test) - logModel);
  }
  m.threshold = thresholdOf(scores.test);
  const Shares share = sharesAbove(region, s, m.threshold);
  m.fpr95 = share.far;
  m.nearFpr95 = share.near;
  m.outsideFpr95 = share.outside;
  m.auroc = aurocOfFar(region, scores);
  m.logNormaliser = logModel + field.grid.logCellArea();
  m.logLikelihood = scores.test.mean().item<double>() - m.logNormaliser;
  return m;
}

SpandrelConfidence spandrelConfidence(const SpandrelField& field, const SpandrelScores& maxSoftmax) {
  const std::vector<Region> region = regions(field);
  const double* s = maxSoftmax.grid.data_ptr<double>();
  // Strictly above 0.95: the smallest double beyond it is the threshold.
  const Shares sure = sharesAbove(region, s, std::nextafter(0.95, 1.0));
  return {sure.far, sure.outside, sharesAbove(region, s, thresholdOf(maxSoftmax.test)).far};
}

at::Tensor logKernelDensity(const at::Tensor& rows, double bandwidth, const at::Tensor& at, int threads) {
  const double* row = rows.data_ptr<double>();
  const double* v = at.data_ptr<double>();
  const std::int64_t n = rows.numel();
  at::Tensor out = at::empty({at.numel()}, at::kDouble);
  double* q = out.data_ptr<double>();
  const double constant = std::log(static_cast<double>(n) * bandwidth * std::sqrt(2 * std::numbers::pi));
  const Tiling tiling(at.numel());
  parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
    const TileRange range = tiling.range(t);
    for (std::int64_t i = range.first; i < range.last; ++i) {
      LogSum sum;
      for (std::int64_t j = 0; j < n; ++j) {
        const double z = (v[i] - row[j]) / bandwidth;
        sum.add(-0.5 * z * z);
      }
      q[i] = sum.value() - constant;
    }
  });
  return out;
}

}  // namespace langevin
