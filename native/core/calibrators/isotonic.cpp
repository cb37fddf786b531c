// Isotonic regression (Zadrozny and Elkan 2002): of each class, one against all, the rising function of its softmax probability
// that fits the labels best in squares, by pooling adjacent violators; straight lines between its corners, flat beyond them. The
// probabilities are normalised. Of two classes one function does.
#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "calibrators/calibrator.hpp"

namespace langevin {
namespace {

struct Corner {
  double x, y;
};

at::Tensor isotonicScores(const at::Tensor& logits) {
  const at::Tensor p = logits.softmax(1);
  return (p.size(1) == 2 ? p.slice(1, 1) : p).t().contiguous();  // [columns, n]
}

// The value at x of the line through corners whose x rise.
double valueAt(const Corner* corners, std::size_t count, double x) {
  const Corner* end = corners + count;
  const Corner* right = std::lower_bound(corners, end, x, [](const Corner& c, double v) { return c.x < v; });
  if (right == corners) return corners->y;
  if (right == end) return (end - 1)->y;
  const Corner* left = right - 1;
  return left->y + (right->y - left->y) * ((x - left->x) / (right->x - left->x));
}

class Isotonic final : public Calibrator {
 public:
  Isotonic(const SavedTensors& state, std::int64_t classes) {
    const std::int64_t columns = OneAgainstAll::columns(classes);
    const at::Tensor counts = savedTensor(state, "counts").to(at::kCPU, at::kLong).contiguous();
    if (counts.dim() != 1 || counts.numel() != columns || counts.lt(1).any().item<bool>())
      fail(Code::Format, "an isotonic calibrator of ", classes, " classes has ", columns, " functions");
    const std::int64_t all = counts.sum().item<std::int64_t>();
    const at::Tensor x = calibratorState(state, "x", all), y = calibratorState(state, "y", all);
    std::int64_t next = 0;
    for (std::int64_t c = 0; c < columns; ++c) {
      std::vector<Corner> one;
      for (std::int64_t i = 0; i < counts[c].item<std::int64_t>(); ++i, ++next)
        one.push_back({x[next].item<double>(), y[next].item<double>()});
      const auto rises = [](const Corner& a, const Corner& b) { return !(a.x < b.x); };
      if (std::adjacent_find(one.begin(), one.end(), rises) != one.end())
        fail(Code::Format, "the corners of an isotonic calibrator must rise");
      functions_.push_back(std::move(one));
    }
  }
  at::Tensor probabilities(const at::Tensor& logits) const override {
    const at::Tensor scores = isotonicScores(logits);
    at::Tensor out = at::empty_like(scores);
    const auto* from = scores.const_data_ptr<double>();
    auto* to = out.mutable_data_ptr<double>();
    const std::int64_t n = scores.size(1);
    for (std::size_t c = 0; c < functions_.size(); ++c)
      for (std::int64_t i = 0; i < n; ++i, ++from, ++to)
        *to = valueAt(functions_[c].data(), functions_[c].size(), *from);
    return OneAgainstAll::joined(out.t(), logits.size(1));
  }

 private:
  std::vector<std::vector<Corner>> functions_;
};

struct Block {
  double low, high, mean, weight;
};

// Corners of the best rising function; rows of the same score are one row of their mean.
std::vector<Corner> fitRising(const double* score, const double* hit, std::int64_t n) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return score[a] < score[b]; });
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < order.size();) {
    const double x = score[order[i]];
    double sum = 0, weight = 0;
    for (; i < order.size() && score[order[i]] == x; ++i, ++weight) sum += hit[order[i]];
    blocks.push_back({x, x, sum / weight, weight});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean >= blocks.back().mean) {
      const Block last = blocks.back();
      blocks.pop_back();
      Block& into = blocks.back();
      into.mean = (into.mean * into.weight + last.mean * last.weight) / (into.weight + last.weight);
      into.weight += last.weight;
      into.high = last.high;
    }
  }
  std::vector<Corner> corners;
  for (const Block& block : blocks) {
    corners.push_back({block.low, block.mean});
    if (block.high > block.low) corners.push_back({block.high, block.mean});
  }
  return corners;
}

SavedTensors fitIsotonic(const Spec&, const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor scores = isotonicScores(logits);
  std::vector<double> x, y;
  std::vector<std::int64_t> counts;
  for (std::int64_t c = 0; c < scores.size(0); ++c) {
    const at::Tensor hits = OneAgainstAll::hits(labels, c, logits.size(1)).contiguous();
    const std::vector<Corner> corners =
        fitRising(scores[c].const_data_ptr<double>(), hits.const_data_ptr<double>(), scores.size(1));
    for (const Corner& corner : corners) {
      x.push_back(corner.x);
      y.push_back(corner.y);
    }
    counts.push_back(static_cast<std::int64_t>(corners.size()));
  }
  return {
      {"x", at::tensor(x, at::kDouble)}, {"y", at::tensor(y, at::kDouble)}, {"counts", at::tensor(counts, at::kLong)}};
}

std::unique_ptr<Calibrator> makeIsotonic(const SavedTensors& state, std::int64_t classes) {
  return std::make_unique<Isotonic>(state, classes);
}

}  // namespace

const CalibratorKind& isotonicCalibrator() {
  static const CalibratorKind kind = {fitIsotonic, makeIsotonic};
  return kind;
}

}  // namespace langevin
