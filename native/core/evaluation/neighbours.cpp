#include "evaluation/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// 64 rows against 50,000 training rows are 25 MB of products a thread.
constexpr std::int64_t kNeighbourTile = 64;
constexpr double kFarAway = std::numeric_limits<double>::infinity();

using Near = std::pair<double, std::int64_t>;

// The k smallest of the numbers given, in a heap whose top is the largest of them.
class SmallestNumbers {
 public:
  explicit SmallestNumbers(std::int64_t k) : heap_(static_cast<std::size_t>(k)) { clear(); }
  void clear() { std::fill(heap_.begin(), heap_.end(), Near{kFarAway, 0}); }
  double largest() const { return heap_.front().first; }
  void add(double value, std::int64_t row) {
    if (!(value < heap_.front().first)) return;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.back() = {value, row};
    std::push_heap(heap_.begin(), heap_.end());
  }
  const std::vector<Near>& sort() {
    std::sort_heap(heap_.begin(), heap_.end());
    return heap_;
  }

 private:
  std::vector<Near> heap_;
};

// |a - b| by differences: exact to rounding wherever the rows lie, and exactly 0 for duplicates.
double rowDistance(const double* a, const double* b, std::int64_t width) {
  double sum = 0;
  for (std::int64_t j = 0; j < width; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return std::sqrt(sum);
}

}  // namespace

NeighbourIndex::NeighbourIndex(at::Tensor rows, at::Tensor centre, at::Tensor shifted, at::Tensor norms)
    : rows_(std::move(rows)), centre_(std::move(centre)), shifted_(std::move(shifted)), norms_(std::move(norms)) {}

NeighbourIndex::NeighbourIndex(const at::Tensor& rows)
    : rows_(rows.contiguous()), centre_(rows_.mean(0, true)), shifted_(rows_.sub(centre_).contiguous()) {
  norms_ = shifted_.square().sum(1);
}

NeighbourIndex NeighbourIndex::read(const Spec& state) {
  // Not readMatrix: it would read all of the numbers once more for every row that is scored.
  const auto part = [&](const char* name) { return unbox(state.at(name)); };
  return {part("rows"), part("centre"), part("shifted"), part("norms")};
}

Map NeighbourIndex::state() const {
  return {{"rows", box(rows_)}, {"centre", box(centre_)}, {"shifted", box(shifted_)}, {"norms", box(norms_)}};
}

NearestRows NeighbourIndex::nearest(const at::Tensor& given, std::int64_t k, int threads, Job& job) const {
  const at::Tensor queries = given.contiguous();
  const std::int64_t n = queries.size(0), tiles = (n + kNeighbourTile - 1) / kNeighbourTile;
  const NearestRows out = {at::empty({n, k}, at::kDouble), at::empty({n, k}, at::kLong)};
  double* distances = out.distances.data_ptr<double>();
  std::int64_t* numbers = out.rows.data_ptr<std::int64_t>();
  parallelTiles(tiles, threads, [&](std::int64_t t) {
    job.check();
    const std::int64_t first = t * kNeighbourTile, last = std::min(n, first + kNeighbourTile);
    tile(queries.slice(0, first, last), k, distances + first * k, numbers + first * k);
  });
  return out;
}

// One matrix product gives every squared distance as |a|^2 - 2 a.b + |b|^2, which is off by up to a few units in the
// last place of |a|^2 + |b|^2: far from the centre that is more than neighbours differ by. So it only rules rows out:
// those whose square, less its error, is above the k-th smallest square plus error. Differences decide among the rest.
void NeighbourIndex::tile(const at::Tensor& queries, std::int64_t k, double* distances, std::int64_t* numbers) const {
  const at::Tensor shifted = queries.sub(centre_);
  const at::Tensor products = shifted.matmul(shifted_.t()).contiguous();
  const at::Tensor own = shifted.square().sum(1);
  const std::int64_t n = size(), d = width();
  const double *norms = norms_.const_data_ptr<double>(), *rows = rows_.const_data_ptr<double>();
  // Products and norms of d terms are off by d units in the last place, the shifted rows by one: twice that, to be safe.
  const double unit = static_cast<double>(4 * d + 16) * std::numeric_limits<double>::epsilon();
  SmallestNumbers above(k), nearest(k);
  for (std::int64_t i = 0; i < queries.size(0); ++i) {
    const double* product = products.const_data_ptr<double>() + i * n;
    const double* query = queries.const_data_ptr<double>() + i * d;
    const double norm = own.const_data_ptr<double>()[i];
    above.clear();
    nearest.clear();
    for (std::int64_t j = 0; j < n; ++j) {
      const double size = norm + norms[j];
      above.add(size - 2 * product[j] + unit * size, j);
    }
    const double limit = above.largest();
    for (std::int64_t j = 0; j < n; ++j) {
      const double size = norm + norms[j];
      // Not ">": a square that overflowed is no reason to leave a row out.
      if (!(size - 2 * product[j] - unit * size > limit)) nearest.add(rowDistance(query, rows + j * d, d), j);
    }
    const std::vector<Near>& sorted = nearest.sort();
    for (std::int64_t j = 0; j < k; ++j) {
      distances[i * k + j] = sorted[static_cast<std::size_t>(j)].first;
      numbers[i * k + j] = sorted[static_cast<std::size_t>(j)].second;
    }
  }
}

NearestRows NeighbourIndex::nearestOthers(std::int64_t k, int threads, Job& job) const {
  const NearestRows all = nearest(rows_, k + 1, threads, job);
  const NearestRows out = {at::empty({size(), k}, at::kDouble), at::empty({size(), k}, at::kLong)};
  const double* distances = all.distances.const_data_ptr<double>();
  const std::int64_t* numbers = all.rows.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < size(); ++i) {
    const std::int64_t* begin = numbers + i * (k + 1);
    // Among many duplicates a row may not be in its own list: any one at distance 0 stands for it then.
    const std::int64_t self = std::min(std::find(begin, begin + k + 1, i) - begin, k);
    for (std::int64_t j = 0; j < k; ++j) {
      const std::int64_t from = i * (k + 1) + j + (j >= self ? 1 : 0);
      out.distances.data_ptr<double>()[i * k + j] = distances[from];
      out.rows.data_ptr<std::int64_t>()[i * k + j] = numbers[from];
    }
  }
  return out;
}

std::int64_t neighbourCount(const Spec& detector, std::int64_t otherwise, std::int64_t most) {
  const std::int64_t k = detector.count("k", 1, otherwise);
  if (k > most)
    detector.at("k").invalid("is " + std::to_string(k) + ", but there are " + std::to_string(most) +
                             " rows to choose from");
  return k;
}

}  // namespace langevin
