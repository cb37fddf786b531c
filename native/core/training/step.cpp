#include "training/step.hpp"

#include <algorithm>
#include <cmath>

#include "base/remedy.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// A sampler that left the finite numbers: the same error, seen from the run.
[[noreturn]] void samplerDiverged(const Error& error, std::int64_t step) {
  Map details = error.details;
  details["step"] = step;
  details["monitor"] = "negatives";
  const auto text = [&](const char* name, const std::string& otherwise) {
    const auto it = details.find(name);
    return it == details.end() ? otherwise : *it->second.get<std::string>();
  };
  const std::string remedy = text("remedy", "");
  throw errorWithRemedy(Code::Diverged,
                        "training diverged at step " + std::to_string(step) + ": " + text("reason", error.what()),
                        remedy.empty() ? kDivergenceRemedies : remedy + "; " + kDivergenceRemedies, details);
}

}  // namespace

Penalties Penalties::read(const Spec& arguments) {
  const auto penalties = arguments.find("penalties");
  if (!penalties) return {};
  return {penalties->nonNegative("energy", 0), penalties->nonNegative("gradient", 0), penalties->nonNegative("l1", 0)};
}

TrainingStep::TrainingStep(Energy& model, const Random& random, Job& job, int threadCount,
                           const std::map<std::string, double>& scalars)
    : model_(model), random_(random), job_(job), tape_(model, threadCount), warnings_(job) {
  threads = threadCount;
  std::vector<double> values;
  for (const auto& [name, value] : scalars) {
    scalarNames_.push_back(name);
    values.push_back(value);
  }
  scalarValues_ = at::tensor(values, at::kDouble).to(model.device(), model.dtype());
}

void TrainingStep::begin(std::int64_t stepNumber, std::int64_t total, Batch rows, at::Tensor rowTarget) {
  batch = std::move(rows);
  target = std::move(rowTarget);
  step = stepNumber;
  totalSteps = total;
  tape_.begin(random_.seed(), static_cast<std::uint64_t>(step));
  monitors_.clear();
  known_.clear();
  data_ = negatives_ = at::Tensor();
  scalarLeaves_.clear();
  for (std::size_t i = 0; i < scalarNames_.size(); ++i)
    scalarLeaves_.push_back(scalarValues_[static_cast<std::int64_t>(i)].detach().clone().requires_grad_(true));
}

void TrainingStep::take(const Objective& objective, const std::map<std::string, Value>& optimizers) {
  trainables_.clear();
  const std::vector<Role> roles = objective.roles();
  for (const Role& role : roles) {
    const auto given = optimizers.find(role.name);
    const Value& optimizer = given == optimizers.end() ? role.optimizer : given->second;
    trainables_.emplace_back(role.name, objective.networks().at(role.name), Spec(optimizer, "optimizers." + role.name),
                             roleSeed(roles, role.name, random_));
  }
}

Trainable& TrainingStep::trainable(const std::string& role) {
  for (Trainable& one : trainables_)
    if (one.role() == role) return one;
  fail(Code::Internal, "the objective declared no role '", role, "' (Objective::roles)");
}

std::vector<Tape*> TrainingStep::tapesWithout(const std::vector<std::string>& roles) {
  const auto listed = [&](const std::string& role) {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
  };
  std::vector<Tape*> tapes;
  if (!listed("energy")) tapes.push_back(&tape_);
  for (const Trainable& one : trainables_)
    if (one.lastTape() && !listed(one.role())) tapes.push_back(one.lastTape());
  return tapes;
}

at::Tensor TrainingStep::learnableScalar(const std::string& name) {
  const auto it = std::find(scalarNames_.begin(), scalarNames_.end(), name);
  if (it == scalarNames_.end()) fail(Code::Internal, "the objective declared no learnable number '", name, "'");
  return scalarLeaves_[static_cast<std::size_t>(it - scalarNames_.begin())];
}

at::Tensor TrainingStep::lossWithGradients(double loss, const std::vector<Derivative>& derivatives) {
  known_.insert(known_.end(), derivatives.begin(), derivatives.end());
  return at::scalar_tensor(loss, at::kDouble);
}

void TrainingStep::warn(const std::string& name, double value, const std::string& message) {
  const Monitor& monitor = monitorNamed(name);
  warnings_.add(monitor, step, value, monitor.limit, message);
}

ScoreAndCurvature TrainingStep::curvature(const Batch& rows, const at::Tensor& directions) {
  const std::vector<at::Tensor> leaves = tape_.record(langevin::curvature(directions), std::vector<Batch>{rows});
  return {leaves[0], leaves[1]};
}

at::Tensor TrainingStep::penalised(const at::Tensor& loss, const Penalties& penalties) {
  at::Tensor total = loss;
  if (penalties.energy > 0) {
    if (!data_.defined())
      fail(Code::Unsupported,
           "penalties.energy needs an objective that compares energies of data and negatives; this one has none");
    at::Tensor square = data_.square().mean();
    if (negatives_.defined()) square = square + negatives_.square().mean();
    monitors_["energyPenalty"] = penalties.energy * square.item<double>();
    total = total + penalties.energy * square;
  }
  if (penalties.gradient > 0) {
    const at::Tensor square = score(batch).square().sum(1).mean();
    monitors_["gradientPenalty"] = penalties.gradient * square.item<double>();
    total = total + penalties.gradient * square;
  }
  return total;
}

void TrainingStep::monitorEnergies() {
  if (data_.defined()) monitors_["energyData"] = meanOf(data_);
  if (negatives_.defined()) monitors_["energyNegatives"] = meanOf(negatives_);
  if (data_.defined() && negatives_.defined())
    monitors_["gap"] = monitors_["energyNegatives"] - monitors_["energyData"];
}

at::Tensor TrainingStep::recordedLoss(Objective& objective) {
  try {
    const at::Tensor loss = objective.loss(*this);
    if (loss.numel() != 1) fail(Code::Internal, "an objective returned a loss of shape ", c10::str(loss.sizes()));
    return loss;
  } catch (const Error& error) {
    if (error.code != Code::NonFinite && error.code != Code::Diverged) throw;
    if (error.details.count("monitor")) throw;  // already says where the run was
    samplerDiverged(error, step);
  }
}

double TrainingStep::lossOf(Objective& objective) {
  at::AutoGradMode enable(true);
  return recordedLoss(objective).item<double>();
}

TrainingStep::Result TrainingStep::run(Objective& objective, const Penalties& penalties) {
  at::AutoGradMode enable(true);
  Result result;
  if (trainables_.empty()) take(objective);
  at::Tensor loss = recordedLoss(objective);
  result.loss = loss.item<double>();
  {
    at::NoGradGuard guard;
    monitorEnergies();
  }
  for (const char* name : {"energyData", "energyNegatives"})
    if (monitors_.count(name)) requireConverging(monitors_[name], step, name);
  requireConverging(result.loss, step, "loss");
  loss = penalised(loss, penalties);
  result.rows = tape_.recorded();
  JointGradients gradients = langevin::backward(loss, {&tape_}, scalarLeaves_, known_, tapesWithout({"energy"}));
  result.gradient = std::move(gradients.parameters[0]);
  if (penalties.l1 > 0) {
    // Of the weights alone: no evaluation of E, and its derivative is known. 0 at a weight of 0.
    const at::NoGradGuard guard;
    const at::Tensor weights = model_.parameters().flat();
    monitors_["l1Penalty"] = penalties.l1 * weights.abs().sum(at::kDouble).item<double>();
    result.gradient = result.gradient.add(weights.sign(), penalties.l1);
  }
  result.scalarGradient = scalarLeaves_.empty() ? scalarValues_ : at::stack(gradients.extras);
  result.monitors = monitors_;
  return result;
}

}  // namespace langevin
