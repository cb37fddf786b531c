// Detectors of a classifier's logits alone, p = softmax f(x):
//   entropy     H(p)
//   klUniform   -KL(u || p), u the uniform law: how near the classifier is to knowing nothing
//   gen         sum over the M largest of p^g (1 - p)^g (Liu, Lochman and Zach 2023)
#include <algorithm>

#include "evaluation/classifier_head.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class LogitDetector : public Detector {
 public:
  LogitDetector(EnergyRef energy, std::function<at::Tensor(const at::Tensor&)> score)
      : energy_(std::move(energy)), score_(std::move(score)) {}
  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::NoGradGuard guard;
    return score_(logitsOf(*energy_, x, threads, job));
  }

 private:
  EnergyRef energy_;
  std::function<at::Tensor(const at::Tensor&)> score_;
};

at::Tensor entropyOf(const at::Tensor& logits) {
  const at::Tensor log = logits.log_softmax(1);
  return (log.exp() * log).sum(1).neg();
}

at::Tensor klUniformOf(const at::Tensor& logits) {
  return logits.log_softmax(1).mean(1) + std::log(static_cast<double>(logits.size(1)));
}

at::Tensor genOf(const at::Tensor& logits, double gamma, std::int64_t largest) {
  const at::Tensor log = std::get<0>(logits.log_softmax(1).topk(std::min(largest, logits.size(1)), 1));
  // log (1 - p) without the cancellation of p near 1.
  const at::Tensor others = at::log(at::clamp_min(-at::expm1(log), 1e-300));
  return ((log + others) * gamma).exp().sum(1);
}

std::unique_ptr<Detector> makeLogitDetector(const Spec& spec, const Spec&) {
  EnergyRef energy = classifierIn(spec);
  if (spec.kind() == "entropy") return std::make_unique<LogitDetector>(std::move(energy), entropyOf);
  if (spec.kind() == "klUniform") return std::make_unique<LogitDetector>(std::move(energy), klUniformOf);
  const double gamma = spec.positive("gamma", 0.1);
  const std::int64_t largest = spec.count("largest", 1, 100);
  return std::make_unique<LogitDetector>(std::move(energy),
                                         [=](const at::Tensor& f) { return genOf(f, gamma, largest); });
}

}  // namespace

const DetectorKind& logitDetector() {
  static const DetectorKind kind = {nullptr, makeLogitDetector};
  return kind;
}

}  // namespace langevin
