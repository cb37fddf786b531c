// A step in which the objective trains a generator through the energy: the gradients are those of autograd over both
// networks, and a loss that would drop one of them is refused.
#include "objectives/trainable.hpp"
#include "tape_support.hpp"
#include "training/step.hpp"
#include "training_support.hpp"

namespace langevin::role_step_test {

using namespace langevin::test;
using namespace langevin::tape_support;

namespace {

// The energy falls on data and rises on g(z); the generator follows the energy down: min E(g(z)).
class Adversarial : public Objective {
 public:
  enum class Slip { None, NoDetach, NotListed };
  Adversarial(at::Tensor z, Slip slip) : z_(std::move(z)), slip_(slip) {}

  std::vector<Role> roles() const override { return {{"generator", Map{{"kind", "sgd"}, {"lr", 1.0}}}}; }
  at::Tensor loss(StepContext& context) override {
    const at::Tensor made = context.tape("generator").record(kOutputs, {z_, {}});
    if (slip_ == Slip::NoDetach) return context.energy(context.batch).mean() - context.energy({made, {}}).mean();
    const at::Tensor data = context.energy(context.batch), negatives = context.energy({made.detach(), {}});
    const at::Tensor through = context.record(kEnergy, {{made, {}}}, {.parameters = false})[0].mean();
    const std::vector<std::string> both{"generator", "energy"}, one{"generator"};
    generator = context.backward(through, slip_ == Slip::NotListed ? one : both).parameters[0].clone();
    context.update("generator", generator);
    return data.mean() - negatives.mean();
  }

  at::Tensor generator;  // its last gradient

 private:
  at::Tensor z_;
  Slip slip_;
};

struct Outcome {
  at::Tensor energy, generator, before, after;
};

struct Case {
  NetworkRef g = networkWith(generator(2, 11, 3), at::kDouble, 5);
  EnergyRef energy = energyWith(network("silu", 3, {9, 8}), at::kDouble, 7);
  at::Tensor z = normal(70, 2, 1), data = normal(50, 3, 3);

  Outcome run(Adversarial::Slip slip = Adversarial::Slip::None) const {
    Adversarial objective(z, slip);
    objective.give("generator", g);
    const Random random(3);
    Job job;
    TrainingStep step(*energy, random, job, 2, {});
    step.take(objective);
    step.begin(0, 1, {data, {}}, {});
    const at::Tensor before = g->parameters().flat().clone();
    const TrainingStep::Result result = step.run(objective, {});
    return {result.gradient.clone(), objective.generator, before, g->parameters().flat().clone()};
  }
};

TEST(a_generator_and_an_energy_against_each_other) {
  const Case c;
  const auto ofG = c.g->parameters().leaves(), ofE = c.energy->parameters().leaves();
  const at::Tensor made = c.g->evaluateWith(ofG, {c.z, {}}, {}).outputs;
  const auto at = [&](const at::Tensor& x) { return c.energy->evaluateWith(ofE, {x, {}}, {}).energy.mean(); };
  const at::Tensor energy = flatGradient(at(c.data) - at(made.detach()), ofE), generator = flatGradient(at(made), ofG);
  const Outcome found = c.run();
  CHECK(apart(found.energy, energy) < 1e-12);
  CHECK(apart(found.generator, generator) < 1e-12 && generator.abs().sum().item<double>() > 1e-3);
  CHECK(apart(found.after, found.before - generator) < 1e-12);
}

TEST(a_gradient_that_would_be_dropped_is_refused) {
  const auto refusal = [](Adversarial::Slip slip) {
    try {
      Case().run(slip);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refusal(Adversarial::Slip::NoDetach).find("a record of 'generator', whose gradient was not") !=
        std::string::npos);
  CHECK(refusal(Adversarial::Slip::NotListed).find("a record of 'energy', whose gradient was not") !=
        std::string::npos);
}

}  // namespace
}  // namespace langevin::role_step_test
