#include "objectives/objective.hpp"

#include "objectives/monitor_table.hpp"

namespace langevin {

at::Tensor StepContext::lossWithGradients(double loss, const std::vector<Derivative>& derivatives) {
  const at::AutoGradMode enable(true);
  at::Tensor sum = at::scalar_tensor(loss, at::kDouble);
  for (const Derivative& d : derivatives)
    sum = sum + ((d.of - d.of.detach()) * d.value).sum().to(at::kCPU, at::kDouble);
  return sum;
}

void StepContext::setCondition(at::Tensor y) {
  if (y.size(0) != batch.size())
    fail(Code::Internal, "a condition of ", y.size(0), " rows for a batch of ", batch.size());
  batch.y = std::move(y);
}

void StepContext::warn(const std::string& name, double value, const std::string& message) {
  const Monitor& monitor = monitorNamed(name);
  job().emit(warningEvent(monitor, step + 1, value, monitor.limit, message));
}

}  // namespace langevin
