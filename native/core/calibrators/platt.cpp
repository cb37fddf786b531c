// Platt scaling (Platt 1999): p = 1 / (1 + exp(a s + b)) of a score s, by maximum likelihood of targets (n+ + 1) / (n+ + 2) and
// 1 / (n- + 2), which keep a and b finite. Of two classes s is the difference of their logits; of more each class has its own,
// one against all, and the probabilities are normalised.
#include "base/error.hpp"
#include "calibrators/calibrator.hpp"
#include "calibrators/newton.hpp"

namespace langevin {
namespace {

at::Tensor plattScores(const at::Tensor& logits) {
  return logits.size(1) == 2 ? (logits.select(1, 1) - logits.select(1, 0)).unsqueeze(1) : logits;
}

class Platt final : public Calibrator {
 public:
  Platt(const SavedTensors& state, std::int64_t classes)
      : a_(calibratorState(state, "a", OneAgainstAll::columns(classes))),
        b_(calibratorState(state, "b", OneAgainstAll::columns(classes))) {}
  at::Tensor probabilities(const at::Tensor& logits) const override {
    return OneAgainstAll::joined((plattScores(logits) * a_ + b_).neg().sigmoid(), logits.size(1));
  }

 private:
  at::Tensor a_, b_;
};

at::Tensor fitLogistic(const at::Tensor& given, const at::Tensor& hits, std::int64_t column) {
  const double n = static_cast<double>(hits.numel()), positive = hits.sum().item<double>(), negative = n - positive;
  if (positive == 0 || negative == 0)
    fail(Code::InvalidOption, "platt: the rows are all of class ", column, ", or none is; give rows of every class");
  const double scale = std::max(given.abs().max().item<double>(), 1e-300);
  const at::Tensor s = given / scale;
  const at::Tensor target = at::where(hits > 0.5, (positive + 1) / (positive + 2), 1 / (negative + 2)).to(at::kDouble);
  const at::Tensor columns = at::stack({s, at::ones_like(s)}, 1);
  const auto loss = [&](const at::Tensor& ab) {
    const at::Tensor z = columns.mv(ab), p = z.neg().sigmoid();
    // -t log p - (1 - t) log(1 - p), p = sigmoid(-z)
    const double value = (target * at::softplus(z) + (1 - target) * at::softplus(-z)).mean().item<double>();
    const at::Tensor weighted = columns * (p * (1 - p)).unsqueeze(1);
    return SecondOrder{value, columns.t().mv(target - p) / n, columns.t().mm(weighted) / n};
  };
  const at::Tensor start = at::tensor({0.0, std::log((negative + 1) / (positive + 1))}, at::kDouble);
  const NewtonResult best = minimiseConvex(loss, start);
  if (!best.converged) fail(Code::InvalidOption, "platt: no best slope was found for class ", column);
  return at::stack({best.at[0] / scale, best.at[1]});
}

SavedTensors fitPlatt(const Spec&, const at::Tensor& logits, const at::Tensor& labels) {
  const std::int64_t classes = logits.size(1);
  const at::Tensor scores = plattScores(logits);
  std::vector<at::Tensor> a, b;
  for (std::int64_t c = 0; c < scores.size(1); ++c) {
    const at::Tensor one =
        fitLogistic(scores.select(1, c).contiguous(), OneAgainstAll::hits(labels, c, classes), classes == 2 ? 1 : c);
    a.push_back(one[0]);
    b.push_back(one[1]);
  }
  return {{"a", at::stack(a)}, {"b", at::stack(b)}};
}

std::unique_ptr<Calibrator> makePlatt(const SavedTensors& state, std::int64_t classes) {
  return std::make_unique<Platt>(state, classes);
}

}  // namespace

const CalibratorKind& plattCalibrator() {
  static const CalibratorKind kind = {fitPlatt, makePlatt};
  return kind;
}

}  // namespace langevin
