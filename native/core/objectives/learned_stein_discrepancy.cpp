// Learned Stein discrepancy (Grathwohl et al. 2020, algorithm 1): a critic g: R^d -> R^d in place of a kernel,
//   max over g, min over E of  E_data[ s(x)' g(x) + tr dg/dx ] - lambda E_data |g(x)|^2,  s = -dE/dx.
// Under the model's own law the first expectation is 0 for every g (Stein's identity). The best critic is
// (s - grad log p) / (2 lambda), and the value there is the Fisher divergence over 4 lambda. Each step of the model
// follows `criticSteps` of the critic on the same rows; the trace is exact (a tangent along each of the d axes) or
// Hutchinson's estimate v' (dg/dx) v with Rademacher v.
#include "base/threads.hpp"
#include "gradients/divergence_chain.hpp"
#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "objectives/trainable.hpp"
#include "program/ops.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// A multilayer perceptron from the d columns of x to as many.
Value criticSpec(const Spec& critic, std::int64_t d) {
  Map network{{"kind", "mlp"}, {"input", d}, {"output", d}};
  for (const auto& [key, value] : critic.map()) network.emplace(key, value);
  return network;
}

// Small critics: an operation costs microseconds whatever its size.
constexpr std::int64_t kSmallestDivergenceTile = 256;

class LearnedSteinDiscrepancy : public Objective {
 public:
  explicit LearnedSteinDiscrepancy(const Spec& spec)
      : criticOptions_(spec.at("critic").value()),
        optimizer_(spec.at("criticOptimizer").value()),
        lambda_(spec.positive("lambda", 0.5)),
        steps_(spec.count("criticSteps", 1, 5)),
        exact_(spec.text("trace", "exact") == "exact") {
    if (!exact_ && spec.text("trace") != "hutchinson") spec.at("trace").invalid("must be 'exact' or 'hutchinson'");
  }

  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random& random) override {
    requireRealRows(model, "learnedSteinDiscrepancy differentiates E in x");
    requireUnconditional(data, "learnedSteinDiscrepancy");
    const std::int64_t d = data.width();
    critic_ = networkOf("critic", model, random, [&](std::uint64_t seed) {
      const Value spec = criticSpec(Spec(criticOptions_, "objective.critic"), d);
      return makeNetwork(Spec(spec, "objective.critic"), model.dtype(), model.device(), seed);
    });
    if (critic_->inputWidth() != d || critic_->outputWidth() != d)
      fail(Code::InvalidOption, "the critic of learnedSteinDiscrepancy takes and gives as many columns as x has, ", d,
           "; this one takes ", critic_->inputWidth(), " and gives ", critic_->outputWidth());
    if (!nonSmoothOperations(critic_->program()).empty())
      fail(Code::Unsupported, "the critic's divergence needs a smooth activation (", activationNames(true), ")");
    chain_ = DivergenceChain::compile(critic_->program());
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor s = context.score(context.batch);
    const at::Tensor fixed = s.detach();
    for (std::int64_t k = 0; k < steps_; ++k) trainCritic(context, fixed, k);
    const Critic critic = evaluate(context, steps_, {}, nullptr);
    const double n = static_cast<double>(fixed.size(0));
    return context.lossWithGradients((fixed * critic.value).sum().item<double>() / n + meanOf(critic.trace),
                                     {{s, critic.value / n}});
  }

  std::vector<Role> roles() const override { return {{"critic", optimizer_}}; }

 private:
  struct Critic {
    at::Tensor value;  // g(x) [n, d]
    at::Tensor trace;  // of dg/dx [n]
  };

  // The v_k of the trace sum_k v_k' (dg/dx) v_k, [m, n, d]: the axes, or one random direction.
  at::Tensor directions(StepContext& context, std::int64_t round) const {
    const at::Tensor& x = context.batch.x;
    const std::int64_t n = x.size(0), d = x.size(1);
    const at::TensorOptions options = x.options().requires_grad(false);
    if (exact_) return at::eye(d, options).unsqueeze(1).expand({d, n, d});
    const auto counter = static_cast<std::uint64_t>(context.step * (steps_ + 1) + round);
    const at::Tensor u = context.random().uniform(n, d, counter, Stream::Project, options);
    return at::where(u < 0.5, -1.0, 1.0).to(x.scalar_type()).unsqueeze(0);
  }

  // The critic on the batch, tile by tile; with `gradient` it becomes what the round asks of the critic's parameters.
  Critic evaluate(StepContext& context, std::int64_t round, const at::Tensor& score, at::Tensor* gradient) {
    const at::Tensor x = context.batch.x.detach(), v = directions(context, round);
    const std::int64_t n = x.size(0);
    const Tiling tiling(n, x.is_cuda() ? n : kSmallestDivergenceTile);
    std::vector<Critic> found(static_cast<std::size_t>(tiling.count()));
    std::vector<at::Tensor> parts(found.size());
    records_.resize(found.size());
    parallelTiles(tiling.count(), context.threads, [&](std::int64_t i) {
      const auto k = static_cast<std::size_t>(i);
      const TileRange r = tiling.range(i);
      const Tile tile{x.slice(0, r.first, r.last), v.slice(1, r.first, r.last),
                      gradient ? score.slice(0, r.first, r.last) : at::Tensor(), n};
      if (gradient) parts[k] = at::zeros_like(critic_->parameters().flat());
      found[k] = chain_ ? byHand(tile, records_[k], parts[k]) : byAutograd(tile, parts[k]);
    });
    if (gradient) *gradient = parts[0];
    std::vector<at::Tensor> values, traces;
    for (std::size_t k = 0; k < found.size(); ++k) {
      values.push_back(found[k].value);
      traces.push_back(found[k].trace);
      if (gradient && k > 0) *gradient += parts[k];
    }
    return {at::cat(values), at::cat(traces)};
  }

  struct Tile {
    at::Tensor x, v, score;  // score undefined: no gradient is asked for
    std::int64_t n;          // rows of the batch
  };
  // d/dg of lambda mean |g|^2 - mean s' g
  at::Tensor outerOf(const Tile& tile, const at::Tensor& value) const {
    return (2 * lambda_ * value - tile.score) / static_cast<double>(tile.n);
  }

  Critic byHand(const Tile& tile, DivergenceChain::Record& record, at::Tensor& gradient) const {
    const Parameters& parameters = critic_->parameters();
    chain_->evaluate(parameters.tensors(), tile.x, tile.v, record);
    if (tile.score.defined()) {
      at::NoGradGuard guard;
      parameters.accumulate(gradient, chain_->parameterGradient(parameters.tensors(), record,
                                                                outerOf(tile, record.value), -1.0 / tile.n));
    }
    return {record.value, record.trace};
  }

  Critic byAutograd(const Tile& tile, at::Tensor& gradient) const {
    at::AutoGradMode enable(true);
    const Network& network = *critic_;
    const std::vector<at::Tensor> leaves = network.parameters().leaves();
    const at::Tensor x = tile.x.clone().requires_grad_(true);
    const bool differentiable = tile.score.defined();
    const at::Tensor value = network.evaluateWith(leaves, {x, {}}, {}).outputs;
    at::Tensor trace = at::zeros({x.size(0)}, tile.x.options());
    for (const at::Tensor& v : tile.v.unbind())
      trace = trace + (torch::autograd::grad({value}, {x}, {v}, true, differentiable)[0] * v).sum(1);
    if (differentiable) {
      const at::Tensor loss = (outerOf(tile, value.detach()) * value).sum() - trace.sum() / static_cast<double>(tile.n);
      std::vector<at::Tensor> inputs;
      for (const at::Tensor& leaf : leaves)
        if (leaf.defined() && leaf.requires_grad()) inputs.push_back(leaf);
      auto found = torch::autograd::grad({loss}, inputs, {}, std::nullopt, false, true);
      std::vector<at::Tensor> gradients(leaves.size());
      for (std::size_t i = 0, k = 0; i < gradients.size(); ++i)
        if (leaves[i].defined() && leaves[i].requires_grad()) gradients[i] = std::move(found[k++]);
      at::NoGradGuard guard;
      network.parameters().accumulate(gradient, gradients);
    }
    return {value.detach(), trace.detach()};
  }

  void trainCritic(StepContext& context, const at::Tensor& score, std::int64_t round) {
    at::Tensor gradient;
    const Critic critic = evaluate(context, round, score, &gradient);
    if (round + 1 == steps_) {  // monitors of a step keep what came last
      const at::Tensor discrepancy = (score * critic.value).sum(1).mean() + critic.trace.mean();
      context.monitor("discrepancy", discrepancy.item<double>());
      context.monitor("criticSquare", critic.value.square().sum(1).mean().item<double>());
    }
    context.update("critic", gradient);
  }

  Value criticOptions_, optimizer_;
  double lambda_;
  std::int64_t steps_;
  bool exact_;
  NetworkRef critic_;
  std::unique_ptr<DivergenceChain> chain_;        // null (spectral normalisation): autograd through autograd
  std::vector<DivergenceChain::Record> records_;  // of tiles: their buffers serve the next round
};

}  // namespace

std::unique_ptr<Objective> makeLearnedSteinDiscrepancy(const Spec& spec) {
  return std::make_unique<LearnedSteinDiscrepancy>(spec);
}

}  // namespace langevin
