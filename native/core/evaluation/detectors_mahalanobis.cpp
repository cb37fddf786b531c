// mahalanobis: squared distance to the mean of the training rows, in units of their covariance.
#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// (x - m)' S^-1 (x - m) with S of shrunkCovariance(). The state: m [1, d] and the upper Cholesky factor R of S = R' R [d, d].
class Mahalanobis : public Detector {
 public:
  Mahalanobis(at::Tensor mean, at::Tensor factor) : mean_(std::move(mean)), factor_(std::move(factor)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor rows = rowsToScore(x, mean_.size(1));
    return scoresOfTiles(rows, threads, job, [this](const at::Tensor& tile) {
      return at::linalg_solve_triangular(factor_.t(), tile.sub(mean_).t(), false).square().sum(0);
    });
  }

 private:
  at::Tensor mean_, factor_;
};

Map fitMahalanobis(const Spec& detector, int, Job&) {
  const at::Tensor rows = trainingRows(detector);
  const double shrinkage = detector.probability("shrinkage", 1e-3);
  const std::int64_t n = rows.size(0), d = rows.size(1);
  const at::Tensor mean = rows.mean(0, true);
  const at::Tensor covariance = shrunkCovariance(rows - mean, shrinkage);
  const auto [factor, info] = at::linalg_cholesky_ex(covariance);
  // A squared pivot over its variance is 1 - R^2 of that column given the ones before it; in rounding noise a
  // dependent column leaves about 1e-16 of it. The ratio does not depend on the units of the columns.
  const at::Tensor left = factor.diagonal().square().div(covariance.diagonal());
  const bool singular = info.item<int>() != 0 || !(left.min().item<double>() > 1e-13);
  if (singular)
    fail(Code::InvalidOption, "the covariance of the ", n, " rows in ", d,
         " columns is singular (constant or dependent columns); give a larger `shrinkage`, such as 0.001");
  // LAPACK leaves the lower factor column by column: its transpose is contiguous, and keeps its bits in a file.
  return {{"mean", box(mean)}, {"factor", box(factor.t().contiguous())}};
}

std::unique_ptr<Detector> makeMahalanobis(const Spec&, const Spec& state) {
  const at::Tensor mean = unbox(state.at("mean")), factor = unbox(state.at("factor"));
  if (mean.dim() != 2 || mean.size(0) != 1 || factor.sizes() != at::IntArrayRef{mean.size(1), mean.size(1)})
    state.at("factor").invalid("must have as many rows and columns as the mean has numbers");
  return std::make_unique<Mahalanobis>(mean, factor);
}

}  // namespace

const DetectorKind& mahalanobis() {
  static const DetectorKind kind = {fitMahalanobis, makeMahalanobis};
  return kind;
}

}  // namespace langevin
