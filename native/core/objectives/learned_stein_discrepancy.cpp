// Learned Stein discrepancy (Grathwohl et al. 2020, algorithm 1): a critic g: R^d -> R^d in place of a kernel,
//   max over g, min over E of  E_data[ s(x)' g(x) + tr dg/dx ] - lambda E_data |g(x)|^2,  s = -dE/dx.
// Under the model's own law the first expectation is 0 for every g (Stein's identity). The best critic is
// (s - grad log p) / (2 lambda), and the value there is the Fisher divergence over 4 lambda. Each step of the model
// follows `criticSteps` of the critic on the same rows; the trace is exact (d backward passes) or Hutchinson's
// estimate v' (dg/dx) v with Rademacher v.
#include "objectives/helper_network.hpp"
#include "objectives/registry.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

// The critic is the network inside a regressor energy: an MLP with d outputs.
Value criticEnergy(const Spec& critic, std::int64_t d) {
  Map energy{{"kind", "regressor"}, {"input", d}, {"output", d}};
  for (const auto& [key, value] : critic.map()) energy.emplace(key, value);
  return energy;
}

class LearnedSteinDiscrepancy : public Objective {
 public:
  explicit LearnedSteinDiscrepancy(const Spec& spec)
      : critic_(spec.at("critic").value()),
        optimizer_(spec.at("criticOptimizer").value()),
        lambda_(spec.positive("lambda", 0.5)),
        steps_(spec.count("criticSteps", 1, 5)),
        exact_(spec.text("trace", "exact") == "exact") {
    if (!exact_ && spec.text("trace") != "hutchinson") spec.at("trace").invalid("must be 'exact' or 'hutchinson'");
  }

  void prepare(Energy& model, const Rows& data, const at::Tensor&, const Random& random) override {
    requireRealRows(model, "learnedSteinDiscrepancy differentiates E in x");
    requireUnconditional(data, "learnedSteinDiscrepancy");
    network_ = std::make_unique<HelperNetwork>(criticEnergy(Spec(critic_, "objective.critic"), data.x.size(1)),
                                               Spec(optimizer_, "objective.criticOptimizer"));
    network_->create(model, random);
    if (!nonSmoothOperations(network_->network().program()).empty())
      fail(Code::Unsupported, "the critic's divergence needs a smooth activation (silu, softplus, tanh, gelu)");
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor s = context.score(context.batch);
    const at::Tensor fixed = s.detach();
    for (std::int64_t k = 0; k < steps_; ++k) trainCritic(context, fixed, k);
    const Critic critic = evaluate(context, false, steps_);
    return (s * critic.value).sum(1).mean() + critic.trace.mean();
  }

  std::map<std::string, EnergyRef> networks() const override { return {{"critic", network_->shared()}}; }
  std::map<std::string, at::Tensor> state() const override { return network_->state(); }
  void setState(const std::map<std::string, at::Tensor>& state) override { network_->setState(state); }

 private:
  struct Critic {
    at::Tensor value;                // g(x) [n, d]
    at::Tensor trace;                // tr dg/dx [n]
    std::vector<at::Tensor> leaves;  // the critic's parameters
  };

  Critic evaluate(StepContext& context, bool differentiable, std::int64_t round) const {
    const Energy& network = network_->network();
    at::AutoGradMode enable(true);
    Critic critic;
    critic.leaves = network.parameters().leaves();
    const at::Tensor x = context.batch.x.detach().clone().requires_grad_(true);
    // The regressor's rows are (x, y); only its network f(x) is wanted.
    const Rows rows{at::cat({x, at::zeros_like(x)}, 1), {}};
    critic.value = network.evaluateWith(critic.leaves, rows, {}).outputs;
    const std::int64_t n = x.size(0), d = x.size(1);
    const auto product = [&](const at::Tensor& v, bool keep) {
      return (torch::autograd::grad({critic.value}, {x}, {v}, keep, differentiable)[0] * v).sum(1);
    };
    if (exact_) {
      critic.trace = at::zeros({n}, x.options().requires_grad(false));
      for (std::int64_t j = 0; j < d; ++j) {
        at::Tensor v = at::zeros({n, d}, x.options().requires_grad(false));
        v.select(1, j).fill_(1);
        critic.trace = critic.trace + product(v, true);
      }
    } else {
      const auto counter = static_cast<std::uint64_t>(context.step * (steps_ + 1) + round);
      const at::Tensor u = context.random().uniform(n, d, counter, Stream::Project, x.options().requires_grad(false));
      critic.trace = product(at::where(u < 0.5, -1.0, 1.0).to(x.scalar_type()), true);
    }
    if (!differentiable) {
      critic.value = critic.value.detach();
      critic.trace = critic.trace.detach();
    }
    return critic;
  }

  void trainCritic(StepContext& context, const at::Tensor& score, std::int64_t round) {
    const Critic critic = evaluate(context, true, round);
    const at::Tensor discrepancy = (score * critic.value).sum(1).mean() + critic.trace.mean();
    const at::Tensor square = critic.value.square().sum(1).mean();
    context.monitor("discrepancy", discrepancy.item<double>());
    context.monitor("criticSquare", square.item<double>());
    std::vector<at::Tensor> inputs;
    for (const at::Tensor& leaf : critic.leaves)
      if (leaf.defined() && leaf.requires_grad()) inputs.push_back(leaf);
    auto found = torch::autograd::grad({lambda_ * square - discrepancy}, inputs, {}, std::nullopt, false, true);
    std::vector<at::Tensor> gradients(critic.leaves.size());
    for (std::size_t i = 0, k = 0; i < gradients.size(); ++i)
      if (critic.leaves[i].defined() && critic.leaves[i].requires_grad()) gradients[i] = std::move(found[k++]);
    at::NoGradGuard guard;
    const Parameters& parameters = network_->network().parameters();
    at::Tensor flat = at::zeros_like(parameters.flat());
    parameters.accumulate(flat, gradients);
    network_->update(context, flat);
  }

  Value critic_, optimizer_;
  double lambda_;
  std::int64_t steps_;
  bool exact_;
  std::unique_ptr<HelperNetwork> network_;
};

}  // namespace

std::unique_ptr<Objective> makeLearnedSteinDiscrepancy(const Spec& spec) {
  return std::make_unique<LearnedSteinDiscrepancy>(spec);
}

}  // namespace langevin
