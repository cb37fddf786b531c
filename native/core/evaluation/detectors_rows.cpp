// Detectors fitted to training rows: Mahalanobis distance and distance to the k-th nearest neighbour.
#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

at::Tensor readRows(const Spec& spec) {
  const Spec given = spec.at("rows");
  const at::Tensor rows = readMatrix(given);
  requireRows(rows, 2, given.path());
  return rows;
}

at::Tensor asDoubles(const at::Tensor& x, std::int64_t width) {
  at::Tensor v = asRows(x.dim() > 2 ? x.flatten(1) : x, width, at::kDouble, at::kCPU, "x");
  requireFinite(v, "x");
  return v;
}

// (x - m)' S^-1 (x - m) with S = (1 - a) C + a tr(C) / d I, C the covariance with divisor
// n (scikit-learn's ShrunkCovariance).
class Mahalanobis : public Detector {
 public:
  Mahalanobis(const at::Tensor& rows, double shrinkage) {
    const std::int64_t n = rows.size(0), d = rows.size(1);
    mean_ = rows.mean(0, true);
    const at::Tensor centred = rows - mean_;
    at::Tensor covariance = centred.t().matmul(centred).div(static_cast<double>(n));
    const double ridge = shrinkage * covariance.trace().item<double>() / static_cast<double>(d);
    covariance = covariance.mul(1 - shrinkage).add(at::eye(d, at::kDouble), ridge);
    const auto [factor, info] = at::linalg_cholesky_ex(covariance);
    // A squared pivot over its variance is 1 - R^2 of that column given the ones before it; in rounding noise a
    // dependent column leaves about 1e-16 of it. The ratio does not depend on the units of the columns.
    const at::Tensor left = factor.diagonal().square().div(covariance.diagonal());
    const bool singular = info.item<int>() != 0 || !(left.min().item<double>() > 1e-13);
    if (singular)
      fail(Code::InvalidOption, "the covariance of the ", n, " rows in ", d,
           " columns is singular (constant or dependent columns); give a larger `shrinkage`, such as 0.001");
    factor_ = factor;
  }

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor rows = asDoubles(x, mean_.size(1));
    const Tiling tiling(rows.size(0));
    at::Tensor out = at::empty({rows.size(0)}, at::kDouble);
    parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
      job.check();
      const TileRange r = tiling.range(t);
      const at::Tensor centred = rows.slice(0, r.first, r.last).sub(mean_);
      const at::Tensor white = at::linalg_solve_triangular(factor_, centred.t(), false);
      out.slice(0, r.first, r.last).copy_(white.square().sum(0));
    });
    return out;
  }

 private:
  at::Tensor mean_, factor_;
};

// Euclidean distance to the k-th nearest training row (or the mean over the k nearest).
class NearestNeighbours : public Detector {
 public:
  NearestNeighbours(const at::Tensor& rows, std::int64_t k, bool mean) : rows_(rows), k_(k), mean_(mean) {
    // The expanded square below cancels least about the centre of the rows.
    centre_ = rows.mean(0, true);
    shifted_ = rows.sub(centre_).t().contiguous();
    norms_ = shifted_.square().sum(0);
  }

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor queries = asDoubles(x, rows_.size(1));
    // 64 rows against 50,000 training rows are 25 MB of distances a thread.
    constexpr std::int64_t kTile = 64;
    const std::int64_t n = queries.size(0), tiles = (n + kTile - 1) / kTile;
    at::Tensor out = at::empty({n}, at::kDouble);
    parallelTiles(tiles, threads, [&](std::int64_t t) {
      job.check();
      const std::int64_t first = t * kTile, last = std::min(n, first + kTile);
      out.slice(0, first, last).copy_(tile(queries.slice(0, first, last)));
    });
    return out;
  }

 private:
  // Neighbours are picked by |a|^2 - 2 a.b + |b|^2 (one matrix product), a few more than needed; their distances are
  // then computed by differences, so that duplicates come out as exactly 0.
  at::Tensor tile(const at::Tensor& queries) const {
    const at::Tensor squared = norms_.unsqueeze(0).sub(queries.sub(centre_).matmul(shifted_), 2);
    const std::int64_t candidates = std::min(rows_.size(0), k_ + 4);
    const at::Tensor index = std::get<1>(squared.topk(candidates, 1, false, false)).contiguous();
    const std::int64_t n = queries.size(0), d = queries.size(1);
    const double *q = queries.data_ptr<double>(), *rows = rows_.data_ptr<double>();
    const std::int64_t* neighbours = index.data_ptr<std::int64_t>();
    at::Tensor out = at::empty({n}, at::kDouble);
    std::vector<double> found(static_cast<std::size_t>(candidates));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t c = 0; c < candidates; ++c) {
        const double *a = q + i * d, *b = rows + neighbours[i * candidates + c] * d;
        double sum = 0;
        for (std::int64_t j = 0; j < d; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
        found[static_cast<std::size_t>(c)] = std::sqrt(sum);
      }
      std::sort(found.begin(), found.end());
      double value = found[static_cast<std::size_t>(k_ - 1)];
      if (mean_) {
        value = 0;
        for (std::int64_t c = 0; c < k_; ++c) value += found[static_cast<std::size_t>(c)];
        value /= static_cast<double>(k_);
      }
      out.data_ptr<double>()[i] = value;
    }
    return out;
  }

  at::Tensor rows_, centre_, shifted_, norms_;
  std::int64_t k_;
  bool mean_;
};

}  // namespace

std::unique_ptr<Detector> makeMahalanobis(const Spec& spec) {
  return std::make_unique<Mahalanobis>(readRows(spec), spec.probability("shrinkage", 1e-3));
}

std::unique_ptr<Detector> makeNearestNeighbours(const Spec& spec) {
  const at::Tensor rows = readRows(spec);
  const std::int64_t k = spec.count("k", 1, 5);
  if (k > rows.size(0))
    spec.at("k").invalid("is " + std::to_string(k) + ", but there are " + std::to_string(rows.size(0)) + " rows");
  const std::string distance = spec.text("distance", "largest");
  if (distance != "largest" && distance != "mean")
    spec.at("distance").invalid("'" + distance + "'; one of largest, mean");
  return std::make_unique<NearestNeighbours>(rows, k, distance == "mean");
}

}  // namespace langevin
