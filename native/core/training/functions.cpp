// train, and an objective looked at alone: its loss and gradients on given rows.
#include "base/function.hpp"

#include "objectives/monitor_table.hpp"
#include "objectives/support.hpp"
#include "tensors/tensor.hpp"
#include "training/trainer.hpp"

namespace langevin {
namespace {

// { energy, x, y?, unlabelled?, objective, optimizer, steps | epochs, batchSize?, seed?, ema?, clipNorm?, penalties?,
//   divergence?: { gap?, recover? },
//   extraLr?, checkpoints?, every?, threads?, historyPoints?, resume?: { tensors, data },
//   validation?: { x, y?, every, patience? } }
Value train(const Spec& a, Job& job) { return Trainer(a, job).run(); }

// One flat gradient as { name: tensor }.
Map namedGradient(const Parameters& parameters, const at::Tensor& flat) {
  Map result;
  std::int64_t offset = 0;
  for (const ParameterInfo& info : parameters.info()) {
    if (!info.learnable) continue;
    std::int64_t n = 1;
    for (std::int64_t s : info.shape) n *= s;
    result.emplace(info.name, box(flat.slice(0, offset, offset + n).view(info.shape).clone()));
    offset += n;
  }
  return result;
}

// { energy, x, y?, unlabelled?, objective, seed?, step?, steps?, penalties?, threads?, extras?: { name: number } }
// -> { loss, gradient: { name: tensor }, extras, extraGradient, monitors, rows: [{ x, y? }], networks, warnings }
// The whole of x is the batch; the parameters stay as they are. `rows` is what the objective evaluated the energy on,
// in order: data, negatives, corrupted rows.
Value evaluateObjective(const Spec& a, Job& job) {
  const EnergyRef model = energyIn(a.at("energy"));
  requireLearnable("energy", *model);
  const auto objective = makeObjective(a.at("objective"));
  const TrainingData data = TrainingData::read(a, *model, *objective);
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  giveNetworks(a, *objective);
  if (data.unlabelled) objective->takeUnlabelled(*data.unlabelled);
  objective->prepare(*model, data.rows, data.target, random);
  std::map<std::string, double> extras = objective->learnableScalars();
  if (const auto given = a.find("extras"))
    for (auto& [name, value] : extras) value = given->number(name, value);
  TrainingStep step(*model, random, job, a.threads(), extras);
  const std::int64_t at = a.count("step", 0, 0);
  const TrainingData::Step batch = data.select(at::arange(data.rows.size(), at::kLong), at, random);
  step.begin(at, a.count("steps", 1, 1), batch.rows, batch.target);
  if (data.unlabelled) step.unlabelled = data.unlabelled->select(at::arange(data.unlabelled->size(), at::kLong));
  const TrainingStep::Result result = step.run(*objective, Penalties::read(a));
  Map extraValues, extraGradient, monitors;
  for (std::size_t i = 0; i < step.scalarNames().size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    extraValues.emplace(step.scalarNames()[i], step.learnableScalars()[k].item<double>());
    extraGradient.emplace(step.scalarNames()[i], result.scalarGradient[k].item<double>());
  }
  for (const auto& [name, value] : result.monitors) monitors.emplace(name, value);
  List rows;
  for (const Batch& r : result.rows) {
    Map entry{{"x", box(model->input().view(r.x))}};
    if (r.y.defined()) entry.emplace("y", box(r.y));
    rows.emplace_back(std::move(entry));
  }
  return Map{{"loss", result.loss},
             {"gradient", namedGradient(model->parameters(), result.gradient)},
             {"extras", extraValues},
             {"extraGradient", extraGradient},
             {"monitors", monitors},
             {"rows", rows},
             {"networks", weightsOf(objective->networks())},
             {"warnings", step.warnings().list()}};
}

// { optimizer, parameters: [P], gradients: [T, P] } -> [T, P]: the parameters after each step
Value trajectory(const Spec& a, Job&) {
  const Spec spec = a.at("optimizer");
  const auto optimizer = makeOptimizer(spec);
  const Schedule lr = learningRate(spec);
  const at::Tensor parameters = unbox(a.at("parameters")).clone();
  const at::Tensor gradients = unbox(a.at("gradients")).to(parameters.options());
  if (parameters.dim() != 1 || gradients.dim() != 2 || gradients.size(1) != parameters.size(0))
    fail(Code::Shape, "parameters must be [P] and gradients [T, P], got ", c10::str(parameters.sizes()), " and ",
         c10::str(gradients.sizes()));
  at::NoGradGuard guard;
  at::Tensor path = at::empty_like(gradients);
  for (std::int64_t t = 0; t < gradients.size(0); ++t) {
    optimizer->step(parameters, gradients[t], lr.at(t, gradients.size(0)));
    path[t].copy_(parameters);
  }
  return box(path);
}

// { rows, batchSize, seed, steps } -> int64 [steps, batchSize]: the rows every step of a run sees
Value batchRows(const Spec& a, Job&) {
  Batches batches(a.count("rows"), a.count("batchSize"), Random(a.at("seed").seed()));
  std::vector<at::Tensor> steps;
  for (std::int64_t s = 0; s < a.count("steps"); ++s) steps.push_back(batches.rows(s));
  return box(at::stack(steps));
}

// {} -> [{ name, side, limit, code, severity, reading, remedy }]: the monitors of a run, with the limits of warnings
Value monitorRows(const Spec&, Job&) { return describeMonitors(); }

}  // namespace

const std::vector<Function>& trainingFunctions() {
  static const std::vector<Function> table = {
      {"train", Lane::Queued, train},
      {"objective.evaluate", Lane::Queued, evaluateObjective},
      {"optimizer.trajectory", Lane::Short, trajectory},
      {"training.batches", Lane::Short, batchRows},
      {"training.monitors", Lane::Immediate, monitorRows},
  };
  return table;
}

}  // namespace langevin
