// Detectors of where the features h of a classifier lie among those of the training rows:
//   vim                  alpha |residual of h| - logsumexp f (Wang, Li, Feng and Zhang 2022)
//   fdbd                 -mean over other classes of the distance to the decision boundary, over |h - mean| (Liu and Qin 2024)
//   relativeMahalanobis  nearest class mean in one shared covariance, less the distance in that of all rows (Ren et al. 2021)
#include <algorithm>

#include "evaluation/classifier_head.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

struct TrainingFeatures {
  ClassifierHead head;
  at::Tensor h;
};
TrainingFeatures trainingFeatures(const Spec& detector, int threads, Job& job) {
  ClassifierHead head(classifierIn(detector), detector.kind());
  at::Tensor h = head.features(unbox(detector.at("rows")), threads, job);
  if (h.size(0) < 2) fail(Code::Shape, detector.kind(), " needs at least 2 training rows");
  return {std::move(head), std::move(h)};
}

// ---- vim

class Vim final : public Detector {
 public:
  Vim(ClassifierHead head, at::Tensor origin, at::Tensor basis, double alpha)
      : head_(std::move(head)), origin_(std::move(origin)), basis_(std::move(basis)), alpha_(alpha) {}
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor h = head_.features(x, threads, job);
    return alpha_ * (h - origin_).mm(basis_).norm(2, 1) + energyOfLogits(head_.logits(h));
  }

 private:
  ClassifierHead head_;
  at::Tensor origin_, basis_;  // [features], [features, rest]
  double alpha_;
};

Map fitVim(const Spec& detector, int threads, Job& job) {
  const auto [head, h] = trainingFeatures(detector, threads, job);
  const std::int64_t d = h.size(1);
  const std::int64_t principal =
      detector.has("principal") ? detector.count("principal", 1) : std::max<std::int64_t>(d / 2, 1);
  if (principal >= d)
    detector.at("principal").invalid("must be below the " + std::to_string(d) + " features of this classifier");
  // Where the logits are those of b alone, as nearly as may be.
  const at::Tensor origin = at::linalg_pinv(head.weight()).mv(head.bias()).neg();
  const at::Tensor centred = h - origin;
  const auto [values, vectors] = at::linalg_eigh(centred.t().mm(centred) / static_cast<double>(h.size(0)));
  const at::Tensor basis = vectors.slice(1, 0, d - principal).contiguous();  // of the smallest
  const double residual = centred.mm(basis).norm(2, 1).mean().item<double>();
  const double logit = head.logits(h).amax(1).mean().item<double>();
  if (!(residual > 0))
    fail(Code::InvalidOption, "vim: the features of the training rows leave no residual; a smaller `principal`");
  return {{"origin", box(origin)}, {"basis", box(basis)}, {"alpha", box(at::tensor({logit / residual}, at::kDouble))}};
}

std::unique_ptr<Detector> makeVim(const Spec& detector, const Spec& state) {
  ClassifierHead head(classifierIn(detector), "vim");
  at::Tensor origin = stateTensor(state, "origin", 1), basis = stateTensor(state, "basis", 2);
  if (origin.size(0) != head.weight().size(1) || basis.size(0) != origin.size(0))
    state.at("basis").invalid("does not fit the features of this classifier");
  return std::make_unique<Vim>(std::move(head), origin, basis, stateTensor(state, "alpha", 1)[0].item<double>());
}

// ---- fdbd

class Fdbd final : public Detector {
 public:
  Fdbd(ClassifierHead head, at::Tensor mean) : head_(std::move(head)), mean_(std::move(mean)) {
    apart_ = at::cdist(head_.weight(), head_.weight(), 2, 2);
    apart_.fill_diagonal_(1);  // a class is not compared with itself
  }
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor h = head_.features(x, threads, job), f = head_.logits(h);
    const auto [largest, own] = f.max(1);
    const at::Tensor to = (largest.unsqueeze(1) - f) / apart_.index_select(0, own);
    const double others = static_cast<double>(f.size(1) - 1);
    return to.sum(1).div(others).div((h - mean_).norm(2, 1)).neg();
  }

 private:
  ClassifierHead head_;
  at::Tensor mean_, apart_;
};

Map fitFdbd(const Spec& detector, int threads, Job& job) {
  return {{"mean", box(trainingFeatures(detector, threads, job).h.mean(0))}};
}

std::unique_ptr<Detector> makeFdbd(const Spec& detector, const Spec& state) {
  ClassifierHead head(classifierIn(detector), "fdbd");
  at::Tensor mean = stateTensor(state, "mean", 1);
  if (mean.size(0) != head.weight().size(1)) state.at("mean").invalid("does not fit the features of this classifier");
  return std::make_unique<Fdbd>(std::move(head), mean);
}

// ---- relativeMahalanobis

// Squared lengths of rows under a precision matrix.
at::Tensor squares(const at::Tensor& rows, const at::Tensor& precision) { return (rows.mm(precision) * rows).sum(1); }

class RelativeMahalanobis final : public Detector {
 public:
  RelativeMahalanobis(ClassifierHead head, at::Tensor means, at::Tensor within, at::Tensor mean, at::Tensor overall)
      : head_(std::move(head)),
        means_(std::move(means)),
        within_(std::move(within)),
        mean_(std::move(mean)),
        overall_(std::move(overall)) {}
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor h = head_.features(x, threads, job);
    std::vector<at::Tensor> toClasses;
    for (std::int64_t k = 0; k < means_.size(0); ++k) toClasses.push_back(squares(h - means_[k], within_));
    return at::stack(toClasses, 1).amin(1) - squares(h - mean_, overall_);
  }

 private:
  ClassifierHead head_;
  at::Tensor means_, within_, mean_, overall_;
};

Map fitRelativeMahalanobis(const Spec& detector, int threads, Job& job) {
  const auto [head, h] = trainingFeatures(detector, threads, job);
  const at::Tensor classes = head.logits(h).argmax(1);
  std::vector<at::Tensor> means;
  at::Tensor within = at::zeros({h.size(1), h.size(1)}, at::kDouble);
  for (std::int64_t k = 0; k < head.weight().size(0); ++k) {
    const at::Tensor rows = h.index_select(0, classes.eq(k).nonzero().squeeze(1));
    if (rows.size(0) == 0) continue;
    means.push_back(rows.mean(0));
    const at::Tensor centred = rows - means.back();
    within += centred.t().mm(centred);
  }
  const at::Tensor mean = h.mean(0), centred = h - mean;
  const double n = static_cast<double>(h.size(0));
  // Features that never vary have no precision: the pseudo-inverse leaves them out.
  return {{"means", box(at::stack(means))},
          {"within", box(at::linalg_pinv(within / n, 1e-15, true).contiguous())},
          {"mean", box(mean)},
          {"overall", box(at::linalg_pinv(centred.t().mm(centred) / n, 1e-15, true).contiguous())}};
}

std::unique_ptr<Detector> makeRelativeMahalanobis(const Spec& detector, const Spec& state) {
  ClassifierHead head(classifierIn(detector), "relativeMahalanobis");
  const std::int64_t d = head.weight().size(1);
  at::Tensor means = stateTensor(state, "means", 2), mean = stateTensor(state, "mean", 1);
  at::Tensor within = stateTensor(state, "within", 2), overall = stateTensor(state, "overall", 2);
  for (const at::Tensor& square : {within, overall})
    if (square.size(0) != d || square.size(1) != d || means.size(1) != d || mean.size(0) != d)
      state.invalid("does not fit the " + std::to_string(d) + " features of this classifier");
  return std::make_unique<RelativeMahalanobis>(std::move(head), means, within, mean, overall);
}

}  // namespace

const DetectorKind& vimDetector() {
  static const DetectorKind kind = {fitVim, makeVim};
  return kind;
}
const DetectorKind& fdbdDetector() {
  static const DetectorKind kind = {fitFdbd, makeFdbd};
  return kind;
}
const DetectorKind& relativeMahalanobisDetector() {
  static const DetectorKind kind = {fitRelativeMahalanobis, makeRelativeMahalanobis};
  return kind;
}

}  // namespace langevin
