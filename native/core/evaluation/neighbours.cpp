#include "evaluation/neighbours.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// Products of so many queries with so many training rows are held at a time: 2 MB a thread, however many rows there are.
constexpr std::int64_t kMostQueries = 256, kChunk = 1024;
// Of so many squares the smallest is looked at before each of them is.
constexpr std::int64_t kGroup = 64;
// Rows that are kept for a query before those are let go of that have fallen behind.
constexpr std::size_t kMostFound = 4096;

}  // namespace

// The training rows that may be among the k nearest of a query, by squares that are off by `unit` of their terms.
class Candidates {
 public:
  Candidates(std::int64_t k, double unit) : above_(k), unit_(unit) {}

  // Rows first, first + 1, ... with their norms and their products with the query, whose own norm is `norm`.
  void look(double norm, const double* norms, const double* products, std::int64_t first, std::int64_t count) {
    for (std::int64_t from = 0; from < count; from += kGroup) {
      const std::int64_t group = std::min(kGroup, count - from);
      if (leastBelow(norm, norms + from, products + from, group) > above_.largest()) continue;
      for (std::int64_t j = from; j < from + group; ++j) {
        const double size = norm + norms[j], square = size - 2 * products[j];
        // Not ">": a square that overflowed is no reason to leave a row out.
        if (square - unit_ * size > above_.largest()) continue;
        found_.push_back({square - unit_ * size, first + j});
        above_.add(square + unit_ * size, first + j);
      }
    }
    if (found_.size() > kMostFound) prune();
  }

  // Ascending.
  const std::vector<Near>& rows() {
    prune();
    return found_;
  }

 private:
  // The limit has come down since the first of them were found.
  void prune() {
    const double limit = above_.largest();
    found_.erase(std::remove_if(found_.begin(), found_.end(), [limit](const Near& near) { return near.first > limit; }),
                 found_.end());
  }

  // The smallest square less its error; below everything where one is no number because it overflowed.
  double leastBelow(double norm, const double* norms, const double* products, std::int64_t count) const {
    double lanes[8];
    bool number = true;
    std::fill(lanes, lanes + 8, kInfinitelyFar);
    std::int64_t j = 0;
    const auto take = [&](double& lane, std::int64_t at) {
      const double size = norm + norms[at], below = size - 2 * products[at] - unit_ * size;
      number &= below == below;
      lane = below < lane ? below : lane;
    };
    for (; j + 8 <= count; j += 8)
      for (std::int64_t l = 0; l < 8; ++l) take(lanes[l], j + l);
    for (; j < count; ++j) take(lanes[0], j);
    return number ? *std::min_element(lanes, lanes + 8) : -kInfinitelyFar;
  }

  NearestSoFar above_;
  double unit_;
  std::vector<Near> found_;
};

NeighbourIndex::NeighbourIndex(const at::Tensor& rows) : rows_(rows.contiguous()) {
  if (NeighbourTree::fits(size(), width())) {
    tree_ = NeighbourTree(rows_);
    return;
  }
  centre_ = rows_.mean(0, true);
  shifted_ = rows_.sub(centre_).contiguous();
  norms_ = shifted_.square().sum(1);
}

// Nothing is checked: it would read all of the numbers once more for every row that is scored. Files hold the rows alone.
NeighbourIndex NeighbourIndex::read(const Spec& state) {
  const auto part = [&](const char* name) { return unbox(state.at(name)); };
  NeighbourIndex index;
  index.rows_ = part("rows");
  if (state.has("tree")) {
    index.tree_ = NeighbourTree::read(state);
    return index;
  }
  index.centre_ = part("centre");
  index.shifted_ = part("shifted");
  index.norms_ = part("norms");
  return index;
}

Map NeighbourIndex::state() const {
  Map kept = {{"rows", box(rows_)}};
  if (tree_)
    kept.merge(tree_->state());
  else
    kept.merge(Map{{"centre", box(centre_)}, {"shifted", box(shifted_)}, {"norms", box(norms_)}});
  return kept;
}

NearestRows NeighbourIndex::nearest(const at::Tensor& given, std::int64_t k, int threads, Job& job) const {
  const at::Tensor queries = given.contiguous();
  const std::int64_t n = queries.size(0);
  // The training rows are packed once for every tile: few large ones, as long as each thread has its share.
  const std::int64_t share = (n + std::max(threads, 1) - 1) / std::max(threads, 1);
  const std::int64_t rows = std::clamp<std::int64_t>(share, 1, kMostQueries), tiles = (n + rows - 1) / rows;
  const NearestRows out = {at::empty({n, k}, at::kDouble), at::empty({n, k}, at::kLong)};
  double* distances = out.distances.data_ptr<double>();
  std::int64_t* numbers = out.rows.data_ptr<std::int64_t>();
  parallelTiles(tiles, threads, [&](std::int64_t t) {
    job.check();
    const std::int64_t first = t * rows, last = std::min(n, first + rows);
    const at::Tensor some = queries.slice(0, first, last);
    std::vector<Candidates> candidates;
    if (!tree_) candidates = candidatesOf(some, k, job);
    NearestSoFar found(k);
    for (std::int64_t i = first; i < last; ++i) {
      const double* query = queries.const_data_ptr<double>() + i * width();
      found.clear();
      if (tree_)
        tree_->search(query, found);
      else
        for (const auto& [below, j] : candidates[static_cast<std::size_t>(i - first)].rows())
          found.add(rowDistance(query, rows_.const_data_ptr<double>() + j * width(), width()), j);
      const std::vector<Near>& sorted = found.sort();
      for (std::int64_t j = 0; j < k; ++j)
        std::tie(distances[i * k + j], numbers[i * k + j]) = sorted[static_cast<std::size_t>(j)];
    }
  });
  return out;
}

// A matrix product gives squared distances as |a|^2 - 2 a.b + |b|^2, which is off by up to a few units in the last place of
// |a|^2 + |b|^2: far from the centre that is more than neighbours differ by. So it only rules rows out: those whose
// square, less its error, is above the k-th smallest square plus error. Differences decide among the rest.
std::vector<Candidates> NeighbourIndex::candidatesOf(const at::Tensor& queries, std::int64_t k, Job& job) const {
  const at::Tensor shifted = queries.sub(centre_);
  const at::Tensor own = shifted.square().sum(1);
  const double* norms = norms_.const_data_ptr<double>();
  const std::int64_t n = size(), count = queries.size(0);
  // Products and norms of d terms are off by d units in the last place, the shifted rows by one: twice that, to be safe.
  const double unit = static_cast<double>(4 * width() + 16) * std::numeric_limits<double>::epsilon();
  std::vector<Candidates> candidates(static_cast<std::size_t>(count), Candidates(k, unit));
  for (std::int64_t first = 0; first < n; first += kChunk) {
    job.check();
    const std::int64_t last = std::min(n, first + kChunk);
    const at::Tensor products = shifted.matmul(shifted_.slice(0, first, last).t()).contiguous();
    for (std::int64_t i = 0; i < count; ++i)
      candidates[static_cast<std::size_t>(i)].look(own.const_data_ptr<double>()[i], norms + first,
                                                   products.const_data_ptr<double>() + i * (last - first), first,
                                                   last - first);
  }
  return candidates;
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
