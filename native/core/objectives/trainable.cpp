#include "objectives/trainable.hpp"

#include <algorithm>

#include "program/spectral.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

void requireLearnable(const std::string& role, const Network& network) {
  if (network.parameters().count() == 0)
    fail(Code::Unsupported, "the ", role, " is ", network.describe(),
         " without learnable parameters and cannot be trained; analytic energies take learnable: true");
}

Trainable::Trainable(std::string role, NetworkRef network, const Spec& optimizer, std::uint64_t seed,
                     TrainableOptions options)
    : role_(std::move(role)),
      network_(std::move(network)),
      optimizer_(makeOptimizer(optimizer)),
      lr_(langevin::learningRate(optimizer)),
      seed_(seed),
      options_(options) {
  if (network_->dtype() == at::kBFloat16)
    fail(Code::Dtype, "training needs float32 or float64, and the ", role_,
         " is bfloat16: an update is smaller than a bfloat16 weight resolves");
  requireLearnable(role_, *network_);
  Network::InTraining& live = network_->inTraining();
  const std::lock_guard lock(live.mutex);
  live.active = true;
  live.averages = options_.ema > 0;
  live.step = live.averageStep = 0;
}

Trainable::~Trainable() {
  if (!network_) return;  // moved from
  Network::InTraining& live = network_->inTraining();
  const std::lock_guard lock(live.mutex);
  live.active = live.averages = false;
  live.average.reset();
  live.step = live.averageStep = 0;
}

Tape& Trainable::tape(std::int64_t step, int threads) {
  if (!tape_) tape_ = std::make_unique<Tape>(*network_, threads, role_);
  if (tapeStep_ != step) tape_->begin(seed_, static_cast<std::uint64_t>(step));
  tapeStep_ = step;
  return *tape_;
}

void Trainable::update(const at::Tensor& given, double norm, std::int64_t step, std::int64_t totalSteps) {
  at::NoGradGuard guard;
  at::Tensor gradient = given;
  if (options_.clipNorm > 0 && norm > options_.clipNorm) gradient = gradient * (options_.clipNorm / (norm + 1e-6));
  const double lr = learningRate(step, totalSteps);
  Network::InTraining& live = network_->inTraining();
  const std::lock_guard lock(live.mutex);
  optimizer_->step(network_->parameters().flat(), gradient, lr);
  iterateSpectralNorms(network_->program(), network_->parameters());
  live.step = step + 1;
}

// The average starts at the weights after the first step, as torch.optim.swa_utils.AveragedModel does: initial weights
// would otherwise stay in it with weight decay^steps.
void Trainable::average(std::int64_t step) {
  if (options_.ema <= 0) return;
  at::NoGradGuard guard;
  const at::Tensor& flat = network_->parameters().flat();
  Network::InTraining& live = network_->inTraining();
  const std::lock_guard lock(live.mutex);
  live.averageStep = step + 1;
  if (!ema_.defined()) {
    live.average = ema_ = flat.clone();
    return;
  }
  const auto t = static_cast<double>(step);
  const double decay = options_.emaWarmup ? std::min(options_.ema, (1.0 + t) / (10.0 + t)) : options_.ema;
  ema_.lerp_(flat, 1.0 - decay);
}

void Trainable::useAverage() {
  if (!ema_.defined()) return;
  at::NoGradGuard guard;
  const std::lock_guard lock(network_->inTraining().mutex);
  network_->parameters().flat().copy_(ema_);
  settleSpectralNorms(network_->program(), network_->parameters());
}

SavedTensors Trainable::state() const {
  const Parameters& parameters = network_->parameters();
  SavedTensors state{{"parameters", parameters.flat().clone()}};
  if (ema_.defined()) state.emplace("ema", ema_.clone());
  for (std::size_t i = 0; i < parameters.info().size(); ++i)
    if (!parameters.info()[i].learnable)
      state.emplace("buffers/" + parameters.info()[i].name, parameters.tensors()[i].clone());
  for (const auto& [name, tensor] : optimizer_->state()) state.emplace("optimizer/" + name, tensor.clone());
  return state;
}

void Trainable::setState(const SavedTensors& state) {
  at::NoGradGuard guard;
  Network::InTraining& live = network_->inTraining();
  const std::lock_guard lock(live.mutex);
  Parameters& parameters = network_->parameters();
  const at::Tensor flat = savedTensor(state, "parameters");
  if (!flat.sizes().equals(parameters.flat().sizes()))
    fail(Code::Format, "resume: the checkpoint's ", role_, " has ", flat.numel(), " parameters, this run's ",
         parameters.count());
  if (flat.scalar_type() != network_->dtype())
    fail(Code::Dtype, "resume: the checkpoint's ", role_, " is ", dtypeName(flat.scalar_type()), ", this run's ",
         dtypeName(network_->dtype()));
  const SavedTensors buffers = savedBelow(state, "buffers/");
  parameters.assign({buffers.begin(), buffers.end()}, false);
  parameters.flat().copy_(flat);
  // Before its first step a run has no average yet.
  if (options_.ema > 0) {
    ema_ = state.count("ema") ? savedTensor(state, "ema").to(network_->device()).clone() : at::Tensor();
    live.average = ema_;
  }
  SavedTensors optimizer = savedBelow(state, "optimizer/");
  for (auto& [name, tensor] : optimizer)
    if (tensor.is_floating_point()) tensor = tensor.to(network_->device());
  optimizer_->setState(optimizer);
}

void Trainable::resumeAt(std::int64_t step) {
  Network::InTraining& live = network_->inTraining();
  const std::lock_guard lock(live.mutex);
  live.step = live.averageStep = step;
}

}  // namespace langevin
