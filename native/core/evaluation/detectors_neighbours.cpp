// knn: Euclidean distance to the k-th nearest training row, or the mean over the k nearest.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/threads.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// 64 rows against 50,000 training rows are 25 MB of products a thread.
constexpr std::int64_t kNeighbourTile = 64;
constexpr double kFarAway = std::numeric_limits<double>::infinity();

// The training rows, and what is prepared of them once: about their centre the expanded square below cancels least.
struct NeighbourIndex {
  at::Tensor rows;     // [n, d]
  at::Tensor centre;   // [1, d]
  at::Tensor shifted;  // [n, d] about the centre
  at::Tensor norms;    // [n], squares of the shifted rows
};

NeighbourIndex neighbourIndexOf(const at::Tensor& rows) {
  const at::Tensor centre = rows.mean(0, true);
  const at::Tensor shifted = rows.sub(centre).contiguous();
  return {rows, centre, shifted, shifted.square().sum(1)};
}

// The k smallest of the numbers given, in a heap whose top is the largest of them.
class SmallestNumbers {
 public:
  explicit SmallestNumbers(std::int64_t k) : heap_(static_cast<std::size_t>(k)) { clear(); }
  void clear() { std::fill(heap_.begin(), heap_.end(), kFarAway); }
  double largest() const { return heap_.front(); }
  void add(double value) {
    if (!(value < heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.back() = value;
    std::push_heap(heap_.begin(), heap_.end());
  }
  const std::vector<double>& sort() {
    std::sort_heap(heap_.begin(), heap_.end());
    return heap_;
  }

 private:
  std::vector<double> heap_;
};

// |a - b| by differences: exact to rounding wherever the rows lie, and exactly 0 for duplicates.
double rowDistance(const double* a, const double* b, std::int64_t width) {
  double sum = 0;
  for (std::int64_t j = 0; j < width; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return std::sqrt(sum);
}

class NearestNeighbours : public Detector {
 public:
  NearestNeighbours(NeighbourIndex index, std::int64_t k, bool mean) : index_(std::move(index)), k_(k), mean_(mean) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor queries = rowsToScore(x, index_.rows.size(1)).contiguous();
    const std::int64_t n = queries.size(0), tiles = (n + kNeighbourTile - 1) / kNeighbourTile;
    at::Tensor out = at::empty({n}, at::kDouble);
    parallelTiles(tiles, threads, [&](std::int64_t t) {
      job.check();
      const std::int64_t first = t * kNeighbourTile, last = std::min(n, first + kNeighbourTile);
      tile(queries.slice(0, first, last), out.data_ptr<double>() + first);
    });
    return out;
  }

 private:
  // One matrix product gives every squared distance as |a|^2 - 2 a.b + |b|^2, which is off by up to a few units in the
  // last place of |a|^2 + |b|^2: far from the centre that is more than neighbours differ by. So it only rules rows out:
  // those whose square, less its error, is above the k-th smallest square plus error. Differences decide among the rest.
  void tile(const at::Tensor& queries, double* out) const {
    const at::Tensor shifted = queries.sub(index_.centre);
    const at::Tensor products = shifted.matmul(index_.shifted.t()).contiguous();
    const at::Tensor own = shifted.square().sum(1);
    const std::int64_t n = index_.rows.size(0), d = index_.rows.size(1);
    const double *norms = index_.norms.const_data_ptr<double>(), *rows = index_.rows.const_data_ptr<double>();
    // Products and norms of d terms are off by d units in the last place, the shifted rows by one: twice that, to be safe.
    const double unit = static_cast<double>(4 * d + 16) * std::numeric_limits<double>::epsilon();
    SmallestNumbers above(k_), nearest(k_);
    for (std::int64_t i = 0; i < queries.size(0); ++i) {
      const double* product = products.const_data_ptr<double>() + i * n;
      const double* query = queries.const_data_ptr<double>() + i * d;
      const double norm = own.const_data_ptr<double>()[i];
      above.clear();
      nearest.clear();
      for (std::int64_t j = 0; j < n; ++j) {
        const double size = norm + norms[j];
        above.add(size - 2 * product[j] + unit * size);
      }
      const double limit = above.largest();
      for (std::int64_t j = 0; j < n; ++j) {
        const double size = norm + norms[j];
        // Not ">": a square that overflowed is no reason to leave a row out.
        if (!(size - 2 * product[j] - unit * size > limit)) nearest.add(rowDistance(query, rows + j * d, d));
      }
      out[i] = scoreOf(nearest.sort());
    }
  }

  double scoreOf(const std::vector<double>& nearest) const {
    if (!mean_) return nearest.back();
    double sum = 0;
    for (double each : nearest) sum += each;
    return sum / static_cast<double>(k_);
  }

  NeighbourIndex index_;
  std::int64_t k_;
  bool mean_;
};

Map fitNeighbours(const Spec& detector, int, Job&) {
  const auto [rows, centre, shifted, norms] = neighbourIndexOf(trainingRows(detector));
  return {{"rows", box(rows)}, {"centre", box(centre)}, {"shifted", box(shifted)}, {"norms", box(norms)}};
}

std::unique_ptr<Detector> makeNeighbours(const Spec& detector, const Spec& state) {
  // Not readMatrix: it would read all of the numbers once more for every row that is scored.
  const auto part = [&](const char* name) { return unbox(state.at(name)); };
  NeighbourIndex index{part("rows"), part("centre"), part("shifted"), part("norms")};
  const std::int64_t k = detector.count("k", 1, 5);
  if (k > index.rows.size(0))
    detector.at("k").invalid("is " + std::to_string(k) + ", but there are " + std::to_string(index.rows.size(0)) +
                             " rows");
  const std::string distance = detector.text("distance", "largest");
  if (distance != "largest" && distance != "mean")
    detector.at("distance").invalid("'" + distance + "'; one of largest, mean");
  return std::make_unique<NearestNeighbours>(std::move(index), k, distance == "mean");
}

}  // namespace

const DetectorKind& nearestNeighbours() {
  static const DetectorKind kind = {fitNeighbours, makeNeighbours};
  return kind;
}

}  // namespace langevin
