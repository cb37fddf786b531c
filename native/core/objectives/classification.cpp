#include "objectives/classification.hpp"

#include <algorithm>

#include "objectives/logistic.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

void requireLabels(const Energy& model, const at::Tensor& target, const std::string& objective) {
  const Program& program = model.program();
  if (program.outputs < 0)
    fail(Code::Unsupported, objective, " needs an energy with logits (classifier); a ", program.kind,
         " energy has none");
  if (!target.defined())
    fail(Code::InvalidOption, objective, " needs class labels: train on { x, y }, or name the label column with y");
  asLabels(target, program.outputWidth(), model.device(), "y");
}

at::Tensor crossEntropyOf(StepContext& context, double weight) {
  Batch rows;
  rows.x = context.batch.x;
  const at::Tensor logits = context.outputs(rows);
  const at::Tensor labels = context.target.reshape({-1}).to(at::kCPU, at::kLong).contiguous();
  const auto* label = labels.const_data_ptr<std::int64_t>();
  std::vector<double> slopes = numbersOf(logits);
  const auto n = static_cast<std::size_t>(logits.size(0)), classes = static_cast<std::size_t>(logits.size(1));
  const double one = 1.0 / static_cast<double>(n), share = weight * one;
  double loss = 0, right = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double* row = slopes.data() + i * classes;
    const auto y = static_cast<std::size_t>(label[i]);
    const double own = row[y];
    right += std::max_element(row, row + classes) == row + y ? one : 0;
    loss += (softmaxInPlace(row, classes) - own) * share;
    row[y] -= 1;
    for (std::size_t k = 0; k < classes; ++k) row[k] *= share;
  }
  context.monitor("accuracy", right);
  return context.lossWithGradients(loss, {{logits, tensorOf(slopes, logits)}});
}

}  // namespace langevin
