#include "gradients/quantity.hpp"

#include "base/error.hpp"

namespace langevin {

at::Tensor gradientOf(const at::Tensor& value, const at::Tensor& of) {
  at::Tensor gradient;
  if (value.requires_grad()) gradient = torch::autograd::grad({value.sum()}, {of}, {}, true, true, true)[0];
  return gradient.defined() ? gradient : at::zeros_like(of);
}

at::Tensor Evaluator::energy(const Batch& rows) const {
  if (!network_.isEnergy()) fail(Code::Unsupported, network_.describe(), " has outputs only, no energy");
  return network_.evaluateWith(parameters_, rows, mode_).energy;
}

at::Tensor Evaluator::outputs(const Batch& rows) const {
  if (!network_.hasOutputs()) fail(Code::Unsupported, network_.describe(), " has no logits or outputs");
  return network_.evaluateWith(parameters_, rows, mode_).outputs;
}

at::Tensor Evaluator::gradient(const Batch& rows, Wrt wrt, bool createGraph) const {
  Batch leaf = rows;
  at::Tensor& of = wrt == Wrt::X ? leaf.x : leaf.y;
  if (!of.defined() || !of.is_floating_point())
    fail(Code::Unsupported, "dE/dy needs a condition y of numbers [n, width], and ", network_.describe(), " has ",
         of.defined() ? "labels" : "none");
  if (!of.requires_grad()) of = of.detach().requires_grad_(true);
  const at::Tensor value = energy(leaf);
  if (createGraph) return gradientOf(value, of);
  at::Tensor gradient;
  if (value.requires_grad()) gradient = torch::autograd::grad({value.sum()}, {of}, {}, false, false, true)[0];
  return gradient.defined() ? gradient : at::zeros_like(of);
}

}  // namespace langevin
