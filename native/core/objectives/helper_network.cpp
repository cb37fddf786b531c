#include "objectives/helper_network.hpp"

#include "objectives/diverged.hpp"
#include "program/spectral.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// A named part of the run's random numbers, so that the network's weights are not the model's.
constexpr std::uint64_t kHelperSalt = 0x4E7;

}  // namespace

HelperNetwork::HelperNetwork(Value energy, const Spec& optimizer)
    : energy_(std::move(energy)), optimizer_(makeOptimizer(optimizer)), lr_(learningRate(optimizer)) {}

void HelperNetwork::create(const Energy& model, const Random& random) {
  seed_ = random.fork(kHelperSalt).seed();
  network_ = makeEnergy(Spec(energy_, "objective.helper"), model.dtype(), model.device(), seed_);
  if (network_->parameters().count() == 0)
    fail(Code::Unsupported, "the helper is a ", network_->program().kind, " energy without learnable parameters");
}

Tape& HelperNetwork::tape(StepContext& context) {
  if (!tape_) tape_ = std::make_unique<Tape>(*network_, context.threads);
  tape_->begin(seed_, static_cast<std::uint64_t>(context.step));
  return *tape_;
}

void HelperNetwork::update(StepContext& context, const at::Tensor& gradient) {
  at::NoGradGuard guard;
  const double norm = normOf(gradient);
  requireConverging(norm, context.step, "helperGradientNorm");
  context.monitor("helperGradientNorm", norm);
  optimizer_->step(network_->parameters().flat(), gradient, lr_.at(context.step, context.totalSteps));
  iterateSpectralNorms(network_->program(), network_->parameters());
}

std::map<std::string, at::Tensor> HelperNetwork::state() const {
  std::map<std::string, at::Tensor> state{{"helper/parameters", network_->parameters().flat().clone()}};
  const Parameters& parameters = network_->parameters();
  for (std::size_t i = 0; i < parameters.info().size(); ++i)
    if (!parameters.info()[i].learnable)
      state.emplace("helper/buffers/" + parameters.info()[i].name, parameters.tensors()[i].clone());
  for (const auto& [name, tensor] : optimizer_->state()) state.emplace("helper/optimizer/" + name, tensor.clone());
  return state;
}

void HelperNetwork::setState(const std::map<std::string, at::Tensor>& state) {
  at::NoGradGuard guard;
  const at::Tensor flat = savedTensor(state, "helper/parameters");
  if (!flat.sizes().equals(network_->parameters().flat().sizes()))
    fail(Code::Format, "the checkpoint's helper has ", flat.numel(), " parameters, this run's ",
         network_->parameters().count());
  network_->parameters().flat().copy_(flat);
  const auto buffers = savedBelow(state, "helper/buffers/");
  network_->parameters().assign({buffers.begin(), buffers.end()}, false);
  optimizer_->setState(savedBelow(state, "helper/optimizer/"));
}

}  // namespace langevin
