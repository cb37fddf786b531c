#include "training/trainer.hpp"

#include <ATen/record_function.h>

#include <cmath>

#include "objectives/support.hpp"
#include "samplers/escape.hpp"
#include "tensors/tensor.hpp"
#include "training/final_checks.hpp"

namespace langevin {
namespace {

double secondsBetween(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

at::Tensor targetOf(const at::Tensor& y, const Energy& model, std::int64_t rows) {
  at::Tensor t = y.dim() == 1 || y.is_floating_point() ? y : y.squeeze(1);
  if (t.size(0) != rows) fail(Code::Shape, "x has ", rows, " rows and y has ", t.size(0));
  if (!t.is_floating_point()) return t.to(model.device(), at::kLong);
  if (t.dim() == 1) t = t.unsqueeze(1);
  t = t.to(model.device(), model.dtype()).contiguous();
  requireFinite(t, "y");
  return t;
}

RowSource rowsOf(const Spec& x, const Energy& model, const at::Tensor& y) {
  if (x.value().map()) {  // rows that are converted as they are asked for
    const RowSource source = RowSource::read(x, model.input(), model.options());
    source.requireFinite();
    return source.with(model.conditionsOf(y, source.size()));
  }
  return model.rows(unbox(x), y);
}

// The sampler an objective names, or null.
std::shared_ptr<const Sampler> samplerOf(const Spec& objective) {
  const auto spec = objective.find("sampler");
  return spec ? makeSampler(*spec) : nullptr;
}

bool isBoxed(const Spec& objective) { return objective.has("sampler") && keepsToBox(objective.at("sampler").value()); }

// Optimisers of single roles.
std::map<std::string, Value> optimizersOf(const Spec& a, const Objective& objective) {
  const auto given = a.find("optimizers");
  if (!given) return {};
  for (const auto& [role, optimizer] : given->map())
    if (!objective.networks().count(role))
      Spec(optimizer, "optimizers." + role).invalid("this objective trains no network of that name beside the energy");
  return given->map();
}

}  // namespace

void giveNetworks(const Spec& a, Objective& objective) {
  const auto given = a.find("networks");
  if (!given) return;
  for (const auto& [role, network] : given->map()) objective.give(role, Spec(network, "networks." + role).network());
}

TrainingData TrainingData::read(const Spec& a, const Energy& model, const Objective& objective) {
  const Spec x = a.at("x");
  const at::Tensor y = a.has("y") ? unbox(a.at("y")) : at::Tensor();
  const bool conditional = model.program().condition.kind != Condition::Kind::None;
  TrainingData data;
  if (objective.givesCondition()) {
    if (y.defined()) fail(Code::InvalidOption, "the objective sets the condition y itself: give rows x without y");
    data.rows = x.value().map() ? RowSource::read(x, model.input(), model.options())
                                : asRows(unbox(x), model.input(), model.dtype(), model.device(), "x");
    data.rows.requireFinite();
  } else {
    data.rows = rowsOf(x, model, conditional ? y : at::Tensor());
  }
  if (data.rows.size() == 0) fail(Code::Shape, "there are no rows to train on: x has 0 rows");
  if (a.has("unlabelled")) {
    data.unlabelled = rowsOf(a.at("unlabelled"), model, {});
    if (data.unlabelled->size() == 0) fail(Code::Shape, "unlabelled has 0 rows");
  }
  if (y.defined()) data.target = conditional ? data.rows.y() : targetOf(y, model, data.rows.size());
  return data;
}

TrainingData::Step TrainingData::select(const at::Tensor& index, std::int64_t step, const Random& random) const {
  Step part;
  part.rows = rows.select(index);
  part.rows.x = rows.augmented(part.rows.x, static_cast<std::uint64_t>(step), random);
  if (target.defined()) part.target = rows.y().defined() ? part.rows.y : rowsAt(target, index);
  return part;
}

Trainer::Trainer(const Spec& a, Job& job)
    : model_(energyIn(a.at("energy"))),
      job_(job),
      objective_(makeObjective(a.at("objective"))),
      data_(TrainingData::read(a, *model_, *objective_)),
      options_(TrainOptions::read(a, data_.rows.size())),
      random_(options_.seed),
      energy_("energy", model_, a.at("optimizer"), options_.seed,
              {options_.clipNorm, options_.ema, options_.emaWarmup}),
      scalarOptimizer_(makeOptimizer(a.at("optimizer"), false)),
      batches_(data_.rows.size(), options_.batchSize, random_),
      recovery_(options_.recovery),
      monitors_(options_.steps, options_.historyPoints),
      probe_(model_->domain(), data_.rows, options_.seed, options_.steps),
      limits_(options_.steps, samplerOf(a.at("objective")).get(), model_->inputWidth()),
      boxed_(isBoxed(a.at("objective"))) {
  giveNetworks(a, *objective_);
  if (data_.unlabelled) {
    objective_->takeUnlabelled(*data_.unlabelled);
    unlabelledBatches_.emplace(data_.unlabelled->size(), options_.batchSize, random_.fork(Salt::Unlabelled));
  }
  objective_->prepare(*model_, data_.rows, data_.target, random_);
  context_ = std::make_unique<TrainingStep>(*model_, random_, job_, options_.threads, objective_->learnableScalars());
  context_->take(*objective_, optimizersOf(a, *objective_));
  context_->spread = data_.rows.spread();
  if (const auto held = a.find("validation"))
    validation_ = std::make_unique<Validation>(*held, a.at("objective"), *objective_, *model_, random_, job_,
                                               options_.threads, options_.steps);
  if (const auto resume = a.find("resume")) restore(*resume);
}

Value Trainer::run() {
  // Tiles of a step are not aborted: the checkpoint below must find a step done whole or not begun.
  const JobScope wholeSteps(nullptr);
  // A step of a small network is mostly small tensor operations: recording a report of each would be a waste.
  const at::DisableRecordFunctionGuard unobserved;
  start_ = lastProgress_ = lastEpoch_ = Clock::now();
  resumedAt_ = done_;
  try {
    while (done_ < options_.steps && !(validation_ && validation_->stopped())) {
      job_.check();
      if (recovery_.due(done_)) recovery_.keep(done_, savedState());
      try {
        step(done_);
      } catch (const Error& error) {
        if (!recovery_.takes(error)) throw recovery_.exhausted(error);
        recover(error);
        continue;
      }
      const bool due = options_.every > 0 && done_ % options_.every == 0;
      const bool asked = job_.takeCheckpointRequest();
      if ((due && options_.checkpoints) || asked) emitCheckpoint();
    }
  } catch (const Error& error) {
    // An objective changes its state only after its last abortable call, so what is there is step done_ exactly.
    if (error.code == Code::Aborted && options_.checkpoints) emitCheckpoint();
    throw;
  }
  if (options_.checkpoints) emitCheckpoint();
  return result();
}

Batch Trainer::unlabelledBatch(std::int64_t s) {
  Batch part = data_.unlabelled->select(unlabelledBatches_->rows(s));
  part.x = data_.unlabelled->augmented(part.x, static_cast<std::uint64_t>(s), random_.fork(Salt::Unlabelled));
  return part;
}

void Trainer::step(std::int64_t s) {
  const TrainingData::Step batch = data_.select(batches_.rows(s), s, random_);
  context_->begin(s, options_.steps, batch.rows, batch.target);
  if (unlabelledBatches_) context_->unlabelled = unlabelledBatch(s);
  TrainingStep::Result result = context_->run(*objective_, options_.penalties);
  for (const auto& [name, value] : result.monitors) monitors_.add(name, value);
  monitors_.add("loss", result.loss);
  update(result, s);
  ++done_;
  if (done_ == options_.steps && objective_->traits().negativesOfModel)
    negatives_ = negativesIn(result.rows, unlabelledBatches_ ? context_->unlabelled.x : batch.rows.x);
  probe_.measure(*model_, s, options_.threads, monitors_);
  if (validation_) validation_->measure(done_, energy_, *context_, monitors_);
  limits_.observe(monitors_.latest(), s, context_->warnings());
  monitors_.endStep(s);
  endEpochs(s);
  report(s, result.loss);
}

void Trainer::update(const TrainingStep::Result& result, std::int64_t s) {
  at::NoGradGuard guard;
  const double norm = normOf(result.gradient);
  requireWithinLimits(result, norm, s);
  const double lr = energy_.learningRate(s, options_.steps);
  // Weights, what belongs to them and their average change together for who takes a snapshot.
  const std::lock_guard whole(model_->inTraining().mutex);
  energy_.update(result.gradient, norm, s, options_.steps);
  if (!context_->scalarNames().empty()) {
    scalarOptimizer_->step(context_->learnableScalars(), result.scalarGradient, lr * options_.extraLr);
    for (std::size_t i = 0; i < context_->scalarNames().size(); ++i)
      monitors_.add(context_->scalarNames()[i],
                    context_->learnableScalars()[static_cast<std::int64_t>(i)].item<double>());
  }
  const double parameterNorm = normOf(model_->parameters().flat());
  requireConverging(parameterNorm, s, "parameterNorm");
  monitors_.add("gradientNorm", norm);
  monitors_.add("parameterNorm", parameterNorm);
  monitors_.add("lr", lr);
  energy_.average(s);
}

void Trainer::requireWithinLimits(const TrainingStep::Result& result, double norm, std::int64_t s) const {
  requireConverging(norm, s, "gradientNorm");
  if (result.scalarGradient.numel() > 0)
    requireConverging(result.scalarGradient.norm().item<double>(), s, "extraGradient");
  const auto gap = result.monitors.find("gap");
  if (gap != result.monitors.end() && std::abs(gap->second) > options_.gapLimit)
    diverged(s, "gap", gap->second,
             "the energy gap between negatives and data is " + std::to_string(gap->second) +
                 ", beyond divergence.gap = " + std::to_string(options_.gapLimit));
}

void Trainer::report(std::int64_t s, double loss) {
  const auto now = Clock::now();
  const bool last = s + 1 == options_.steps;
  if (!last && secondsBetween(lastProgress_, now) < 0.05) return;
  lastProgress_ = now;
  const double seconds = secondsBetween(start_, now);
  const double perSecond = static_cast<double>(done_ - resumedAt_) / std::max(seconds, 1e-9);
  Map progress{{"step", done_},
               {"steps", options_.steps},
               {"loss", loss},
               {"seconds", seconds},
               {"stepsPerSecond", perSecond},
               {"secondsLeft", static_cast<double>(options_.steps - done_) / perSecond}};
  for (const auto& [name, value] : monitors_.latest()) progress.try_emplace(name, value);
  job_.progress(std::move(progress));
}

// Epochs that end faster than 20 per second are reported together: the number says how many have passed.
void Trainer::endEpochs(std::int64_t s) {
  const std::int64_t epoch = batches_.epochs(s + 1);
  if (epoch == batches_.epochs(s)) return;
  const auto now = Clock::now();
  if (secondsBetween(lastEpoch_, now) < 0.05 && s + 1 < options_.steps) return;
  lastEpoch_ = now;
  job_.emit({{"type", "epoch"}, {"epoch", epoch}, {"step", s + 1}, {"loss", monitors_.latest().at("loss")}});
}

// Of the weights the model ends with.
Map Trainer::finalChecks() const {
  const bool everywhere = objective_->traits().everywhere && !boxed_;
  // Rows whose density it is.
  const RowSource rows = data_.unlabelled                ? *data_.unlabelled
                         : objective_->traits().marginal ? data_.rows.with({})
                                                         : data_.rows;
  return {{"tails", everywhere ? tailsOf(*model_, rows, options_.seed, options_.threads) : Value()},
          {"negatives", negatives_.defined() ? negativesAgainstData(negatives_, rows, options_.seed) : Value()}};
}

Value Trainer::result() {
  Map raw, extras;
  if (energy_.averaged().defined()) {
    for (auto& [name, tensor] : model_->parameters().named()) raw.emplace(name, box(tensor));
    energy_.useAverage();
  }
  if (validation_) validation_->useBest(*context_);
  for (std::size_t i = 0; i < context_->scalarNames().size(); ++i)
    extras.emplace(context_->scalarNames()[i],
                   context_->learnableScalars()[static_cast<std::int64_t>(i)].item<double>());
  Map result{{"history", monitors_.history()},
             {"steps", done_},
             {"seconds", secondsBetween(start_, Clock::now())},
             {"extras", extras},
             {"networks", weightsOf(objective_->networks())},
             {"statistics", objective_->statistics()},
             {"warnings", context_->warnings().list()},
             {"recoveries", recovery_.list()},
             {"checks", finalChecks()}};
  if (!raw.empty()) result.emplace("rawParameters", raw);
  if (validation_) result.emplace("validation", validation_->result());
  return result;
}

}  // namespace langevin
