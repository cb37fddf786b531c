// sgd: stochastic gradient descent with momentum, dampening-free, as torch.optim.SGD.
#include "optimizers/optimizer.hpp"

namespace langevin {
namespace {

class Sgd : public Optimizer {
 public:
  Sgd(const Spec& spec, bool decay)
      : momentum_(spec.nonNegative("momentum", 0)),
        nesterov_(spec.boolean("nesterov", false)),
        decay_(decay ? spec.nonNegative("weightDecay", 0) : 0) {
    if (momentum_ >= 1) spec.at("momentum").invalid("must be below 1");
    if (nesterov_ && momentum_ == 0) spec.at("nesterov").invalid("Nesterov's step needs a momentum above 0");
  }

  void step(const at::Tensor& parameters, const at::Tensor& gradient, double lr) override {
    at::Tensor direction = decay_ == 0 ? gradient : gradient.add(parameters, decay_);
    if (momentum_ != 0) {
      // The first velocity is the gradient itself, not (1 - momentum) of it.
      velocity_ = velocity_.defined() ? velocity_.mul_(momentum_).add_(direction) : direction.clone();
      direction = nesterov_ ? direction.add(velocity_, momentum_) : velocity_;
    }
    parameters.add_(direction, -lr);
  }

  std::map<std::string, at::Tensor> state() const override {
    if (!velocity_.defined()) return {};
    return {{"velocity", velocity_}};
  }
  void setState(const std::map<std::string, at::Tensor>& state) override {
    if (momentum_ != 0) velocity_ = state.empty() ? at::Tensor() : savedTensor(state, "velocity").clone();
  }

 private:
  double momentum_;
  bool nesterov_;
  double decay_;
  at::Tensor velocity_;
};

}  // namespace

std::unique_ptr<Optimizer> makeSgd(const Spec& spec, bool decay) { return std::make_unique<Sgd>(spec, decay); }

}  // namespace langevin
