// Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017): p = softmax(f / T), with the T that makes mean -log p_y least.
// In a = 1 / T that mean is convex:  d/da = mean (E_p f - f_y),  d2/da2 = mean Var_p f.
#include "base/error.hpp"
#include "calibrators/calibrator.hpp"
#include "calibrators/newton.hpp"

namespace langevin {
namespace {

class Temperature final : public Calibrator {
 public:
  explicit Temperature(const SavedTensors& state)
      : temperature_(calibratorState(state, "temperature", 1).item<double>()) {
    if (!(temperature_ > 0)) fail(Code::Format, "a calibrator's temperature must be above 0, got ", temperature_);
  }
  at::Tensor probabilities(const at::Tensor& logits) const override { return (logits / temperature_).softmax(1); }

 private:
  double temperature_;
};

// No temperature is best where every row has its own class on top, or where a flat answer is better than any.
void requireMinimum(const at::Tensor& logits, const at::Tensor& own) {
  const at::Tensor margin = own - logits.amax(1);
  if (margin.ge(0).all().item<bool>())
    fail(Code::InvalidOption,
         "temperature: every row has its own class on top, so the likelihood rises for ever as T falls to 0; give rows "
         "the "
         "classifier was not trained on, and more of them");
  if (!((own - logits.mean(1)).mean().item<double>() > 0))
    fail(
        Code::InvalidOption,
        "temperature: the logits of the true classes are no higher than the others on average, so no T is best; do the "
        "labels belong to these rows?");
}

SavedTensors fitTemperature(const Spec&, const at::Tensor& given, const at::Tensor& labels) {
  const at::Tensor own = given.gather(1, labels.unsqueeze(1)).squeeze(1);
  requireMinimum(given, own);
  // In units of the spread of the logits, so that the start is near.
  const double scale = (given - given.mean(1, true)).square().mean().sqrt().item<double>();
  const at::Tensor f = given / scale, fy = own / scale;
  const auto loss = [&](const at::Tensor& a) {
    const at::Tensor z = f * a, p = z.softmax(1);
    const at::Tensor mean = (p * f).sum(1), square = (p * f * f).sum(1);
    return SecondOrder{(z.logsumexp(1) - a * fy).mean().item<double>(), (mean - fy).mean().reshape({1}),
                       (square - mean * mean).mean().reshape({1, 1})};
  };
  const NewtonResult best = minimiseConvex(loss, at::ones({1}, at::kDouble));
  const double a = best.at.item<double>() / scale;
  if (!best.converged || !(a > 0)) fail(Code::InvalidOption, "temperature: no best temperature was found");
  return {{"temperature", at::tensor({1 / a}, at::kDouble)}};
}

std::unique_ptr<Calibrator> makeTemperature(const SavedTensors& state, std::int64_t) {
  return std::make_unique<Temperature>(state);
}

}  // namespace

const CalibratorKind& temperatureCalibrator() {
  static const CalibratorKind kind = {fitTemperature, makeTemperature};
  return kind;
}

}  // namespace langevin
