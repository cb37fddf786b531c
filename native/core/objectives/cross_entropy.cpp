// Cross-entropy of the logits: loss = mean (logsumexp f(x) - f(x)[y]) = mean E(x, y) - E(x), the negative of log p(y|x)
// under the joint energy E(x, y) = -f(x)[y] (Grathwohl et al. 2020, eq. 1). With `discrepancy` the energy discrepancy of E(x) =
// -logsumexp f(x) is added: -log p(y|x) alone leaves E(x) free, and the sum learns p(x, y) = p(x) p(y|x).
#include <algorithm>

#include "objectives/logistic.hpp"
#include "objectives/objective.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class CrossEntropy : public Objective {
 public:
  explicit CrossEntropy(const Spec& spec) {
    if (!spec.has("discrepancy")) return;
    const Spec given = spec.at("discrepancy");
    if (given.kind() != "energyDiscrepancy") given.invalid("kind '" + given.kind() + "' must be energyDiscrepancy");
    discrepancy_ = makeObjective(given);
  }

  Traits traits() const override { return {.everywhere = discrepancy_ != nullptr}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor& target, const Random& random) override {
    const Program& program = model.program();
    if (program.outputs < 0)
      fail(Code::Unsupported, "crossEntropy needs an energy with logits (classifier); a ", program.kind,
           " energy has none");
    if (!target.defined())
      fail(Code::InvalidOption, "crossEntropy needs class labels: train on { x, y }, or name the label column with y");
    const std::int64_t classes = program.outputWidth();
    asLabels(target, classes, model.device(), "y");
    if (discrepancy_) discrepancy_->prepare(model, data, at::Tensor(), random);
  }

  at::Tensor loss(StepContext& context) override {
    Batch rows;
    rows.x = context.batch.x;
    const at::Tensor logits = context.outputs(rows);
    const at::Tensor labels = context.target.reshape({-1}).to(at::kCPU, at::kLong).contiguous();
    const auto* label = labels.const_data_ptr<std::int64_t>();
    std::vector<double> weights = numbersOf(logits);
    const auto n = static_cast<std::size_t>(logits.size(0)), classes = static_cast<std::size_t>(logits.size(1));
    const double share = 1.0 / static_cast<double>(n);
    double loss = 0, right = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double* row = weights.data() + i * classes;
      const auto y = static_cast<std::size_t>(label[i]);
      const double own = row[y];
      right += std::max_element(row, row + classes) == row + y ? share : 0;
      loss += (softmaxInPlace(row, classes) - own) * share;
      row[y] -= 1;
      for (std::size_t k = 0; k < classes; ++k) row[k] *= share;
    }
    context.monitor("accuracy", right);
    const at::Tensor known = context.lossWithGradients(loss, {{logits, tensorOf(weights, logits)}});
    if (!discrepancy_) return known;
    // Of the rows without their classes.
    const at::Tensor y = context.batch.y;
    context.batch.y = at::Tensor();
    const at::Tensor more = discrepancy_->loss(context);
    context.batch.y = y;
    return known + more;
  }

 private:
  std::unique_ptr<Objective> discrepancy_;
};

}  // namespace

std::unique_ptr<Objective> makeCrossEntropy(const Spec& spec) { return std::make_unique<CrossEntropy>(spec); }

}  // namespace langevin
