// Cross-entropy of the logits: loss = mean (logsumexp f(x) - f(x)[y]) = mean E(x, y) - E(x), the negative of log p(y|x)
// under the joint energy E(x, y) = -f(x)[y] (Grathwohl et al. 2020, eq. 1).
#include "base/tensor.hpp"
#include "objectives/registry.hpp"

namespace langevin {
namespace {

class CrossEntropy : public Objective {
 public:
  void prepare(Energy& model, const Rows&, const at::Tensor& target, const Random&) override {
    const Program& program = model.program();
    if (program.outputs < 0)
      fail(Code::Unsupported, "crossEntropy needs an energy with logits (classifier); a ", program.kind,
           " energy has none");
    if (!target.defined())
      fail(Code::InvalidOption, "crossEntropy needs class labels: train on { x, y }, or name the label column with y");
    const std::int64_t classes = program.nodes[static_cast<std::size_t>(program.outputs)].width;
    asLabels(target, classes, model.device(), "y");
  }

  at::Tensor loss(StepContext& context) override {
    Rows rows;
    rows.x = context.batch.x;
    const at::Tensor logits = context.outputs(rows);
    const at::Tensor labels = context.target.reshape({-1}).to(at::kLong);
    {
      at::NoGradGuard guard;
      context.monitor("accuracy", logits.argmax(1).eq(labels).to(at::kDouble).mean().item<double>());
    }
    return at::cross_entropy_loss(logits, labels);
  }
};

}  // namespace

std::unique_ptr<Objective> makeCrossEntropy(const Spec&) { return std::make_unique<CrossEntropy>(); }

}  // namespace langevin
