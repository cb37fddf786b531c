#include "evaluation/neighbour_tree.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kLeaf = 16;

std::int64_t partsOf(std::int64_t rows) {
  std::int64_t parts = 1;
  for (std::int64_t leaves = 1; rows > kLeaf * leaves; leaves *= 2) parts += 2 * leaves;
  return parts;
}

// Rows first to last of a tree, and its number.
struct Part {
  std::int64_t number, first, last;
  std::int64_t middle() const { return first + (last - first) / 2; }
  Part lower() const { return {2 * number + 1, first, middle()}; }
  Part upper() const { return {2 * number + 2, middle(), last}; }
};

// Writes the box of the rows of a part; the column in which it is widest.
std::int64_t measure(const double* rows, std::int64_t width, const std::int64_t* order, const Part& part, double* box) {
  double *lowest = box, *highest = box + width;
  std::fill(lowest, highest, kInfinitelyFar);
  std::fill(highest, highest + width, -kInfinitelyFar);
  for (std::int64_t i = part.first; i < part.last; ++i)
    for (std::int64_t j = 0; j < width; ++j) {
      const double value = rows[order[i] * width + j];
      lowest[j] = std::min(lowest[j], value);
      highest[j] = std::max(highest[j], value);
    }
  std::int64_t widest = 0;
  for (std::int64_t j = 1; j < width; ++j)
    if (highest[j] - lowest[j] > highest[widest] - lowest[widest]) widest = j;
  return widest;
}

}  // namespace

NearestSoFar::NearestSoFar(std::int64_t k) : heap_(static_cast<std::size_t>(k)) { clear(); }

void NearestSoFar::clear() { std::fill(heap_.begin(), heap_.end(), Near{kInfinitelyFar, 0}); }

void NearestSoFar::add(double value, std::int64_t row) {
  const Near near = {value, row};
  // A distance that is no number is not near; pairs with one have no order.
  if (!(value <= largest()) || !(near < heap_.front())) return;
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.back() = near;
  std::push_heap(heap_.begin(), heap_.end());
}

const std::vector<Near>& NearestSoFar::sort() {
  std::sort_heap(heap_.begin(), heap_.end());
  return heap_;
}

double rowDistance(const double* a, const double* b, std::int64_t width) {
  double sum = 0;
  for (std::int64_t j = 0; j < width; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return std::sqrt(sum);
}

bool NeighbourTree::fits(std::int64_t rows, std::int64_t width) {
  constexpr std::int64_t kMostColumns = 20;
  return width <= kMostColumns && rows >= kLeaf << width;
}

NeighbourTree::NeighbourTree(at::Tensor rows, at::Tensor order, at::Tensor boxes)
    : rows_(std::move(rows)), order_(std::move(order)), boxes_(std::move(boxes)) {}

NeighbourTree::NeighbourTree(const at::Tensor& given) {
  const at::Tensor rows = given.contiguous();
  const std::int64_t n = rows.size(0), width = rows.size(1), parts = partsOf(n);
  order_ = at::arange(n, at::kLong);
  boxes_ = at::empty({parts, 2, width}, at::kDouble);
  const double* values = rows.const_data_ptr<double>();
  std::int64_t* order = order_.data_ptr<std::int64_t>();
  std::vector<Part> left = {{0, 0, n}};
  while (!left.empty()) {
    const Part part = left.back();
    left.pop_back();
    double* box = boxes_.data_ptr<double>() + part.number * 2 * width;
    const std::int64_t column = measure(values, width, order, part, box);
    if (part.lower().number >= parts) continue;
    std::nth_element(order + part.first, order + part.middle(), order + part.last, [&](std::int64_t a, std::int64_t b) {
      return values[a * width + column] < values[b * width + column];
    });
    left.push_back(part.lower());
    left.push_back(part.upper());
  }
  rows_ = rows.index_select(0, order_).contiguous();
}

NeighbourTree NeighbourTree::read(const Spec& state) {
  return {unbox(state.at("tree")), unbox(state.at("order")), unbox(state.at("boxes"))};
}

Map NeighbourTree::state() const { return {{"tree", box(rows_)}, {"order", box(order_)}, {"boxes", box(boxes_)}}; }

// Rounded as rowDistance() rounds, term by term, so that no row of the box is nearer than this, not by a last place.
double NeighbourTree::distanceToBox(const double* query, std::int64_t part) const {
  const std::int64_t width = rows_.size(1);
  const double *lowest = boxes_.const_data_ptr<double>() + part * 2 * width, *highest = lowest + width;
  double sum = 0;
  for (std::int64_t j = 0; j < width; ++j) {
    const double out = std::max({lowest[j] - query[j], query[j] - highest[j], 0.0});
    sum += out * out;
  }
  return std::sqrt(sum);
}

void NeighbourTree::search(const double* query, NearestSoFar& nearest) const {
  struct Ahead {
    Part part;
    double distance;
  };
  const std::int64_t width = rows_.size(1), parts = boxes_.size(0);
  const double* rows = rows_.const_data_ptr<double>();
  const std::int64_t* order = order_.const_data_ptr<std::int64_t>();
  // One half of every level waits while the other is looked at.
  std::array<Ahead, 64> ahead = {{{{0, 0, rows_.size(0)}, distanceToBox(query, 0)}}};
  for (std::size_t waiting = 1; waiting > 0;) {
    const auto [part, distance] = ahead[--waiting];
    // Not ">=": an equally near row with a smaller number may be there.
    if (distance > nearest.largest()) continue;
    if (part.lower().number >= parts) {
      for (std::int64_t i = part.first; i < part.last; ++i)
        nearest.add(rowDistance(query, rows + i * width, width), order[i]);
      continue;
    }
    const Ahead lower = {part.lower(), distanceToBox(query, part.lower().number)};
    const Ahead upper = {part.upper(), distanceToBox(query, part.upper().number)};
    const bool lowerFirst = lower.distance <= upper.distance;
    ahead[waiting++] = lowerFirst ? upper : lower;
    ahead[waiting++] = lowerFirst ? lower : upper;
  }
}

}  // namespace langevin
