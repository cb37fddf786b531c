#include "graphs/backward.hpp"

#include <torch/csrc/autograd/custom_function.h>

namespace langevin {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Written : torch::CustomClassHolder {
  at::Tensor value;
  Backward backward;
};
using WrittenRef = c10::intrusive_ptr<Written>;

struct WrittenFunction : torch::autograd::Function<WrittenFunction> {
  static at::Tensor forward(AutogradContext* context, const WrittenRef& written, at::TensorList inputs) {
    (void)inputs;  // autograd looks at them
    context->saved_data["written"] = c10::IValue::make_capsule(written);
    return std::move(written->value);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data["written"].toCapsule();
    variable_list found(1);  // none in what is not a tensor
    for (at::Tensor& each : static_cast<Written*>(capsule.get())->backward(gradients[0]))
      found.push_back(std::move(each));
    return found;
  }
};

}  // namespace

at::Tensor withBackward(at::Tensor value, const std::vector<at::Tensor>& inputs, Backward backward) {
  bool wanted = false;
  for (const at::Tensor& input : inputs) wanted = wanted || input.requires_grad();
  if (!wanted || !at::GradMode::is_enabled()) return value;
  auto written = c10::make_intrusive<Written>();
  written->value = std::move(value);
  written->backward = std::move(backward);
  return WrittenFunction::apply(written, at::TensorList(inputs));
}

}  // namespace langevin
