#include "graphs/node_training.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "optimizers/optimizer.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

using Clock = std::chrono::steady_clock;

double secondsBetween(Clock::time_point a, Clock::time_point b) { return std::chrono::duration<double>(b - a).count(); }

// Mean cross-entropy and accuracy of some nodes.
class Measure {
 public:
  Measure(const at::Tensor& rows, const at::Tensor& labels) : rows_(rows), labels_(labels.index_select(0, rows)) {}

  at::Tensor loss(const at::Tensor& logits) const {
    return at::nll_loss(at::log_softmax(logits.index_select(0, rows_), 1), labels_);
  }
  double accuracy(const at::Tensor& logits) const {
    return logits.index_select(0, rows_).argmax(1).eq(labels_).to(at::kDouble).mean().item<double>();
  }

 private:
  at::Tensor rows_, labels_;
};

// What a number of an epoch was, epoch after epoch.
struct History {
  std::vector<double> trainLoss, validationLoss, validationAccuracy;
  Map boxed() const {
    const auto tensor = [](const std::vector<double>& v) { return box(at::tensor(v, at::kDouble)); };
    return {{"trainLoss", tensor(trainLoss)},
            {"validationLoss", tensor(validationLoss)},
            {"validationAccuracy", tensor(validationAccuracy)}};
  }
};

class NodeTrainer {
 public:
  NodeTrainer(const NodeNetwork& network, Parameters& parameters, const NodeGraph& graph, const NodeSplit& split,
              const NodeTrainingOptions& options, Job& job)
      : network_(network),
        parameters_(parameters),
        graph_(graph),
        options_(options),
        job_(job),
        train_(split.train, split.labels),
        random_(options.seed),
        best_(parameters.flat().clone()) {
    if (split.validation.defined()) validation_.emplace(split.validation, split.labels);
    const Value adam = Map{{"kind", "adam"}, {"weightDecay", options.weightDecay}};
    optimizer_ = makeOptimizer(Spec(adam, "optimizer"));
  }

  Value run() {
    std::string stopped = "epochs";
    for (epoch_ = 1; epoch_ <= options_.epochs; ++epoch_) {
      job_.check();
      const double loss = step();
      history_.trainLoss.push_back(loss);
      const bool enough = validation_ && validate();
      report(loss, enough);
      if (!enough) continue;
      stopped = "patience";
      break;
    }
    const std::int64_t epochs = static_cast<std::int64_t>(history_.trainLoss.size());
    if (validation_) set(best_);
    return Map{{"epochs", epochs},
               {"bestEpoch", validation_ ? bestEpoch_ : epochs},
               {"stopped", stopped},
               {"history", history_.boxed()}};
  }

 private:
  NodeValues forward(const NodeGraph& graph, const std::vector<at::Tensor>& parameters, const NodeDropout* drop) const {
    return network_.forward({graph, parameters, true, drop, options_.threads});
  }

  // One update; the loss before it.
  double step() {
    const auto number = static_cast<std::uint64_t>(epoch_);
    const NodeDropout drop{network_.dropout(), random_.fork(Salt::Record), number};
    std::optional<NodeGraph> thinned;
    if (options_.dropEdge > 0)
      thinned.emplace(graph_.withDroppedEdges(options_.dropEdge, random_.fork(Salt::Record, 1), number));
    const std::vector<at::Tensor> leaves = parameters_.leaves();
    std::vector<at::Tensor> learned;
    for (const at::Tensor& leaf : leaves)
      if (leaf.requires_grad()) learned.push_back(leaf);
    const at::Tensor loss = train_.loss(forward(thinned ? *thinned : graph_, leaves, &drop).logits);
    requireConverging(loss.item<double>(), "training");
    const std::vector<at::Tensor> found = torch::autograd::grad({loss}, learned);
    apply(found);
    return loss.item<double>();
  }

  void apply(const std::vector<at::Tensor>& found) {
    const at::NoGradGuard guard;
    std::vector<at::Tensor> gradients;
    std::size_t next = 0;
    for (const ParameterInfo& info : parameters_.info())
      gradients.push_back(info.learnable ? found[next++] : at::Tensor());
    at::Tensor flat = at::zeros_like(parameters_.flat());
    parameters_.accumulate(flat, gradients);
    optimizer_->step(parameters_.flat(), flat, options_.learningRate);
    graph_.features().forget();
  }

  // Whether the validation loss has not fallen for long enough.
  bool validate() {
    const at::NoGradGuard guard;
    const at::Tensor logits = forward(graph_, parameters_.tensors(), nullptr).logits;
    const double loss = validation_->loss(logits).item<double>();
    requireConverging(loss, "validation");
    history_.validationLoss.push_back(loss);
    history_.validationAccuracy.push_back(validation_->accuracy(logits));
    if (loss < lowest_) {
      lowest_ = loss;
      bestEpoch_ = epoch_;
      best_.copy_(parameters_.flat());
    }
    if (loss < toBeat_ - options_.minDelta) {
      toBeat_ = loss;
      waited_ = 0;
    } else {
      ++waited_;
    }
    return options_.patience > 0 && waited_ >= options_.patience;
  }

  void requireConverging(double loss, const char* which) const {
    if (std::isfinite(loss)) return;
    throw Error(Code::Diverged,
                std::string("the ") + which + " loss is not finite in epoch " + std::to_string(epoch_) +
                    "; take a smaller learning rate, or look at the scale of the features",
                {{"step", epoch_}});
  }

  void set(const at::Tensor& numbers) {
    const at::NoGradGuard guard;
    parameters_.flat().copy_(numbers);
    graph_.features().forget();
  }

  void report(double loss, bool last) {
    const auto now = Clock::now();
    if (secondsBetween(told_, now) < 0.05 && !last && epoch_ < options_.epochs) return;
    told_ = now;
    const double seconds = secondsBetween(start_, now);
    const double perSecond = static_cast<double>(epoch_) / std::max(seconds, 1e-9);
    Map progress{{"step", epoch_},
                 {"steps", options_.epochs},
                 {"loss", loss},
                 {"seconds", seconds},
                 {"stepsPerSecond", perSecond},
                 {"secondsLeft", static_cast<double>(options_.epochs - epoch_) / perSecond}};
    if (validation_) {
      progress.emplace("validationLoss", history_.validationLoss.back());
      progress.emplace("validationAccuracy", history_.validationAccuracy.back());
    }
    job_.progress(std::move(progress));
  }

  const NodeNetwork& network_;
  Parameters& parameters_;
  const NodeGraph& graph_;
  const NodeTrainingOptions& options_;
  Job& job_;
  Measure train_;
  std::optional<Measure> validation_;
  Random random_;
  std::unique_ptr<Optimizer> optimizer_;
  History history_;
  at::Tensor best_;
  std::int64_t epoch_ = 0, bestEpoch_ = 0, waited_ = 0;
  double lowest_ = std::numeric_limits<double>::infinity(), toBeat_ = lowest_;
  Clock::time_point start_ = Clock::now(), told_{};
};

}  // namespace

Value trainNodes(const NodeNetwork& network, Parameters& parameters, const NodeGraph& graph, const NodeSplit& split,
                 const NodeTrainingOptions& options, Job& job) {
  return NodeTrainer(network, parameters, graph, split, options, job).run();
}

}  // namespace langevin
