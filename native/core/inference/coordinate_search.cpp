// coordinateSearch: one column of y after the other takes the best of its grid values, the others held (iterated
// conditional modes, Besag 1986), until a sweep over all columns changes nothing. From several random starts.
#include "inference/walkers.hpp"

namespace langevin {
namespace {

class CoordinateSearch : public InferenceMethod {
 public:
  CoordinateSearch(const Spec& spec, const Condition& condition)
      : restarts_(spec.count("restarts", 1, 4)), sweeps_(spec.count("sweeps", 1, 20)) {
    requireContinuous(spec, condition);
    const Spec answers = spec.at("answers");
    axes_ = gridAxes(AnswerBox::read(answers, condition.width), answers.at("points"));
    for (const at::Tensor& axis : axes_) longest_ = std::max(longest_, axis.numel());
  }

  Inferred run(const InferenceCall& call) const override {
    return inBlocks(call, restarts_ * longest_,
                    [&](std::int64_t first, std::int64_t rows) { return block(call, first, rows); });
  }

 private:
  Inferred block(const InferenceCall& call, std::int64_t first, std::int64_t rows) const {
    const std::int64_t walkers = rows * restarts_;
    Walkers w;
    w.rows = rows;
    w.each = restarts_;
    w.firstWalker = static_cast<std::uint64_t>(first * restarts_);
    w.x = call.x.slice(0, first, first + rows).repeat_interleave(restarts_, 0);
    w.y = start(call, walkers, w.firstWalker);
    at::Tensor energy = energiesOf(call, w);
    std::int64_t evaluations = walkers;
    for (std::int64_t sweep = 0; sweep < sweeps_; ++sweep) {
      bool changed = false;
      for (std::size_t c = 0; c < axes_.size(); ++c) {
        call.job.check();
        const std::int64_t m = axes_[c].numel();
        Walkers tried;
        tried.rows = rows;
        tried.each = restarts_ * m;
        tried.firstWalker = static_cast<std::uint64_t>(first * tried.each);
        tried.x = w.x.repeat_interleave(m, 0);
        tried.y = w.y.repeat_interleave(m, 0);
        tried.y.select(1, static_cast<std::int64_t>(c)).copy_(axes_[c].to(w.y).repeat({walkers}));
        const Inferred best = lowest(tried.y, energiesOf(call, tried), walkers);
        evaluations += tried.size();
        // Only a lower energy moves a walker: ties must not make it run in circles.
        const at::Tensor better = best.energy < energy;
        changed = changed || better.any().item<bool>();
        w.y = at::where(better.unsqueeze(1), best.y, w.y);
        energy = at::where(better, best.energy, energy);
      }
      if (!changed) break;
    }
    Inferred result = lowest(w.y, energy, rows);
    result.evaluations = evaluations;
    return result;
  }

  // Every column at a random value of its axis.
  at::Tensor start(const InferenceCall& call, std::int64_t walkers, std::uint64_t firstWalker) const {
    const auto k = static_cast<std::int64_t>(axes_.size());
    const at::Tensor u = call.random.uniform(walkers, k, 0, Stream::Init, call.energy.options(), firstWalker);
    std::vector<at::Tensor> columns;
    for (std::int64_t c = 0; c < k; ++c) {
      const at::Tensor axis = axes_[static_cast<std::size_t>(c)].to(u);
      const at::Tensor index = (u.select(1, c) * static_cast<double>(axis.numel())).to(at::kLong);
      columns.push_back(axis.index_select(0, index.clamp_max(axis.numel() - 1)));
    }
    return at::stack(columns, 1);
  }

  std::vector<at::Tensor> axes_;  // float64, the values of each column
  std::int64_t restarts_, sweeps_, longest_ = 0;
};

}  // namespace

std::unique_ptr<InferenceMethod> makeCoordinateSearch(const Spec& spec, const Condition& condition) {
  return std::make_unique<CoordinateSearch>(spec, condition);
}

}  // namespace langevin
