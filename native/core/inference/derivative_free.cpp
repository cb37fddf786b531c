// derivativeFree: the sampling optimiser of implicit behavioural cloning (Florence et al. 2021, algorithm 1), a
// cross-entropy method with softmax weights:
//   y_i uniform in the box; repeat: w = softmax(-E), resample y by w, add N(0, s^2), clamp, s <- shrink s
// The answer is the lowest candidate seen. s is a share of the half width of the box in every column.
#include "inference/walkers.hpp"

namespace langevin {
namespace {

class DerivativeFree : public InferenceMethod {
 public:
  DerivativeFree(const Spec& spec, const Condition& condition)
      : box_((requireContinuous(spec, condition), AnswerBox::read(spec, condition.width))),
        samples_(spec.count("samples", 2, 256)),
        iterations_(spec.count("iterations", 1, 3)),
        sigma_(spec.positive("sigma", 0.33)),
        shrink_(spec.positive("shrink", 0.5)) {}

  Inferred run(const InferenceCall& call) const override {
    return inBlocks(call, samples_, [&](std::int64_t first, std::int64_t rows) {
      Walkers w = drawWalkers(call, box_, first, rows, samples_);
      const AnswerBox box = boxLike(box_, w.y);
      at::Tensor energy = energiesOf(call, w);
      Inferred best = lowest(w.y, energy, rows);
      double sigma = sigma_;
      for (std::int64_t t = 1; t < iterations_; ++t) {
        call.job.check();
        const at::Tensor chosen = resampled(call, w, energy, t);
        const at::Tensor noise = call.random.normal(w.size(), w.y.size(1), static_cast<std::uint64_t>(t), Stream::Noise,
                                                    w.y.options(), w.firstWalker) *
                                 (0.5 * sigma * (box.high - box.low));
        w.y = at::minimum(at::maximum(w.y.index_select(0, chosen) + noise, box.low), box.high);
        energy = energiesOf(call, w);
        keepLower(best, lowest(w.y, energy, rows));
        sigma *= shrink_;
      }
      best.evaluations = w.size() * iterations_;
      return best;
    });
  }

 private:
  static void keepLower(Inferred& best, const Inferred& found) {
    const at::Tensor better = found.energy < best.energy;
    best.y = at::where(better.unsqueeze(1), found.y, best.y);
    best.energy = at::where(better, found.energy, best.energy);
  }

  // Numbers of walkers drawn with replacement, row by row, with weights softmax(-E).
  at::Tensor resampled(const InferenceCall& call, const Walkers& w, const at::Tensor& energy, std::int64_t t) const {
    const at::Tensor weight = (-energy.to(at::kDouble).view({w.rows, w.each})).softmax(1);
    const at::Tensor u =
        call.random
            .uniform(w.size(), 1, static_cast<std::uint64_t>(t), Stream::Project, weight.options(), w.firstWalker)
            .view({w.rows, w.each});
    const at::Tensor chosen = at::searchsorted(weight.cumsum(1).contiguous(), u.contiguous()).clamp_max(w.each - 1);
    return (chosen + at::arange(w.rows, chosen.options()).unsqueeze(1) * w.each).reshape({-1});
  }

  AnswerBox box_;
  std::int64_t samples_, iterations_;
  double sigma_, shrink_;
};

}  // namespace

std::unique_ptr<InferenceMethod> makeDerivativeFree(const Spec& spec, const Condition& condition) {
  return std::make_unique<DerivativeFree>(spec, condition);
}

}  // namespace langevin
