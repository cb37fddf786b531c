// adam (Kingma and Ba 2015, algorithm 1) and adamw (Loshchilov and Hutter 2019, algorithm 2), as torch.optim.
#include <cmath>

#include "kernels/tile_kernels.hpp"
#include "optimizers/optimizer.hpp"

namespace langevin {
namespace {

class Adam : public Optimizer {
 public:
  Adam(const Spec& spec, bool decay, bool decoupled)
      : epsilon_(spec.nonNegative("epsilon", 1e-8)),
        decay_(decay ? spec.nonNegative("weightDecay", decoupled ? 0.01 : 0) : 0),
        decoupled_(decoupled) {
    if (spec.has("betas")) {
      const std::vector<double> betas = spec.at("betas").numbers();
      if (betas.size() != 2) spec.at("betas").invalid("must be two numbers");
      for (double b : betas)
        if (b < 0 || b >= 1) spec.at("betas").invalid("each must be at least 0 and below 1");
      beta1_ = betas[0];
      beta2_ = betas[1];
    }
  }

  void step(const at::Tensor& parameters, const at::Tensor& gradient, double lr) override {
    if (!mean_.defined()) {
      mean_ = at::zeros_like(parameters);
      square_ = at::zeros_like(parameters);
    }
    ++steps_;
    at::Tensor g = gradient;
    if (decay_ != 0) {
      if (decoupled_)
        parameters.mul_(1.0 - lr * decay_);
      else
        g = gradient.add(parameters, decay_);
    }
    const auto t = static_cast<double>(steps_);
    const double correction1 = 1.0 - std::pow(beta1_, t), correction2 = 1.0 - std::pow(beta2_, t);
    if (parameters.is_cpu() && parameters.scalar_type() == at::kFloat && parameters.is_contiguous()) {
      const AdamStep step{static_cast<float>(beta1_), static_cast<float>(beta2_), static_cast<float>(epsilon_),
                          static_cast<float>(lr / correction1), static_cast<float>(1 / std::sqrt(correction2))};
      g = g.contiguous();
      tileKernels().adam(step, g.const_data_ptr<float>(), mean_.data_ptr<float>(), square_.data_ptr<float>(),
                         parameters.mutable_data_ptr<float>(), parameters.numel());
      parameters.unsafeGetTensorImpl()->bump_version();  // what was packed from the old ones is stale
      return;
    }
    mean_.lerp_(g, 1.0 - beta1_);
    square_.mul_(beta2_).addcmul_(g, g, 1.0 - beta2_);
    const at::Tensor denominator = square_.sqrt().div_(std::sqrt(correction2)).add_(epsilon_);
    parameters.addcdiv_(mean_, denominator, -lr / correction1);
  }

  std::map<std::string, at::Tensor> state() const override {
    if (!mean_.defined()) return {};
    return {{"mean", mean_}, {"square", square_}, {"steps", at::tensor({steps_}, at::kLong)}};
  }
  void setState(const std::map<std::string, at::Tensor>& state) override {
    if (state.empty()) {  // before the first step
      mean_ = square_ = at::Tensor();
      steps_ = 0;
      return;
    }
    mean_ = savedTensor(state, "mean").clone();
    square_ = savedTensor(state, "square").clone();
    steps_ = savedTensor(state, "steps").item<std::int64_t>();
  }

 private:
  double beta1_ = 0.9, beta2_ = 0.999, epsilon_, decay_;
  bool decoupled_;
  std::int64_t steps_ = 0;
  at::Tensor mean_, square_;
};

}  // namespace

std::unique_ptr<Optimizer> makeAdam(const Spec& spec, bool decay) { return std::make_unique<Adam>(spec, decay, false); }
std::unique_ptr<Optimizer> makeAdamw(const Spec& spec, bool decay) { return std::make_unique<Adam>(spec, decay, true); }

}  // namespace langevin
