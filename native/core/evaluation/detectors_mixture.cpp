// gaussianMixture: -log p(x) of a mixture of Gaussians with full covariances, fitted by expectation maximisation
// (Dempster, Laird and Rubin 1977), each covariance with `ridge` added to its diagonal. It begins at k-means++ centres
// (Arthur and Vassilvitskii 2007), at most one for ten rows, with the covariance of all rows, and stops when the mean log-likelihood gains less than
// `tolerance`, or after `iterations`.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMixtureBlock = 4096;
constexpr double kLogTwoPi = 1.8378770664093454836;

struct Mixture {
  at::Tensor logWeights;  // [k]
  at::Tensor means;       // [k, d]
  at::Tensor whitening;   // [k, d, d], L^-1 of covariance L L', contiguous
  at::Tensor logScale;    // [k], log det L
};

// log (weight_j N(x; j)) of rows, [n, k]
at::Tensor jointLog(const Mixture& m, const at::Tensor& rows) {
  const std::int64_t k = m.means.size(0), d = m.means.size(1);
  std::vector<at::Tensor> columns;
  for (std::int64_t j = 0; j < k; ++j)
    columns.push_back(rows.sub(m.means[j]).matmul(m.whitening[j].t()).square().sum(1));
  return at::stack(columns, 1).div(-2).add(m.logWeights - m.logScale).sub(static_cast<double>(d) * kLogTwoPi / 2);
}

void setCovariance(Mixture& m, std::int64_t j, const at::Tensor& covariance, double ridge) {
  const std::int64_t d = m.means.size(1);
  const auto [factor, info] = at::linalg_cholesky_ex(covariance.add(at::eye(d, at::kDouble), ridge));
  if (info.item<int>() != 0)
    fail(Code::InvalidOption, "gaussianMixture: the covariance of component ", j,
         " is singular; give a larger `ridge` or fewer `components`");
  m.whitening[j].copy_(at::linalg_solve_triangular(factor, at::eye(d, at::kDouble), false));
  m.logScale[j].copy_(factor.diagonal().log().sum());
}

// k-means++: each next centre is a row drawn in proportion to its squared distance to the nearest one so far.
at::Tensor firstCentres(const at::Tensor& rows, std::int64_t k, const Random& random) {
  const at::Tensor uniform = random.uniform(1, k, 0, Stream::Init, at::kDouble).flatten();
  const auto at = [&](double share) {
    return std::min(static_cast<std::int64_t>(share * static_cast<double>(rows.size(0))), rows.size(0) - 1);
  };
  std::vector<at::Tensor> centres = {rows[at(uniform[0].item<double>())]};
  at::Tensor nearest = rows.sub(centres[0]).square().sum(1);
  for (std::int64_t j = 1; j < k; ++j) {
    const at::Tensor sums = nearest.cumsum(0);
    const double wanted = uniform[j].item<double>() * sums[-1].item<double>();
    const std::int64_t row = std::min(sums.lt(wanted).sum().item<std::int64_t>(), rows.size(0) - 1);
    centres.push_back(rows[row]);
    nearest = at::minimum(nearest, rows.sub(centres.back()).square().sum(1));
  }
  return at::stack(centres);
}

// One step of expectation and maximisation; the mean log-likelihood before it.
double improve(Mixture& m, const at::Tensor& rows, double ridge, Job& job) {
  const std::int64_t n = rows.size(0), k = m.means.size(0), d = m.means.size(1);
  at::Tensor share = at::empty({n, k}, at::kDouble);
  double likelihood = 0;
  for (std::int64_t first = 0; first < n; first += kMixtureBlock) {
    job.check();
    const std::int64_t last = std::min(n, first + kMixtureBlock);
    const at::Tensor joint = jointLog(m, rows.slice(0, first, last));
    const at::Tensor marginal = joint.logsumexp(1, true);
    likelihood += marginal.sum().item<double>();
    share.slice(0, first, last).copy_(joint.sub(marginal).exp());
  }
  // A component that lost its rows keeps its place, at no weight.
  const at::Tensor held = share.sum(0).clamp_min(1e-10 * static_cast<double>(n));
  m.logWeights = held.div(held.sum()).log();
  m.means = share.t().matmul(rows).div(held.unsqueeze(1));
  for (std::int64_t j = 0; j < k; ++j) {
    at::Tensor covariance = at::zeros({d, d}, at::kDouble);
    for (std::int64_t first = 0; first < n; first += kMixtureBlock) {
      job.check();
      const std::int64_t last = std::min(n, first + kMixtureBlock);
      const at::Tensor centred = rows.slice(0, first, last).sub(m.means[j]);
      covariance.add_(centred.t().matmul(centred.mul(share.slice(0, first, last).select(1, j).unsqueeze(1))));
    }
    setCovariance(m, j, covariance.div(held[j]), ridge);
  }
  return likelihood / static_cast<double>(n);
}

// At most as many as asked for, one for every ten rows, and two million numbers of covariances.
std::int64_t componentsFor(std::int64_t asked, std::int64_t rows, std::int64_t width) {
  constexpr std::int64_t kMostNumbers = 2'000'000, kRowsOfOne = 10;
  return std::max<std::int64_t>(1, std::min({asked, rows / kRowsOfOne, kMostNumbers / (width * width)}));
}

Map fitMixture(const Spec& detector, int, Job& job) {
  const at::Tensor rows = trainingRows(detector).contiguous();
  const std::int64_t n = rows.size(0), d = rows.size(1);
  const std::int64_t k = componentsFor(detector.count("components", 1, 5), n, d);
  const double ridge = detector.nonNegative("ridge", 0.03), tolerance = detector.nonNegative("tolerance", 1e-3);
  const std::int64_t iterations = detector.count("iterations", 1, 100);
  const Random random(detector.has("seed") ? detector.at("seed").seed() : 0);
  Mixture m = {at::full({k}, -std::log(static_cast<double>(k)), at::kDouble), firstCentres(rows, k, random),
               at::empty({k, d, d}, at::kDouble), at::empty({k}, at::kDouble)};
  const at::Tensor centred = rows - rows.mean(0, true);
  const at::Tensor whole = centred.t().matmul(centred).div(static_cast<double>(n));
  for (std::int64_t j = 0; j < k; ++j) setCovariance(m, j, whole, ridge);
  double before = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < iterations; ++i) {
    const double now = improve(m, rows, ridge, job);
    if (now - before < tolerance) break;
    before = now;
  }
  return {{"logWeights", box(m.logWeights)},
          {"means", box(m.means.contiguous())},
          {"whitening", box(m.whitening)},
          {"logScale", box(m.logScale)}};
}

class GaussianMixture : public Detector {
 public:
  explicit GaussianMixture(Mixture mixture) : mixture_(std::move(mixture)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return scoresOfTiles(rowsToScore(x, mixture_.means.size(1)), threads, job,
                         [this](const at::Tensor& tile) { return jointLog(mixture_, tile).logsumexp(1).neg(); });
  }

 private:
  Mixture mixture_;
};

std::unique_ptr<Detector> makeMixture(const Spec&, const Spec& state) {
  Mixture m = {stateTensor(state, "logWeights", 1), stateTensor(state, "means", 2), stateTensor(state, "whitening", 3),
               stateTensor(state, "logScale", 1)};
  const std::int64_t k = m.means.size(0);
  if (m.logWeights.sizes() != at::IntArrayRef{k} || m.logScale.sizes() != at::IntArrayRef{k} ||
      m.whitening.sizes() != at::IntArrayRef({k, m.means.size(1), m.means.size(1)}))
    state.at("means").invalid("does not fit the weights and covariances");
  return std::make_unique<GaussianMixture>(std::move(m));
}

}  // namespace

const DetectorKind& gaussianMixture() {
  static const DetectorKind kind = {fitMixture, makeMixture};
  return kind;
}

}  // namespace langevin
