// The energy -logsumexp(W h + b) of a classifier whose features h are changed first:
//   react   h <- min(h, c), c a percentile of all features of the training rows (Sun, Guo and Li 2021)
//   ash     the smallest features of a row become 0, the others times exp(sum before / sum after) (Djurisic et al. 2023, ASH-S)
#include <cmath>

#include "evaluation/classifier_head.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class React final : public Detector {
 public:
  React(ClassifierHead head, double limit) : head_(std::move(head)), limit_(limit) {}
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return energyOfLogits(head_.logits(head_.features(x, threads, job).clamp_max(limit_)));
  }

 private:
  ClassifierHead head_;
  double limit_;
};

// The quantile of all numbers, along a straight line between neighbours.
double quantileOf(const at::Tensor& values, double share) {
  const at::Tensor sorted = std::get<0>(values.reshape({-1}).sort());
  const double place = share * static_cast<double>(sorted.numel() - 1);
  const auto below = static_cast<std::int64_t>(place);
  const std::int64_t above = std::min(below + 1, sorted.numel() - 1);
  const double a = sorted[below].item<double>(), b = sorted[above].item<double>();
  return a + (b - a) * (place - static_cast<double>(below));
}

Map fitReact(const Spec& detector, int threads, Job& job) {
  const ClassifierHead head(classifierIn(detector), "react");
  const at::Tensor h = head.features(unbox(detector.at("rows")), threads, job);
  if (h.numel() == 0) fail(Code::Shape, "react needs training rows");
  return {{"limit", box(at::tensor({quantileOf(h, detector.positive("percentile", 90) / 100)}, at::kDouble))}};
}

std::unique_ptr<Detector> makeReact(const Spec& detector, const Spec& state) {
  return std::make_unique<React>(ClassifierHead(classifierIn(detector), "react"),
                                 stateTensor(state, "limit", 1)[0].item<double>());
}

class Ash final : public Detector {
 public:
  Ash(ClassifierHead head, double percentile) : head_(std::move(head)), percentile_(percentile) {}
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor h = head_.features(x, threads, job);
    const std::int64_t d = h.size(1);
    const std::int64_t kept = std::max<std::int64_t>(
        1, d - static_cast<std::int64_t>(std::nearbyint(percentile_ / 100 * static_cast<double>(d))));
    const auto [values, places] = h.topk(kept, 1);
    // Nothing to scale in a row without features, as ReLU may leave one.
    const at::Tensor sum = values.sum(1, true);
    const at::Tensor factor = at::where(sum == 0, 1.0, (h.sum(1, true) / sum).exp());
    return energyOfLogits(head_.logits(at::zeros_like(h).scatter(1, places, values * factor)));
  }

 private:
  ClassifierHead head_;
  double percentile_;
};

std::unique_ptr<Detector> makeAsh(const Spec& detector, const Spec&) {
  return std::make_unique<Ash>(ClassifierHead(classifierIn(detector), "ash"), detector.nonNegative("percentile", 65));
}

}  // namespace

const DetectorKind& reactDetector() {
  static const DetectorKind kind = {fitReact, makeReact};
  return kind;
}
const DetectorKind& ashDetector() {
  static const DetectorKind kind = {nullptr, makeAsh};
  return kind;
}

}  // namespace langevin
