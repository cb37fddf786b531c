// Vector scaling (Guo, Pleiss, Sun and Weinberger 2017): p = softmax(w_k f_k + b_k), with the w and b that make mean -log p_y
// least, b summing to 0 (a shift of all changes nothing). Convex in (w, b).
#include "base/error.hpp"
#include "calibrators/calibrator.hpp"
#include "calibrators/newton.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMostClasses = 1000;  // the Hessian has (2 k)^2 entries
constexpr double kLeastLoss = 1e-6;

class VectorScaling final : public Calibrator {
 public:
  VectorScaling(const SavedTensors& state, std::int64_t classes)
      : weight_(calibratorState(state, "weight", classes)), bias_(calibratorState(state, "bias", classes)) {}
  at::Tensor probabilities(const at::Tensor& logits) const override { return (logits * weight_ + bias_).softmax(1); }

 private:
  at::Tensor weight_, bias_;
};

SavedTensors fitVectorScaling(const Spec&, const at::Tensor& given, const at::Tensor& labels) {
  const std::int64_t k = given.size(1);
  const double n = static_cast<double>(given.size(0));
  if (k > kMostClasses)
    fail(Code::InvalidOption, "vectorScaling: ", k, " classes; it is for at most ", kMostClasses, ", use temperature");
  const double scale = std::max((given - given.mean(1, true)).square().mean().sqrt().item<double>(), 1e-300);
  const at::Tensor f = given / scale;
  const at::Tensor own = at::zeros_like(f).scatter(1, labels.unsqueeze(1), 1.0);
  const auto loss = [&](const at::Tensor& theta) {
    const at::Tensor z = f * theta.slice(0, 0, k) + theta.slice(0, k), p = z.softmax(1);
    const at::Tensor difference = p - own, pf = p * f;
    SecondOrder s;
    s.value = (z.logsumexp(1) - (z * own).sum(1)).mean().item<double>();
    s.gradient = at::cat({(difference * f).mean(0), difference.mean(0)});
    // mean over rows of J' (diag p - p p') J, J = [diag f, I]
    const at::Tensor ww = at::diag((pf * f).sum(0)) - pf.t().mm(pf);
    const at::Tensor wb = at::diag(pf.sum(0)) - pf.t().mm(p);
    const at::Tensor bb = at::diag(p.sum(0)) - p.t().mm(p);
    s.hessian = at::cat({at::cat({ww, wb}, 1), at::cat({wb.t(), bb}, 1)}) / n;
    return s;
  };
  const at::Tensor start = at::cat({at::full({k}, scale, at::kDouble), at::zeros({k}, at::kDouble)});
  const NewtonResult best = minimiseConvex(loss, start);
  if (!best.converged || best.there.value < kLeastLoss)
    fail(Code::InvalidOption,
         "vectorScaling: the likelihood of these rows has no maximum (the classes can be told apart without a "
         "mistake); give "
         "more rows that the classifier was not trained on, or use temperature");
  const at::Tensor bias = best.at.slice(0, k);
  return {{"weight", (best.at.slice(0, 0, k) / scale).clone()}, {"bias", (bias - bias.mean()).clone()}};
}

std::unique_ptr<Calibrator> makeVectorScaling(const SavedTensors& state, std::int64_t classes) {
  return std::make_unique<VectorScaling>(state, classes);
}

}  // namespace

const CalibratorKind& vectorScalingCalibrator() {
  static const CalibratorKind kind = {fitVectorScaling, makeVectorScaling};
  return kind;
}

}  // namespace langevin
