// Maximum likelihood with log Z by the midpoint rule on a grid over a box: the oracle of low-dimensional models.
//   loss = mean E(x) + log Z,  log Z = logsumexp(-E(grid)) + log(cell volume)
// Of a classifier with labels it is the likelihood of p(x, y) = exp(-E(x, y)) / Z, whose sum over y is exp(-E(x)) / Z:
//   loss = mean E(x, y) + log Z, the Z of E(x)
// The model is the law exp(-E) / Z inside the box. With jitter the whole grid is shifted inside its cells by a random
// offset every step, which makes the estimate of Z unbiased and sees structure narrower than a cell.
#include <cmath>

#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "tensors/columns.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMostDimensions = 3;
constexpr double kMostCells = 4194304;

class MaximumLikelihood : public Objective {
 public:
  explicit MaximumLikelihood(const Spec& spec)
      : lowNumbers_(numberOrList(spec.at("box"), "low")),
        highNumbers_(numberOrList(spec.at("box"), "high")),
        jitter_(spec.boolean("jitter", false)) {
    for (double c : spec.has("cells") ? numberOrList(spec, "cells") : std::vector<double>{100}) {
      if (!(c >= 2) || c != std::floor(c)) spec.at("cells").invalid("must be whole numbers of at least 2");
      cellNumbers_.push_back(c);
    }
  }

  Traits traits() const override { return {.everywhere = false}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) override {
    requireRealRows(model, "maximumLikelihood integrates over real columns");
    if (model.program().jointEnergy < 0) requireUnconditional(data, "maximumLikelihood");
    const std::int64_t d = data.width();
    if (d > kMostDimensions)
      fail(Code::Unsupported, "maximumLikelihood integrates on a grid, in 1 to 3 dimensions; the data has ", d,
           "; use persistentContrastiveDivergence or noiseContrastive");
    const at::Tensor low = perColumn(lowNumbers_, data.none(), "box.low");
    const at::Tensor high = perColumn(highNumbers_, data.none(), "box.high");
    if (!(high > low).all().item<bool>()) fail(Code::InvalidOption, "box: high must be above low in every column");
    data.each([&](const Batch& rows, std::int64_t first) {
      requireInside(rows.x, low, high, "the box", "the likelihood is computed inside the box: widen low and high",
                    first);
    });
    const at::Tensor cells = perColumn(cellNumbers_, data.none(), "cells");
    if (cells.to(at::kDouble).prod().item<double>() > kMostCells)
      fail(Code::InvalidOption, "cells: the grid has more than ", kMostCells, " points");
    width_ = (high - low) / cells;
    logCell_ = width_.to(at::kDouble).log().sum().item<double>();
    grid_.x = low + width_ * cellNumbers(cells, data.options()).add_(jitter_ ? 0 : 0.5);
  }

  at::Tensor loss(StepContext& context) override {
    const auto step = static_cast<std::uint64_t>(context.step);
    Batch grid = grid_;
    if (jitter_)
      grid.x =
          grid_.x + width_ * context.random().uniform(1, width_.size(1), step, Stream::NoiseSample, width_.options());
    const EnergyPair energy = context.batch.y.defined()
                                  ? EnergyPair{context.energy(context.batch), context.energy(grid)}
                                  : energiesOf(context, context.batch, grid);
    context.recordData(energy.data);
    const at::NoGradGuard guard;
    at::Tensor weights = -energy.negatives;
    const at::Tensor logSum = weights.logsumexp(0);
    weights.sub_(logSum).exp_();
    const double logZ = logSum.item<double>() + logCell_, data = meanOf(energy.data);
    const double model = (weights * energy.negatives).sum().item<double>();
    context.monitor("logZ", logZ);
    context.monitor("energyNegatives", model);
    context.monitor("gap", model - data);
    const double share = 1.0 / static_cast<double>(context.batch.size());
    return context.lossWithGradients(
        data + logZ, {{energy.data, at::full_like(energy.data, share)}, {energy.negatives, weights.neg_()}});
  }

 private:
  // The number of every cell on every axis, [cells, d].
  static at::Tensor cellNumbers(const at::Tensor& cells, const at::TensorOptions& options) {
    const std::int64_t d = cells.size(1);
    std::vector<at::Tensor> axes;
    for (std::int64_t k = 0; k < d; ++k) axes.push_back(at::arange(cells[0][k].item<std::int64_t>(), options));
    std::vector<at::Tensor> columns;
    for (const at::Tensor& g : at::meshgrid(axes, "ij")) columns.push_back(g.reshape({-1}));
    return at::stack(columns, 1);
  }

  std::vector<double> lowNumbers_, highNumbers_, cellNumbers_;
  bool jitter_;
  Batch grid_;        // centres of all cells, lower corners with jitter [cells, d]
  at::Tensor width_;  // of a cell [1, d]
  double logCell_ = 0;
};

}  // namespace

std::unique_ptr<Objective> makeMaximumLikelihood(const Spec& spec) { return std::make_unique<MaximumLikelihood>(spec); }

}  // namespace langevin
