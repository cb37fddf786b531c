#include "statistics/chain_report.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "statistics/diagnostics.hpp"

namespace langevin {
namespace {

std::vector<std::int64_t> indices(const at::Tensor& mask) {
  const at::Tensor found = mask.nonzero().squeeze(1).contiguous();
  return {found.const_data_ptr<std::int64_t>(), found.const_data_ptr<std::int64_t>() + found.numel()};
}

// x [chains, draws] of one column.
std::optional<ChainReport::Separation> separation(const at::Tensor& x, std::int64_t column) {
  const at::Tensor mean = x.mean(1), sd = x.std(1, true, false);
  const auto [sorted, order] = at::sort(mean);
  const at::Tensor gaps = sorted.slice(0, 1) - sorted.slice(0, 0, -1);
  const std::int64_t at = gaps.argmax().item<std::int64_t>();
  const double gap = gaps[at].item<double>(), range = (sorted[-1] - sorted[0]).item<double>();
  const at::Tensor low = order.slice(0, 0, at + 1), high = order.slice(0, at + 1);
  const double width = (sd.index_select(0, low).mean() + sd.index_select(0, high).mean()).item<double>();
  if (!(gap > width && gap > 0.5 * range)) return {};
  ChainReport::Separation s{column,
                            mean.index_select(0, low).mean().item<double>(),
                            mean.index_select(0, high).mean().item<double>(),
                            {},
                            {}};
  at::Tensor isLow = at::zeros({x.size(0)}, at::kBool);
  isLow.index_fill_(0, low, true);
  s.low = indices(isLow);
  s.high = indices(isLow.logical_not());
  return s;
}

ChainReport::Drift drift(const at::Tensor& x, std::int64_t column) {
  const std::int64_t half = x.size(1) / 2;
  const at::Tensor first = x.slice(1, 0, half).mean(1), second = x.slice(1, x.size(1) - half).mean(1);
  const at::Tensor change = second - first;
  const double error = change.std(true).item<double>() / std::sqrt(static_cast<double>(x.size(0)));
  const double mean = change.mean().item<double>();
  return {column, first.mean().item<double>(), second.mean().item<double>(), error > 0 ? mean / error : 0};
}

List indexList(const std::vector<std::int64_t>& values) {
  List list;
  for (const std::int64_t v : values) list.emplace_back(v);
  return list;
}

}  // namespace

ChainReport reportChains(const at::Tensor& trace) {
  ChainReport report;
  const std::int64_t columns = trace.size(0), chains = trace.size(1), draws = trace.size(2);
  if (draws < 4) return report;
  // A trace that is not finite has its own error; here it compares unequal.
  report.stuck = indices(trace.eq(trace.slice(2, 0, 1)).all(2).all(0));
  for (std::int64_t c = 0; c < columns; ++c) {
    const at::Tensor x = trace.select(0, c);
    if (chains >= 2 && !report.separated) report.separated = separation(x, c);
    if (chains < 8) continue;
    const ChainReport::Drift d = drift(x, c);
    if (!report.drift || std::abs(d.z) > std::abs(report.drift->z)) report.drift = d;
  }
  return report;
}

Map toMap(const ChainReport& report) {
  Map map{{"stuck", indexList(report.stuck)}, {"separated", Value()}, {"drift", Value()}};
  if (const auto& s = report.separated)
    map["separated"] = Map{{"column", s->column},
                           {"lowMean", s->lowMean},
                           {"highMean", s->highMean},
                           {"low", indexList(s->low)},
                           {"high", indexList(s->high)}};
  if (const auto& d = report.drift)
    map["drift"] = Map{{"column", d->column}, {"first", d->first}, {"second", d->second}, {"z", d->z}};
  return map;
}

at::Tensor rankHistogram(const at::Tensor& draws, std::int64_t bins) {
  if (draws.dim() != 2) fail(Code::Shape, "draws must have shape [chains, n], got ", c10::str(draws.sizes()));
  const std::int64_t chains = draws.size(0), total = draws.numel();
  const at::Tensor flat = draws.to(at::kDouble).reshape({-1}).contiguous();
  const at::Tensor sorted = std::get<0>(at::sort(flat));
  // Mean rank of ties: half way between the first and the last place a value could take.
  const at::Tensor rank =
      (at::searchsorted(sorted, flat) + at::searchsorted(sorted, flat, false, true)).to(at::kDouble) / 2;
  const at::Tensor bin =
      (rank * (static_cast<double>(bins) / static_cast<double>(total))).floor().to(at::kLong).clamp_max(bins - 1);
  at::Tensor counts = at::zeros({chains, bins}, at::kLong);
  counts.scatter_add_(1, bin.reshape({chains, -1}), at::ones({chains, draws.size(1)}, at::kLong));
  return counts;
}

}  // namespace langevin
