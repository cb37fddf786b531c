#include "tensors/grid.hpp"

#include <cmath>

#include "base/error.hpp"

namespace langevin {
namespace {

std::vector<double> perAxis(const Spec& spec, std::int64_t dimension) {
  if (!spec.value().list()) return std::vector<double>(static_cast<std::size_t>(dimension), spec.number());
  std::vector<double> v = spec.numbers();
  if (static_cast<std::int64_t>(v.size()) != dimension)
    spec.invalid("has " + std::to_string(v.size()) + " entries for " + std::to_string(dimension) + " axes");
  return v;
}

}  // namespace

Grid Grid::read(const Spec& spec, std::int64_t dimension) {
  if (dimension < 1 || dimension > 3)
    fail(Code::Unsupported, "a grid has 1 to 3 axes, this energy has ", dimension,
         "; use partition.ais for more dimensions");
  constexpr double kDefaultCells[] = {1024, 256, 64};
  Grid grid;
  grid.low = perAxis(spec.at("low"), dimension);
  grid.high = perAxis(spec.at("high"), dimension);
  const std::vector<double> cells =
      spec.has("cells") ? perAxis(spec.at("cells"), dimension)
                        : std::vector<double>(static_cast<std::size_t>(dimension), kDefaultCells[dimension - 1]);
  for (std::size_t k = 0; k < grid.low.size(); ++k) {
    if (!(grid.low[k] < grid.high[k])) spec.at("low").invalid("must be below `high` on every axis");
    if (cells[k] != std::floor(cells[k]) || cells[k] < 2 || cells[k] > 1e8)
      spec.at("cells").invalid("must be whole numbers of at least 2");
    grid.cells.push_back(static_cast<std::int64_t>(cells[k]));
  }
  return grid;
}

std::int64_t Grid::size() const {
  std::int64_t n = 1;
  for (std::int64_t c : cells) n *= c;
  return n;
}

double Grid::logCellVolume() const {
  double sum = 0;
  for (std::size_t k = 0; k < low.size(); ++k) sum += std::log((high[k] - low[k]) / static_cast<double>(cells[k]));
  return sum;
}

Grid Grid::refined(std::int64_t factor) const {
  Grid g = *this;
  for (std::int64_t& c : g.cells) c *= factor;
  return g;
}

at::Tensor Grid::centres(std::int64_t first, std::int64_t last) const {
  const std::int64_t d = dimension();
  at::Tensor out = at::empty({last - first, d}, at::kDouble);
  double* p = out.data_ptr<double>();
  for (std::int64_t i = first; i < last; ++i) {
    std::int64_t rest = i;
    for (std::int64_t k = d - 1; k >= 0; --k) {
      const auto a = static_cast<std::size_t>(k);
      const double position = static_cast<double>(rest % cells[a]) + 0.5;
      p[(i - first) * d + k] = low[a] + (high[a] - low[a]) * position / static_cast<double>(cells[a]);
      rest /= cells[a];
    }
  }
  return out;
}

bool Grid::onBorder(std::int64_t index) const {
  for (std::size_t k = cells.size(); k-- > 0;) {
    const std::int64_t position = index % cells[k];
    if (position == 0 || position == cells[k] - 1) return true;
    index /= cells[k];
  }
  return false;
}

}  // namespace langevin
