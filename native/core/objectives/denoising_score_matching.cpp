// Denoising score matching (Vincent 2011, eq. 9), weighted by sigma^2 as in Song and Ermon 2019:
//   x~ = x + sigma e,  loss = mean over rows of |sigma s(x~) + e|^2 / 2,  s = -dE/dx
// It fits the score of the data convolved with N(0, sigma^2 I): on a Gaussian of covariance S the minimiser has
// precision inverse(S + sigma^2 I), not inverse(S).
//
// With a ladder of sigmas every row draws one level and the energy is E(x, y) with y = log sigma: one energy a level,
// in one network. With a finite difference f (Pang et al. 2020) the residual is projected on a random v, and
// sigma v . s(x~) = -(E(x~ + f sigma v) - E(x~ - f sigma v)) / (2 f) comes from energies alone, to order f^2.
#include <cmath>

#include "objectives/objective.hpp"
#include "objectives/projections.hpp"
#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class DenoisingScoreMatching : public Objective {
 public:
  explicit DenoisingScoreMatching(const Spec& spec)
      : difference_(spec.has("finiteDifference") ? spec.positive("finiteDifference") : 0) {
    const Spec sigma = spec.at("sigma");
    if (!sigma.value().map()) {
      sigma_ = spec.positive("sigma");
      return;
    }
    const double from = std::log(sigma.positive("from")), to = std::log(sigma.positive("to"));
    const std::int64_t levels = sigma.count("levels", 2);
    for (std::int64_t i = 0; i < levels; ++i)
      logSigmas_.push_back(from + (to - from) * static_cast<double>(i) / static_cast<double>(levels - 1));
  }

  bool givesCondition() const override { return ladder(); }

  void prepare(Energy& model, const RowSource&, const at::Tensor&, const Random&) override {
    requireRealRows(model, "denoisingScoreMatching adds Gaussian noise to x");
    requireSmooth(model.program());
    const Condition& condition = model.program().condition;
    if (ladder() && (condition.kind != Condition::Kind::Continuous || condition.width != 1))
      fail(
          Code::Unsupported,
          "a ladder of sigmas trains E(x, y) with y = log sigma, an energy with a condition of one column (conditional "
          "with condition: 1); this one is ",
          model.program().kind);
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor sigma = drawLevels(context);
    const Batch& data = context.batch;
    const at::Tensor noise = context.random().normal(
        data.size(), data.x.size(1), static_cast<std::uint64_t>(context.step), Stream::Corrupt, data.x.options());
    Batch corrupted = data;
    corrupted.x = at::addcmul(data.x, sigma, noise);
    if (difference_ > 0) return byDifferences(context, corrupted, sigma, noise);
    const at::Tensor score = context.score(corrupted);
    const at::NoGradGuard guard;
    return halfMeanSquare(context, at::addcmul(noise, sigma, score), {{score, sigma}});
  }

 private:
  bool ladder() const { return !logSigmas_.empty(); }
  // sigma of every row, [n, 1] or [1]; with a ladder log sigma becomes the condition of the batch.
  at::Tensor drawLevels(StepContext& context) {
    const at::TensorOptions options = context.batch.x.options();
    if (!ladder()) return at::full({1}, sigma_, options);
    if (!table_.defined()) table_ = at::tensor(logSigmas_, at::kDouble).to(options);
    const at::Tensor index = context.random().index(context.batch.size(), static_cast<std::int64_t>(logSigmas_.size()),
                                                    static_cast<std::uint64_t>(context.step), Stream::Auxiliary);
    const at::Tensor logSigma = table_.index_select(0, index.to(table_.device())).unsqueeze(1);
    context.setCondition(logSigma);
    return logSigma.exp();
  }

  at::Tensor byDifferences(StepContext& context, const Batch& corrupted, const at::Tensor& sigma,
                           const at::Tensor& noise) const {
    const at::Tensor v = Projections().draw(corrupted.x, context.step, context.random()).squeeze(1);
    const at::Tensor shift = difference_ * sigma * v;
    const EnergyPair energy =
        energiesOf(context, {corrupted.x + shift, corrupted.y}, {corrupted.x - shift, corrupted.y});
    const at::NoGradGuard guard;
    const at::Tensor part = at::full({1}, 1 / (2 * difference_), v.options());
    // sigma v . s = (E(x~ - f sigma v) - E(x~ + f sigma v)) / (2 f)
    const at::Tensor residual = at::addcmul((v * noise).sum(1), part, energy.negatives - energy.data);
    return halfMeanSquare(context, residual, {{energy.data, -part}, {energy.negatives, part}});
  }

  // mean over rows of |r|^2 / 2, for residuals r whose derivative by each value is a factor.
  static at::Tensor halfMeanSquare(StepContext& context, const at::Tensor& residual,
                                   const std::vector<Derivative>& factors) {
    const auto rows = static_cast<double>(residual.size(0));
    const double norm = normOf(residual);
    std::vector<Derivative> derivatives;
    for (const Derivative& f : factors) derivatives.push_back({f.of, residual * (f.value / rows)});
    return context.lossWithGradients(0.5 * norm * norm / rows, derivatives);
  }

  double sigma_ = 0;
  std::vector<double> logSigmas_;  // of a ladder
  at::Tensor table_;               // the same, as the data are
  double difference_;              // in units of sigma; 0: exact scores
};

}  // namespace

std::unique_ptr<Objective> makeDenoisingScoreMatching(const Spec& spec) {
  return std::make_unique<DenoisingScoreMatching>(spec);
}

}  // namespace langevin
