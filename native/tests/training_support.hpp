// What the tests of objectives and training share: energies from specs, exactly standardised Gaussian rows, calls of
// the core's functions with their results unpacked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api.hpp"
#include "check.hpp"
#include "energies/energy.hpp"
#include "objectives/from_parts.hpp"
#include "optimizers/optimizer.hpp"
#include "samplers/sampler.hpp"
#include "tensors/tensor.hpp"
#include "training/step.hpp"

namespace langevin::test {

inline EnergyRef energyFrom(Map spec, at::ScalarType dtype = at::kDouble, std::uint64_t seed = 11) {
  const Value value(std::move(spec));
  return makeEnergy(Spec(value, "energy"), dtype, at::kCPU, seed);
}

inline EnergyRef gaussianEnergy(const std::vector<std::vector<double>>& precision) {
  List mean, rows;
  for (const auto& numbers : precision) {
    List row;
    for (double v : numbers) row.emplace_back(v);
    rows.emplace_back(std::move(row));
    mean.emplace_back(0.0);
  }
  return energyFrom({{"kind", "gaussian"}, {"mean", mean}, {"precision", rows}, {"learnable", true}});
}

inline EnergyRef mlpEnergy(const char* activation, at::ScalarType dtype = at::kDouble) {
  return energyFrom(
      {{"kind", "mlp"}, {"input", 2}, {"hidden", List{7, 6}}, {"activation", activation}, {"gaussianBase", 2.0}},
      dtype);
}

/// The multilayer perceptrons whose scores have a path by hand: every smooth activation, base and depth.
inline std::vector<Map> chainSpecs(std::int64_t input) {
  std::vector<Map> specs;
  for (const char* activation : {"silu", "tanh", "sigmoid", "softplus", "gelu"})
    specs.push_back({{"kind", "mlp"}, {"input", input}, {"hidden", List{7, 36}}, {"activation", activation}});
  const Map plain{{"kind", "mlp"}, {"input", input}, {"hidden", List{6, 5, 4}}};
  specs.push_back(plain);
  for (const auto& [key, value] : std::vector<std::pair<const char*, Value>>{
           {"inputScale", 4.0}, {"gaussianBase", 2.0}, {"gaussianBase", "full"}}) {
    Map spec = plain;
    spec[key] = value;
    specs.push_back(spec);
  }
  specs.push_back({{"kind", "mlp"}, {"input", input}, {"hidden", List{}}, {"gaussianBase", 1.5}});
  const List unbiased{Map{{"kind", "linear"}, {"out", 5}, {"bias", false}}, Map{{"kind", "activation"}},
                      Map{{"kind", "linear"}, {"out", 1}, {"bias", false}}};
  specs.push_back({{"kind", "sequential"}, {"input", input}, {"layers", unbiased}});
  return specs;
}

/// n rows whose mean is 0 and whose covariance (divisor n) is `covariance`, both to rounding.
inline at::Tensor gaussianRows(const at::Tensor& covariance, std::int64_t n) {
  const std::int64_t d = covariance.size(0);
  at::Tensor x = Random(77).normal(n, d, 0, Stream::Data, at::TensorOptions(at::kDouble));
  x = x - x.mean(0, true);
  const at::Tensor factor = at::linalg_cholesky(x.t().matmul(x) / static_cast<double>(n));
  const at::Tensor white = at::linalg_solve_triangular(factor, x.t(), false);
  return at::linalg_cholesky(covariance).matmul(white).t().contiguous();
}

inline std::shared_ptr<const Sampler> makeSamplerFrom(Map spec) {
  const Value value(std::move(spec));
  return makeSampler(Spec(value, "sampler"));
}

inline std::unique_ptr<Objective> makeObjectiveFrom(Map spec) {
  const Value value(std::move(spec));
  return makeObjective(Spec(value, "objective"));
}

/// Adam with a learning rate that decays along a cosine.
inline Map adam(double from, double to) {
  return {{"kind", "adam"}, {"lr", Map{{"kind", "cosine"}, {"from", from}, {"to", to}}}};
}

inline std::map<std::string, at::Tensor> tensorsOf(const Value& value) {
  std::map<std::string, at::Tensor> result;
  for (const auto& [name, entry] : *value.map()) result.emplace(name, unbox(*entry.get<TensorRef>()));
  return result;
}

inline std::map<std::string, double> numbersOf(const Value& value) {
  std::map<std::string, double> result;
  for (const auto& [name, entry] : *value.map())
    if (const auto* v = entry.get<double>()) result.emplace(name, *v);
  return result;
}

inline std::map<std::string, at::Tensor> parametersOf(const Energy& energy) {
  std::map<std::string, at::Tensor> result;
  for (auto& [name, tensor] : energy.parameters().named()) result.emplace(name, tensor);
  return result;
}

struct Evaluation {
  double loss;
  std::map<std::string, at::Tensor> gradient;
  std::map<std::string, double> extras, extraGradient, monitors;
  std::vector<at::Tensor> rows;
};

/// `objective.evaluate`: one loss and its gradients, nothing trained.
inline Evaluation evaluate(const EnergyRef& energy, const at::Tensor& x, const Map& objective, int seed,
                           const at::Tensor& y = {}, const std::map<std::string, double>& extras = {},
                           const Map& penalties = {}) {
  Map extraValues;
  for (const auto& [name, value] : extras) extraValues.emplace(name, value);
  Map arguments{{"energy", energy}, {"x", box(x)},           {"objective", objective}, {"seed", seed},
                {"threads", 1},     {"extras", extraValues}, {"penalties", penalties}};
  if (y.defined()) arguments.emplace("y", box(y));
  Job job;
  const Value result = call("objective.evaluate", arguments, job);
  const Map& m = *result.map();
  Evaluation e;
  e.loss = *m.at("loss").get<double>();
  e.gradient = tensorsOf(m.at("gradient"));
  e.extras = numbersOf(m.at("extras"));
  e.extraGradient = numbersOf(m.at("extraGradient"));
  e.monitors = numbersOf(m.at("monitors"));
  for (const Value& entry : *m.at("rows").list()) e.rows.push_back(unbox(*entry.map()->at("x").get<TensorRef>()));
  return e;
}

/// A job that keeps what the run emits.
struct RecordingJob : Job {
  std::vector<Map> events;
  void emit(Map event) override { events.push_back(std::move(event)); }
  std::vector<Map> checkpoints() const {
    std::vector<Map> result;
    for (const Map& e : events)
      if (*e.at("type").get<std::string>() == "checkpoint") result.push_back(e);
    return result;
  }
};

struct Trained {
  std::map<std::string, at::Tensor> parameters;
  std::map<std::string, double> extras, monitors;  // monitors of the last history point
  Value result;
};

/// `train` on all rows; what the energy holds afterwards.
inline Trained train(const EnergyRef& energy, const at::Tensor& x, Map options, Job& job) {
  options["energy"] = energy;
  options["x"] = box(x);
  options.try_emplace("threads", 1);
  Trained t;
  t.result = call("train", options, job);
  t.parameters = parametersOf(*energy);
  t.extras = numbersOf(t.result.map()->at("extras"));
  const List& history = *t.result.map()->at("history").list();
  if (!history.empty()) t.monitors = numbersOf(history.back());
  return t;
}
inline Trained train(const EnergyRef& energy, const at::Tensor& x, Map options) {
  Job job;
  return train(energy, x, std::move(options), job);
}

/// Plain gradient descent on all rows, and the mean of the weights over the last three quarters of the steps (Polyak
/// and Juditsky 1992): its scatter about the root is that of the mean gradient noise divided by the slope.
inline at::Tensor descend(const EnergyRef& energy, Objective& objective, const at::Tensor& x, double lr, int steps) {
  const Random random(9);
  Job job;
  const Batch rows = energy->rows(x, {});
  objective.prepare(*energy, rows, {}, random);
  TrainingStep step(*energy, random, job, 1, objective.learnableScalars());
  const at::Tensor flat = energy->parameters().flat();
  at::Tensor sum = at::zeros_like(flat);
  for (int s = 0; s < steps; ++s) {
    step.begin(s, steps, rows, {});
    const TrainingStep::Result r = step.run(objective, {});
    at::NoGradGuard guard;
    flat.sub_(r.gradient * lr);
    if (4 * s >= steps) sum.add_(flat);
  }
  return sum / (steps - (steps + 3) / 4);
}

/// Five steps of training in float32 end at the same bits with one thread and with three.
inline void checkSameAtAnyThreads(const at::Tensor& x, const Map& objective, std::int64_t batchSize) {
  std::vector<at::Tensor> weights;
  for (int threads : {1, 3}) {
    const EnergyRef energy = mlpEnergy("silu", at::kFloat);
    train(energy, x,
          {{"objective", objective},
           {"optimizer", adam(0.02, 0.001)},
           {"steps", 5},
           {"batchSize", batchSize},
           {"threads", threads}});
    weights.push_back(energy->parameters().flat().clone());
  }
  CHECK(weights[0].equal(weights[1]));
}

}  // namespace langevin::test
