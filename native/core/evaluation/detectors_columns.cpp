// columnDensity: -sum_j log p_j(x_j), the energy of columns taken as independent. p_j is a histogram of `bins` equal bins from
// the least training value less one standard deviation s_j to the largest plus one, smoothed by a Gaussian of width
// max(0.1 s_j, one bin) and mixed with 2 % of the uniform density; beyond it -log p_j rises by 1 for each s_j.
#include <algorithm>
#include <cmath>
#include <vector>

#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr double kSmoothing = 0.1, kUniformShare = 0.02;

// -log density of one column in its bins, up to the unit of the column.
std::vector<double> columnBins(const double* values, std::int64_t n, std::int64_t stride, double low, double width,
                               double scale, std::int64_t bins) {
  std::vector<double> counts(static_cast<std::size_t>(bins), 0.0);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bin = static_cast<std::int64_t>((values[i * stride] - low) / width);
    counts[static_cast<std::size_t>(std::clamp<std::int64_t>(bin, 0, bins - 1))] += 1;
  }
  const double spread = std::max(kSmoothing * scale, width) / width;
  const auto reach = static_cast<std::int64_t>(std::ceil(4 * spread));
  std::vector<double> weights;
  double total = 0;
  for (std::int64_t k = -reach; k <= reach; ++k) {
    weights.push_back(std::exp(-0.5 * static_cast<double>(k * k) / (spread * spread)));
    total += weights.back();
  }
  std::vector<double> energy(counts.size());
  const double unit = scale / (static_cast<double>(n) * width), range = width * static_cast<double>(bins) / scale;
  for (std::int64_t b = 0; b < bins; ++b) {
    double sum = 0;
    for (std::int64_t k = std::max(-reach, -b); k <= std::min(reach, bins - 1 - b); ++k)
      sum += counts[static_cast<std::size_t>(b + k)] * weights[static_cast<std::size_t>(k + reach)];
    energy[static_cast<std::size_t>(b)] = -std::log((1 - kUniformShare) * sum / total * unit + kUniformShare / range);
  }
  return energy;
}

class ColumnDensity : public Detector {
 public:
  ColumnDensity(at::Tensor grid, at::Tensor energy) : grid_(std::move(grid)), energy_(std::move(energy)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return scoresOfRows(rowsToScore(x, grid_.size(0)), threads, job, [this](const double* row) { return score(row); });
  }

 private:
  double score(const double* row) const {
    const std::int64_t bins = energy_.size(1);
    const double *grid = grid_.const_data_ptr<double>(), *energy = energy_.const_data_ptr<double>();
    double sum = 0;
    for (std::int64_t j = 0; j < grid_.size(0); ++j) {
      const double low = grid[3 * j], width = grid[3 * j + 1], scale = grid[3 * j + 2];
      const double inside = std::clamp(row[j], low, low + width * static_cast<double>(bins));
      const auto bin = std::min(static_cast<std::int64_t>((inside - low) / width), bins - 1);
      sum += energy[j * bins + bin] + std::abs(row[j] - inside) / scale;
    }
    return sum;
  }

  at::Tensor grid_;    // [d, 3]: where the bins begin, their width, the standard deviation
  at::Tensor energy_;  // [d, bins]
};

Map fitColumns(const Spec& detector, int, Job& job) {
  const at::Tensor rows = trainingRows(detector).contiguous();
  const std::int64_t n = rows.size(0), d = rows.size(1), bins = detector.count("bins", 2, 200);
  const double* values = rows.const_data_ptr<double>();
  const at::Tensor grid = at::empty({d, 3}, at::kDouble), energy = at::empty({d, bins}, at::kDouble);
  const at::Tensor low = std::get<0>(rows.min(0)), high = std::get<0>(rows.max(0)), sd = rows.std(0, false);
  for (std::int64_t j = 0; j < d; ++j) {
    job.check();
    const double deviation = sd[j].item<double>();
    // A constant column counts in its own unit.
    const double scale = deviation > 1e-12 ? deviation : 1;
    const double from = low[j].item<double>() - scale;
    const double width = (high[j].item<double>() + scale - from) / static_cast<double>(bins);
    const std::vector<double> own = columnBins(values + j, n, d, from, width, scale, bins);
    std::copy(own.begin(), own.end(), energy.data_ptr<double>() + j * bins);
    double* place = grid.data_ptr<double>() + 3 * j;
    place[0] = from;
    place[1] = width;
    place[2] = scale;
  }
  return {{"grid", box(grid)}, {"energy", box(energy)}};
}

std::unique_ptr<Detector> makeColumns(const Spec&, const Spec& state) {
  const at::Tensor grid = stateTensor(state, "grid", 2), energy = stateTensor(state, "energy", 2);
  if (grid.size(1) != 3 || grid.size(0) != energy.size(0))
    state.at("energy").invalid("must have a row for each column");
  const bool sound = at::isfinite(grid).all().item<bool>() && grid.slice(1, 1, 3).gt(0).all().item<bool>();
  if (!sound) state.at("grid").invalid("must hold numbers: where the bins begin, and a width and a scale above 0");
  return std::make_unique<ColumnDensity>(grid, energy);
}

}  // namespace

const DetectorKind& columnDensity() {
  static const DetectorKind kind = {fitColumns, makeColumns};
  return kind;
}

}  // namespace langevin
