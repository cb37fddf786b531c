// gradientDescent: from several uniform starts a row, y' = clamp(y - h dE/dy) with a step size of its own for every
// walker: a step that lowers the energy is kept and h grows by a fifth, one that does not is taken back and h halves.
// The energy of a walker never rises; the lowest walker is the answer.
#include "inference/walkers.hpp"

namespace langevin {
namespace {

class GradientDescent : public InferenceMethod {
 public:
  GradientDescent(const Spec& spec, const Condition& condition)
      : box_((requireContinuous(spec, condition), AnswerBox::read(spec, condition.width))),
        restarts_(spec.count("restarts", 1, 8)),
        steps_(spec.count("steps", 1, 100)),
        stepSize_(spec.positive("stepSize", 0.1)) {}

  Inferred run(const InferenceCall& call) const override {
    return inBlocks(call, restarts_, [&](std::int64_t first, std::int64_t rows) {
      Walkers w = drawWalkers(call, box_, first, rows, restarts_);
      const AnswerBox box = boxLike(box_, w.y);
      EnergyAndGradient now = withGradientInY(call, w);
      at::Tensor h = at::full({w.size(), 1}, stepSize_, w.y.options());
      for (std::int64_t t = 0; t < steps_; ++t) {
        call.job.check();
        Walkers next = w;
        next.y = at::minimum(at::maximum(w.y - h * now.gradient, box.low), box.high);
        const EnergyAndGradient then = withGradientInY(call, next);
        const at::Tensor better = then.energy < now.energy, column = better.unsqueeze(1);
        w.y = at::where(column, next.y, w.y);
        now.energy = at::where(better, then.energy, now.energy);
        now.gradient = at::where(column, then.gradient, now.gradient);
        h = at::where(column, h * 1.2, h * 0.5);
      }
      Inferred result = lowest(w.y, now.energy, rows);
      result.evaluations = w.size() * (steps_ + 1);
      return result;
    });
  }

 private:
  AnswerBox box_;
  std::int64_t restarts_, steps_;
  double stepSize_;
};

}  // namespace

std::unique_ptr<InferenceMethod> makeGradientDescent(const Spec& spec, const Condition& condition) {
  return std::make_unique<GradientDescent>(spec, condition);
}

}  // namespace langevin
