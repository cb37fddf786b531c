// isolationForest (Liu, Ting and Zhou 2008): rows that random cuts set apart early are odd. Each tree takes `subsample`
// rows, cuts a random column that still varies at a uniform value between its least and largest, and stops at depth
// ceil(log2 subsample). Score 2^(-h / c(subsample)), h the mean over the trees of the depth plus c(rows left),
// c(m) = 2 H(m - 1) - 2 (m - 1) / m: the mean depth of an unsuccessful search in a binary tree of m rows.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/threads.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// H(n) = 1 + 1/2 + ... + 1/n; of many by its expansion, whose next term is below 1e-14 there.
double harmonicNumber(std::int64_t n) {
  constexpr std::int64_t kSummed = 1000;
  if (n > kSummed) {
    const auto x = static_cast<double>(n);
    return std::log(x) + 0.57721566490153286 + 1 / (2 * x) - 1 / (12 * x * x);
  }
  double sum = 0;
  for (std::int64_t i = 1; i <= n; ++i) sum += 1 / static_cast<double>(i);
  return sum;
}

double meanDepth(std::int64_t rows) {
  if (rows < 2) return 0;
  return 2 * harmonicNumber(rows - 1) - 2 * static_cast<double>(rows - 1) / static_cast<double>(rows);
}

// One tree as arrays; children are places in them, -1 in a leaf.
struct IsolationTree {
  std::vector<std::int64_t> column, left, right;
  std::vector<double> cut;    // rows below it go left
  std::vector<double> depth;  // of a leaf: its depth plus meanDepth of its rows
};

// Grows one tree; uniform numbers are taken in order from a list that is long enough: two a cut.
class IsolationGrower {
 public:
  IsolationGrower(const double* rows, std::int64_t width, std::int64_t deepest, const float* uniforms)
      : rows_(rows), width_(width), deepest_(deepest), uniforms_(uniforms) {}

  std::int64_t grow(IsolationTree& tree, std::vector<std::int64_t>::iterator first,
                    std::vector<std::int64_t>::iterator last, std::int64_t depth) {
    const auto place = static_cast<std::int64_t>(tree.column.size());
    const std::int64_t count = last - first;
    tree.column.push_back(0);
    tree.left.push_back(-1);
    tree.right.push_back(-1);
    tree.cut.push_back(0);
    tree.depth.push_back(static_cast<double>(depth) + meanDepth(count));
    if (count < 2 || depth >= deepest_) return place;
    const std::vector<std::int64_t> columns = varying(first, last);
    if (columns.empty()) return place;
    const auto pick = static_cast<std::size_t>(*uniforms_++ * static_cast<double>(columns.size()));
    const std::int64_t column = columns[std::min(pick, columns.size() - 1)];
    const auto [low, high] = range(first, last, column);
    // Above the least value, so that both sides have rows.
    const double cut = std::max(low + static_cast<double>(*uniforms_++) * (high - low), std::nextafter(low, high));
    const auto middle =
        std::partition(first, last, [&](std::int64_t row) { return rows_[row * width_ + column] < cut; });
    const std::int64_t left = grow(tree, first, middle, depth + 1), right = grow(tree, middle, last, depth + 1);
    const auto p = static_cast<std::size_t>(place);
    tree.column[p] = column;
    tree.cut[p] = cut;
    tree.left[p] = left;
    tree.right[p] = right;
    return place;
  }

 private:
  using Place = std::vector<std::int64_t>::iterator;
  std::pair<double, double> range(Place first, Place last, std::int64_t column) const {
    double low = rows_[*first * width_ + column], high = low;
    for (Place at = first; at != last; ++at) {
      low = std::min(low, rows_[*at * width_ + column]);
      high = std::max(high, rows_[*at * width_ + column]);
    }
    return {low, high};
  }
  std::vector<std::int64_t> varying(Place first, Place last) const {
    std::vector<std::int64_t> found;
    for (std::int64_t j = 0; j < width_; ++j) {
      const auto [low, high] = range(first, last, j);
      if (low < high) found.push_back(j);
    }
    return found;
  }

  const double* rows_;
  std::int64_t width_, deepest_;
  const float* uniforms_;
};

Map fitForest(const Spec& detector, int threads, Job& job) {
  const at::Tensor rows = trainingRows(detector).contiguous();
  const std::int64_t n = rows.size(0), d = rows.size(1), trees = detector.count("trees", 1, 100);
  const std::int64_t subsample = std::min(n, detector.count("subsample", 2, 256));
  const auto deepest = static_cast<std::int64_t>(std::ceil(std::log2(static_cast<double>(subsample))));
  const Random random(detector.has("seed") ? detector.at("seed").seed() : 0);
  std::vector<IsolationTree> grown(static_cast<std::size_t>(trees));
  parallelTiles(trees, threads, [&](std::int64_t t) {
    job.check();
    const at::Tensor drawn = random.permutation(n, static_cast<std::uint64_t>(t), Stream::Data).contiguous();
    std::vector<std::int64_t> own(drawn.const_data_ptr<std::int64_t>(),
                                  drawn.const_data_ptr<std::int64_t>() + subsample);
    const at::Tensor uniforms =
        random.uniform(1, 2 * subsample, static_cast<std::uint64_t>(t), Stream::Project, at::kFloat).contiguous();
    IsolationGrower grower(rows.const_data_ptr<double>(), d, deepest, uniforms.const_data_ptr<float>());
    grower.grow(grown[static_cast<std::size_t>(t)], own.begin(), own.end(), 0);
  });
  IsolationTree all;
  std::vector<std::int64_t> roots;
  for (const IsolationTree& tree : grown) {
    const auto first = static_cast<std::int64_t>(all.column.size());
    roots.push_back(first);
    for (std::size_t k = 0; k < tree.column.size(); ++k) {
      all.column.push_back(tree.column[k]);
      all.left.push_back(tree.left[k] < 0 ? -1 : first + tree.left[k]);
      all.right.push_back(tree.right[k] < 0 ? -1 : first + tree.right[k]);
      all.cut.push_back(tree.cut[k]);
      all.depth.push_back(tree.depth[k]);
    }
  }
  return {{"roots", box(at::tensor(roots, at::kLong))},        {"column", box(at::tensor(all.column, at::kLong))},
          {"left", box(at::tensor(all.left, at::kLong))},      {"right", box(at::tensor(all.right, at::kLong))},
          {"cut", box(at::tensor(all.cut, at::kDouble))},      {"depth", box(at::tensor(all.depth, at::kDouble))},
          {"rows", box(at::tensor({subsample, d}, at::kLong))}};
}

class IsolationForest : public Detector {
 public:
  IsolationForest(const Spec& state, std::int64_t mostRows)
      : roots_(stateTensor(state, "roots", 1, at::kLong)),
        column_(stateTensor(state, "column", 1, at::kLong)),
        left_(stateTensor(state, "left", 1, at::kLong)),
        right_(stateTensor(state, "right", 1, at::kLong)),
        cut_(stateTensor(state, "cut", 1)),
        depth_(stateTensor(state, "depth", 1)) {
    const at::Tensor sizes = stateTensor(state, "rows", 1, at::kLong);
    if (sizes.numel() == 2 && sizes[0].item<std::int64_t>() <= mostRows) {
      width_ = sizes[1].item<std::int64_t>();
      scale_ = meanDepth(sizes[0].item<std::int64_t>());
    }
    if (!sound()) state.at("left").invalid("its trees do not fit each other");
  }

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return scoresOfRows(rowsToScore(x, width_), threads, job, [this](const double* row) { return score(row); });
  }

 private:
  // Every way down ends: children lie behind their parent, as they were grown.
  bool sound() const {
    const std::int64_t nodes = column_.numel();
    const auto within = [](const at::Tensor& t, std::int64_t end) {
      return t.ge(0).logical_and(t.lt(end)).all().item<bool>();
    };
    if (left_.numel() != nodes || right_.numel() != nodes || cut_.numel() != nodes || depth_.numel() != nodes)
      return false;
    const at::Tensor places = at::arange(nodes, at::kLong);
    const auto behind = [&](const at::Tensor& t) { return t.gt(places).logical_and(t.lt(nodes)); };
    const at::Tensor leaf = left_.lt(0).logical_and(right_.lt(0));
    return scale_ > 0 && within(roots_, nodes) && within(column_, width_) &&
           leaf.logical_or(behind(left_).logical_and(behind(right_))).all().item<bool>();
  }

  double score(const double* row) const {
    const std::int64_t *roots = roots_.const_data_ptr<std::int64_t>(), *column = column_.const_data_ptr<std::int64_t>();
    const std::int64_t *left = left_.const_data_ptr<std::int64_t>(), *right = right_.const_data_ptr<std::int64_t>();
    const double *cut = cut_.const_data_ptr<double>(), *depth = depth_.const_data_ptr<double>();
    double sum = 0;
    for (std::int64_t t = 0; t < roots_.numel(); ++t) {
      std::int64_t at = roots[t];
      while (left[at] >= 0) at = row[column[at]] < cut[at] ? left[at] : right[at];
      sum += depth[at];
    }
    return std::exp2(-sum / static_cast<double>(roots_.numel()) / scale_);
  }

  at::Tensor roots_, column_, left_, right_, cut_, depth_;
  std::int64_t width_ = 0;
  double scale_ = 0;
};

std::unique_ptr<Detector> makeForest(const Spec& detector, const Spec& state) {
  return std::make_unique<IsolationForest>(state, detector.count("subsample", 2, 256));
}

}  // namespace

const DetectorKind& isolationForest() {
  static const DetectorKind kind = {fitForest, makeForest};
  return kind;
}

}  // namespace langevin
