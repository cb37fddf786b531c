#include "objectives/objective.hpp"

#include <algorithm>

#include "objectives/diverged.hpp"
#include "objectives/monitor_table.hpp"
#include "objectives/trainable.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

std::vector<at::Tensor> StepContext::record(const Quantity& quantity, const std::vector<Batch>&, Differentiable) {
  fail(Code::Unsupported, "'", quantity.name, "' cannot be recorded here: this step has no tape");
}

Trainable& StepContext::trainable(const std::string& role) {
  fail(Code::Unsupported, "no network '", role, "' is trained here");
}

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

Tape& StepContext::tape(const std::string& role) { return trainable(role).tape(step, threads); }

JointGradients StepContext::backward(const at::Tensor& loss, const std::vector<std::string>& roles,
                                     const std::vector<Derivative>& known) {
  std::vector<Tape*> tapes;
  for (const std::string& role : roles) tapes.push_back(&tape(role));
  return langevin::backward(loss, tapes, {}, known, tapesWithout(roles));
}

std::vector<Tape*> StepContext::tapesWithout(const std::vector<std::string>&) { return {}; }

void StepContext::update(const std::string& role, const at::Tensor& gradient) {
  const double norm = normOf(gradient);
  const std::string monitored = role + "GradientNorm";
  requireConverging(norm, step, monitored);
  monitor(monitored, norm);
  trainable(role).update(gradient, norm, step, totalSteps);
}

namespace {

std::string namesOf(const std::vector<Role>& roles) {
  std::string names = "energy";
  for (const Role& role : roles) names += ", " + role.name;
  return names;
}

}  // namespace

void Objective::takeUnlabelled(const RowSource&) {
  throw Error(Code::InvalidOption,
              "this objective has no use for rows without labels beside those with: leave unlabelled out, or use "
              "jointEnergy",
              {{"path", "unlabelled"}});
}

void Objective::give(const std::string& role, NetworkRef network) {
  const std::vector<Role> known = roles();
  if (std::none_of(known.begin(), known.end(), [&](const Role& r) { return r.name == role; }))
    throw Error(Code::InvalidOption,
                "networks." + role + ": this objective trains no network of that name; its roles: " + namesOf(known),
                {{"path", "networks." + role}});
  networks_[role] = std::move(network);
}

NetworkRef Objective::networkOf(const std::string& role, const Energy& model, const Random& random,
                                const MakeNetwork& make) {
  NetworkRef& network = networks_[role];
  if (!network && !make)
    throw Error(Code::InvalidOption,
                "this objective trains a network beside the energy: give train({ energy, " + role + " }, ...)",
                {{"path", "networks." + role}});
  if (!network) network = make(roleSeed(roles(), role, random));
  if (network->dtype() != model.dtype() || network->device() != model.device())
    fail(Code::Dtype, "the ", role, " is ", dtypeName(network->dtype()), " on ", deviceName(network->device()),
         ", the energy ", dtypeName(model.dtype()), " on ", deviceName(model.device()), "; both must agree");
  return network;
}

}  // namespace langevin
