// Sliced score matching (Song, Garg, Shi and Ermon 2019, eqs. 7 and 8), s = -dE/dx, directions v with E[v v'] = I:
//   loss = mean over rows and directions of (v . s)^2 / 2 - v' (d2E/dx2) v      (|s|^2 / 2 in the variance-reduced
//   form)
// With finite differences (Pang et al. 2020) both terms come from energies alone, to an error of order epsilon^2:
//   (v . s)^2 / 2 = (E(x + epsilon v) - E(x - epsilon v))^2 / (8 epsilon^2)
//   v' (d2E/dx2) v = (E(x + epsilon v) + E(x - epsilon v) - 2 E(x)) / epsilon^2
// The minimiser is explicit score matching's.
#include "objectives/objective.hpp"
#include "objectives/projections.hpp"
#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class SlicedScoreMatching : public Objective {
 public:
  explicit SlicedScoreMatching(const Spec& spec)
      : projections_(Projections::read(spec)),
        varianceReduced_(spec.boolean("varianceReduced", false)),
        epsilon_(spec.has("finiteDifference") ? spec.positive("finiteDifference") : 0) {
    if (epsilon_ > 0 && varianceReduced_)
      spec.at("varianceReduced").invalid("needs |s|^2, which differences of energies do not give");
  }

  void prepare(Energy& model, const RowSource&, const at::Tensor&, const Random&) override {
    requireRealRows(model, "slicedScoreMatching differentiates E in x");
    requireSmooth(model.program());
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor v = projections_.draw(context.batch.x, context.step, context.random());
    if (epsilon_ > 0) return byDifferences(context, v);
    const ScoreAndCurvature found = context.curvature(context.batch, v);
    const at::NoGradGuard guard;
    const double m = static_cast<double>(v.size(1)), pairs = m * static_cast<double>(v.size(0));
    // v . s [n, m], or s itself, which is the same for every direction
    const at::Tensor seen = varianceReduced_ ? found.score : (found.score.unsqueeze(1) * v).sum(2);
    const double norm = normOf(seen), square = norm * norm * (varianceReduced_ ? m : 1);
    const at::Tensor slope = varianceReduced_ ? found.score * (m / pairs) : (seen.unsqueeze(2) * v).sum(1).div_(pairs);
    return context.lossWithGradients(
        (0.5 * square - found.curvature.sum().item<double>()) / pairs,
        {{found.score, slope}, {found.curvature, at::full_like(found.curvature, -1 / pairs)}});
  }

 private:
  at::Tensor byDifferences(StepContext& context, const at::Tensor& v) const {
    const Batch& data = context.batch;
    const std::int64_t m = v.size(1), n = data.size();
    const at::Tensor shift = epsilon_ * v.transpose(0, 1);  // [m, n, d]
    Batch shifted;
    shifted.x = at::cat({data.x + shift, data.x - shift}).reshape({2 * m * n, data.x.size(1)});
    shifted.y = repeated(data.y, 2 * m);
    const EnergyPair energy = energiesOf(context, data, shifted);
    const std::vector<double> centre = numbersOf(energy.data);
    std::vector<double> slopes = numbersOf(energy.negatives), onData(centre.size());
    const double square = epsilon_ * epsilon_, pairs = static_cast<double>(m * n);
    double loss = 0;
    for (std::int64_t i = 0; i < m * n; ++i) {
      double &up = slopes[static_cast<std::size_t>(i)], &down = slopes[static_cast<std::size_t>(m * n + i)];
      const auto row = static_cast<std::size_t>(i % n);
      const double difference = up - down, sum = up + down - 2 * centre[row];
      loss += (difference * difference / 8 - sum) / (square * pairs);
      up = (difference / 4 - 1) / (square * pairs);
      down = (-difference / 4 - 1) / (square * pairs);
      onData[row] += 2 / (square * pairs);
    }
    return context.lossWithGradients(
        loss, {{energy.data, tensorOf(onData, energy.data)}, {energy.negatives, tensorOf(slopes, energy.negatives)}});
  }

  Projections projections_;
  bool varianceReduced_;
  double epsilon_;  // 0: exact derivatives
};

}  // namespace

std::unique_ptr<Objective> makeSlicedScoreMatching(const Spec& spec) {
  return std::make_unique<SlicedScoreMatching>(spec);
}

}  // namespace langevin
