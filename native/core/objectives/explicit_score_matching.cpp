// Explicit score matching (Hyvarinen 2005, eq. 4), s = -dE/dx:
//   loss = mean over rows of |s|^2 / 2 + tr ds/dx,   tr ds/dx = -tr d2E/dx2
// The trace is exact, with one second derivative per column, or estimated by v' (d2E/dx2) v with random directions v
// (Hutchinson 1990). On a Gaussian energy the minimiser is the inverse of the rows' second moment, exactly.
#include "objectives/objective.hpp"
#include "objectives/projections.hpp"
#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class ExplicitScoreMatching : public Objective {
 public:
  explicit ExplicitScoreMatching(const Spec& spec)
      : exact_(spec.text("trace", "exact") == "exact"), projections_(Projections::read(spec)) {
    if (!exact_ && spec.text("trace") != "hutchinson") spec.at("trace").invalid("must be exact or hutchinson");
  }

  void prepare(Energy& model, const RowSource&, const at::Tensor&, const Random&) override {
    requireRealRows(model, "explicitScoreMatching differentiates E in x");
    requireSmooth(model.program());
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor& x = context.batch.x;
    const ScoreAndCurvature v =
        context.curvature(context.batch, exact_ ? axes(x) : projections_.draw(x, context.step, context.random()));
    const at::NoGradGuard guard;
    const auto n = static_cast<double>(x.size(0)), directions = static_cast<double>(exact_ ? 1 : v.curvature.size(1));
    const double norm = normOf(v.score), trace = v.curvature.sum().item<double>() / directions;
    return context.lossWithGradients(
        (0.5 * norm * norm - trace) / n,
        {{v.score, v.score / n}, {v.curvature, at::full_like(v.curvature, -1 / (n * directions))}});
  }

 private:
  // The unit vectors of every column: their curvatures are the diagonal of the Hessian.
  static at::Tensor axes(const at::Tensor& x) {
    const std::int64_t d = x.size(1);
    return at::eye(d, x.options()).unsqueeze(0).expand({x.size(0), d, d});
  }
  bool exact_;
  Projections projections_;
};

}  // namespace

std::unique_ptr<Objective> makeExplicitScoreMatching(const Spec& spec) {
  return std::make_unique<ExplicitScoreMatching>(spec);
}

}  // namespace langevin
