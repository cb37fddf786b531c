#include "objectives/objective.hpp"

namespace langevin {

at::Tensor StepContext::differentiated(double loss, const std::vector<Derivative>& derivatives) {
  const at::AutoGradMode enable(true);
  at::Tensor sum = at::scalar_tensor(loss, at::kDouble);
  for (const Derivative& d : derivatives)
    sum = sum + ((d.of - d.of.detach()) * d.value).sum().to(at::kCPU, at::kDouble);
  return sum;
}

}  // namespace langevin
