// pca: squared distance to the subspace of the leading principal components of the training rows, the fewest that hold
// at least the share `variance` of their variance (Shyu et al. 2003 call what is left the minor components).
#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class PrincipalComponents : public Detector {
 public:
  PrincipalComponents(at::Tensor mean, at::Tensor minor) : mean_(std::move(mean)), minor_(std::move(minor)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return scoresOfTiles(rowsToScore(x, mean_.size(1)), threads, job,
                         [this](const at::Tensor& tile) { return tile.sub(mean_).matmul(minor_).square().sum(1); });
  }

 private:
  at::Tensor mean_;   // [1, d]
  at::Tensor minor_;  // [d, m], unit vectors
};

Map fitComponents(const Spec& detector, int, Job&) {
  const at::Tensor rows = trainingRows(detector);
  const double share = detector.probability("variance", 0.9);
  const at::Tensor mean = rows.mean(0, true);
  const at::Tensor centred = rows - mean;
  const auto [values, vectors] = at::linalg_eigh(centred.t().matmul(centred).div(static_cast<double>(rows.size(0))));
  // Ascending: the minor ones come first. They hold at most 1 - share of the variance together.
  const at::Tensor held = values.clamp_min(0).cumsum(0);
  const double total = held[-1].item<double>();
  const auto minor = held.le((1 - share) * total * (1 + 1e-12)).sum().item<std::int64_t>();
  if (!(total > 0) || minor < 1)
    fail(Code::InvalidOption, "pca: the leading components with ", share, " of the variance are all ", rows.size(1),
         " columns, so nothing is left to score by; give a smaller `variance`");
  return {{"mean", box(mean)}, {"minor", box(vectors.slice(1, 0, minor).contiguous())}};
}

std::unique_ptr<Detector> makeComponents(const Spec&, const Spec& state) {
  const at::Tensor mean = stateTensor(state, "mean", 2), minor = stateTensor(state, "minor", 2);
  if (mean.size(0) != 1 || minor.size(0) != mean.size(1))
    state.at("minor").invalid("must have as many rows as the mean has numbers");
  return std::make_unique<PrincipalComponents>(mean, minor);
}

}  // namespace

const DetectorKind& principalComponents() {
  static const DetectorKind kind = {fitComponents, makeComponents};
  return kind;
}

}  // namespace langevin
