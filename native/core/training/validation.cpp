#include "training/validation.hpp"

#include <algorithm>
#include <mutex>

#include "program/spectral.hpp"
#include "tensors/tensor.hpp"
#include "training/trainer.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kRows = 4096;  // evaluated at once

void requireMeasure(const Spec& spec, const Objective& objective) {
  if (!spec.has("sampler") && objective.roles().empty()) return;
  fail(Code::Unsupported, "validation: the loss of ", spec.text("kind"),
       " compares the model with what is drawn from it, so it does not fall as the fit improves; leave validation out, "
       "and compare likelihoods of held-out rows after training (evaluate.logLikelihood)");
}

}  // namespace

Validation::Validation(const Spec& given, const Spec& objective, Objective& prepared, Energy& model,
                       const Random& random, Job& job, int threads, std::int64_t steps)
    : objective_(prepared),
      model_(model),
      random_(random.fork(Salt::Probe, 1)),  // the training probe is part 0
      context_(model, random_, job, threads, prepared.learnableScalars()),
      steps_(steps),
      every_(given.count("every", 1, 100)),
      patience_(given.count("patience", 0, 0)) {
  requireMeasure(objective, prepared);
  data_ = std::make_unique<TrainingData>(TrainingData::read(given, model, prepared));
}

Validation::~Validation() = default;

// Mean over all rows; noise and negatives are those of step k for the k-th part, whenever it is measured.
double Validation::loss(TrainingStep& running) {
  if (!context_.scalarNames().empty()) context_.learnableScalars().copy_(running.learnableScalars());
  context_.spread = running.spread;
  const std::int64_t n = data_->rows.size();
  double sum = 0;
  for (std::int64_t first = 0, part = 0; first < n; first += kRows, ++part) {
    const std::int64_t count = std::min(kRows, n - first);
    const at::Tensor index = at::arange(first, first + count, at::kLong);
    Batch rows = data_->rows.select(index);
    at::Tensor target;
    if (data_->target.defined()) target = data_->rows.y().defined() ? rows.y : rowsAt(data_->target, index);
    context_.begin(part, steps_, std::move(rows), std::move(target));
    sum += context_.lossOf(objective_) * static_cast<double>(count);
  }
  return sum / static_cast<double>(n);
}

void Validation::measure(std::int64_t done, const Trainable& energy, TrainingStep& running, Monitors& monitors) {
  // At the end of a short run too, or there would be no best; otherwise not: a resumed run would have measured more often.
  if (done % every_ != 0 && (done != steps_ || !best_.empty())) return;
  at::NoGradGuard guard;
  Parameters& parameters = model_.parameters();
  std::vector<std::pair<std::string, at::Tensor>> raw;
  // Whoever copies the weights meanwhile waits until the run's own are back.
  std::unique_lock lock(model_.inTraining().mutex, std::defer_lock);
  if (energy.averaged().defined()) {
    lock.lock();
    raw = parameters.named();
    parameters.flat().copy_(energy.averaged());
    settleSpectralNorms(model_.program(), parameters);
  }
  double value = 0;
  try {
    value = loss(running);
    requireConverging(value, done, "validationLoss");
  } catch (...) {
    if (!raw.empty()) parameters.assign(raw, true);
    throw;
  }
  history_.emplace_back(done, value);
  if (value < bestLoss_) {
    bestLoss_ = value;
    bestStep_ = done;
    since_ = 0;
    best_ = parameters.named();
    bestScalars_ = running.learnableScalars().clone();
  } else {
    ++since_;
  }
  if (!raw.empty()) parameters.assign(raw, true);
  monitors.add("validationLoss", value);
}

void Validation::useBest(TrainingStep& running) {
  if (best_.empty()) return;
  at::NoGradGuard guard;
  const std::lock_guard lock(model_.inTraining().mutex);
  model_.parameters().assign(best_, true);
  if (!running.scalarNames().empty()) running.learnableScalars().copy_(bestScalars_);
}

SavedTensors Validation::state() const {
  at::Tensor history = at::empty({static_cast<std::int64_t>(history_.size()), 2}, at::kDouble);
  for (std::size_t i = 0; i < history_.size(); ++i) {
    history[static_cast<std::int64_t>(i)][0] = static_cast<double>(history_[i].first);
    history[static_cast<std::int64_t>(i)][1] = history_[i].second;
  }
  SavedTensors state{{"history", history}};
  for (const auto& [name, tensor] : best_) state.emplace("best/" + name, tensor.clone());
  if (bestScalars_.defined()) state.emplace("bestScalars", bestScalars_.clone());
  return state;
}

void Validation::setState(const SavedTensors& state) {
  const at::Tensor history = savedTensor(state, "history").to(at::kCPU, at::kDouble);
  history_.clear();
  bestLoss_ = std::numeric_limits<double>::infinity();
  since_ = bestStep_ = 0;
  for (std::int64_t i = 0; i < history.size(0); ++i) {
    const auto step = static_cast<std::int64_t>(history[i][0].item<double>());
    const double value = history[i][1].item<double>();
    history_.emplace_back(step, value);
    ++since_;
    if (!(value < bestLoss_)) continue;
    bestLoss_ = value;
    bestStep_ = step;
    since_ = 0;
  }
  const SavedTensors best = savedBelow(state, "best/");
  best_.assign(best.begin(), best.end());
  if (state.count("bestScalars")) bestScalars_ = savedTensor(state, "bestScalars").to(model_.device());
}

Value Validation::result() const {
  List history;
  for (const auto& [step, loss] : history_) history.emplace_back(Map{{"step", step}, {"loss", loss}});
  return Map{{"loss", bestLoss_}, {"step", bestStep_}, {"stopped", stopped()}, {"history", history}};
}

}  // namespace langevin
