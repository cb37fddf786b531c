// Cross-entropy of the logits: loss = mean (logsumexp f(x) - f(x)[y]) = mean E(x, y) - E(x), the negative of log p(y|x)
// under the joint energy E(x, y) = -f(x)[y] (Grathwohl et al. 2020, eq. 1). With `discrepancy` the energy discrepancy of E(x) =
// -logsumexp f(x) is added: -log p(y|x) alone leaves E(x) free, and the sum learns p(x, y) = p(x) p(y|x).
#include "objectives/classification.hpp"
#include "objectives/objective.hpp"

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
    requireLabels(model, target, "crossEntropy");
    if (discrepancy_) discrepancy_->prepare(model, data, at::Tensor(), random);
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor known = crossEntropyOf(context);
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
