// Detectors that differentiate a classifier:
//   odin      1 - max softmax(f(x') / T), x' = x - epsilon sign(-d log max softmax(f(x) / T) / dx) (Liang, Li and Srikant 2018)
//   gradNorm  -|d KL(u || p) / dW|_1 of the last layer, u uniform, = -|h|_1 |p - 1 / k|_1 (Huang, Geng and Li 2021)
#include "base/threads.hpp"
#include "evaluation/classifier_head.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class Odin final : public Detector {
 public:
  Odin(EnergyRef energy, double temperature, double epsilon)
      : energy_(std::move(energy)), temperature_(temperature), epsilon_(epsilon) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const Batch rows = energy_->rows(x, {});
    const Tiling tiling(rows.size());
    at::Tensor out = at::empty({rows.size()}, at::kDouble);
    parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
      job.check();
      const TileRange r = tiling.range(t);
      out.slice(0, r.first, r.last).copy_(ofTile(rows.slice(r.first, r.last).x));
    });
    return out;
  }

 private:
  at::Tensor ofTile(const at::Tensor& rows) const {
    const at::AutoGradMode enable(true);
    const at::Tensor x = rows.detach().clone().requires_grad_(true);
    const at::Tensor confidence = (outputs(x) / temperature_).log_softmax(1).amax(1);
    const at::Tensor gradient = torch::autograd::grad({confidence.sum()}, {x})[0];
    const at::NoGradGuard guard;
    const at::Tensor moved = x.detach() - epsilon_ * gradient.neg().sign();
    const at::Tensor f = outputs(moved).to(at::kCPU, at::kDouble) / temperature_;
    const auto [largest, index] = f.max(1);
    const at::Tensor others = f.sub(largest.unsqueeze(1)).exp().scatter(1, index.unsqueeze(1), 0.0).sum(1);
    return others.div(others.add(1));
  }
  at::Tensor outputs(const at::Tensor& x) const {
    return energy_->evaluateWith(energy_->parameters().tensors(), Batch{x, {}}, EvaluationMode{}).outputs;
  }

  EnergyRef energy_;
  double temperature_, epsilon_;
};

std::unique_ptr<Detector> makeOdin(const Spec& detector, const Spec&) {
  EnergyRef energy = classifierIn(detector);
  energy->program().domain.require(Kinds::real(), "an odin detector moves real columns", "a maxSoftmax detector");
  return std::make_unique<Odin>(std::move(energy), detector.positive("temperature", 1000),
                                detector.nonNegative("epsilon", 0.0014));
}

class GradNorm final : public Detector {
 public:
  explicit GradNorm(ClassifierHead head) : head_(std::move(head)) {}
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor h = head_.features(x, threads, job), p = head_.logits(h).softmax(1);
    return (h.abs().sum(1) * (p - 1.0 / static_cast<double>(p.size(1))).abs().sum(1)).neg();
  }

 private:
  ClassifierHead head_;
};

std::unique_ptr<Detector> makeGradNorm(const Spec& detector, const Spec&) {
  return std::make_unique<GradNorm>(ClassifierHead(classifierIn(detector), "gradNorm"));
}

}  // namespace

const DetectorKind& odinDetector() {
  static const DetectorKind kind = {nullptr, makeOdin};
  return kind;
}
const DetectorKind& gradNormDetector() {
  static const DetectorKind kind = {nullptr, makeGradNorm};
  return kind;
}

}  // namespace langevin
