// langevin: chains in y at a fixed x, y' = clamp(y - (h / 2) dE/dy + sqrt(h T) xi), several a row from uniform starts;
// the lowest state that any of them visited is the answer. With step size and temperature falling over the run this is
// the inference of implicit behavioural cloning (Florence et al. 2021, appendix B).
#include <cmath>

#include "base/schedule.hpp"
#include "inference/walkers.hpp"

namespace langevin {
namespace {

class LangevinInference : public InferenceMethod {
 public:
  LangevinInference(const Spec& spec, const Condition& condition)
      : box_((requireContinuous(spec, condition), AnswerBox::read(spec, condition.width))),
        chains_(spec.count("chains", 1, 32)),
        steps_(spec.count("steps", 1, 100)),
        stepSize_(Schedule::read(spec.at("stepSize"))),
        temperature_(spec.has("temperature") ? Schedule::read(spec.at("temperature"), true) : Schedule(1)),
        clip_(spec.has("clip") ? spec.positive("clip") : 0) {}

  Inferred run(const InferenceCall& call) const override {
    return inBlocks(call, chains_, [&](std::int64_t first, std::int64_t rows) {
      Walkers w = drawWalkers(call, box_, first, rows, chains_);
      const AnswerBox box = boxLike(box_, w.y);
      EnergyAndGradient now = withGradientInY(call, w);
      at::Tensor lowestY = w.y, lowestEnergy = now.energy;
      for (std::int64_t t = 0; t < steps_; ++t) {
        call.job.check();
        const double h = stepSize_.at(t, steps_), heat = temperature_.at(t, steps_);
        const at::Tensor noise = call.random.normal(w.size(), w.y.size(1), static_cast<std::uint64_t>(t), Stream::Noise,
                                                    w.y.options(), w.firstWalker);
        at::Tensor move = 0.5 * h * now.gradient;
        if (clip_ > 0) move = move.clamp(-clip_, clip_);
        w.y = at::minimum(at::maximum(w.y - move + std::sqrt(h * heat) * noise, box.low), box.high);
        now = withGradientInY(call, w);
        const at::Tensor better = now.energy < lowestEnergy;
        lowestY = at::where(better.unsqueeze(1), w.y, lowestY);
        lowestEnergy = at::where(better, now.energy, lowestEnergy);
      }
      Inferred result = lowest(lowestY, lowestEnergy, rows);
      result.evaluations = w.size() * (steps_ + 1);
      return result;
    });
  }

 private:
  AnswerBox box_;
  std::int64_t chains_, steps_;
  Schedule stepSize_, temperature_;
  double clip_;  // the longest drift of a column in one step; 0: none
};

}  // namespace

std::unique_ptr<InferenceMethod> makeLangevinInference(const Spec& spec, const Condition& condition) {
  return std::make_unique<LangevinInference>(spec, condition);
}

}  // namespace langevin
