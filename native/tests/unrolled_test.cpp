// Unrolled inner loops on E(x, y) = (y - W x)' A (y - W x) / 2 against closed forms: with M = I - a A,
// y_K = W x + M^K (y_0 - W x).
#include "gradients/tape.hpp"
#include "tape_support.hpp"
#include "training_support.hpp"

namespace langevin::unrolled_test {

using namespace langevin::test;
using namespace langevin::tape_support;

namespace {

constexpr double kStep = 0.15;

at::Tensor power(const at::Tensor& m, std::int64_t k) { return at::linalg_matrix_power(m, k); }

struct Case {
  EnergyRef energy = energyWith(quadraticInY(3), at::kDouble);
  at::Tensor x = normal(600, 3, 1), y = normal(600, 3, 2), outer = normal(600, 3, 4);
  at::Tensor w = named(*energy, "0.weight"), a = named(*energy, "a");
  at::Tensor m = at::eye(3, at::kDouble) - kStep * a;
  at::Tensor start() const { return y - x.mm(w.t()); }  // y_0 - W x, rows
  at::Tensor after(std::int64_t k) const { return x.mm(w.t()) + start().mm(power(m, k)); }
};

// d/dA of sum_i c_i . M^K r_i, M = I - a A symmetric.
at::Tensor gradientInA(const Case& c, std::int64_t steps, const at::Tensor& outer) {
  at::Tensor sum = at::zeros({3, 3}, at::kDouble);
  for (std::int64_t j = 0; j < steps; ++j)
    sum = sum - kStep * power(c.m, j).mm(outer.t().mm(c.start())).mm(power(c.m, steps - 1 - j));
  return (sum + sum.t()) / 2;
}

TEST(a_quadratic_is_descended_in_closed_form) {
  const Case c;
  for (const std::int64_t steps : {1, 2, 5, 20}) {
    Tape tape(*c.energy, 2);
    const at::Tensor value =
        tape.record(unrolled({.steps = steps, .stepSize = kStep}), {c.x, c.y}, {.x = true, .y = true});
    CHECK(apart(value, c.after(steps)) < 1e-13);
    const Tape::Gradients g = tape.backward((value * c.outer).sum(), {});
    const at::Tensor left = at::eye(3, at::kDouble) - power(c.m, steps);
    CHECK(apart(partOf(*c.energy, g.parameters, "0.weight"), left.mm(c.outer.t().mm(c.x))) < 1e-12);
    CHECK(apart(partOf(*c.energy, g.parameters, "a"), gradientInA(c, steps, c.outer)) < 1e-12);
    CHECK(apart(g.inputs[0].y, c.outer.mm(power(c.m, steps))) < 1e-12);
    CHECK(apart(g.inputs[0].x, c.outer.mm(left).mm(c.w)) < 1e-12);
  }
}

TEST(every_step_is_there_on_request) {
  const Case c;
  Tape tape(*c.energy, 3);
  const at::Tensor value = tape.record(unrolled({.steps = 4, .stepSize = kStep, .everyStep = true}), {c.x, c.y});
  CHECK(value.sizes().equals({600, 4, 3}));
  at::Tensor expected = at::zeros({3, 3}, at::kDouble);
  for (std::int64_t k = 1; k <= 4; ++k) {
    CHECK(apart(value.select(1, k - 1), c.after(k)) < 1e-13);
    expected = expected + gradientInA(c, k, k * c.outer);
  }
  const at::Tensor factors = at::arange(1, 5, at::kDouble).view({1, 4, 1});
  const Tape::Gradients g = tape.backward((value * factors * c.outer.unsqueeze(1)).sum(), {});
  CHECK(apart(partOf(*c.energy, g.parameters, "a"), expected) < 1e-12);
}

// The control: with steps that start from constants the gradient is that of the last update alone.
TEST(detached_steps_give_another_gradient) {
  const Case c;
  const std::int64_t steps = 5;
  Tape tape(*c.energy, 2);
  const at::Tensor value =
      tape.record(unrolled({.steps = steps, .stepSize = kStep, .throughSteps = false}), {c.x, c.y});
  CHECK(apart(value, c.after(steps)) < 1e-13);
  const at::Tensor found = partOf(*c.energy, tape.backward((value * c.outer).sum(), {}).parameters, "a");
  const at::Tensor last = -kStep * c.outer.t().mm(c.start().mm(power(c.m, steps - 1)));
  CHECK(apart(found, (last + last.t()) / 2) < 1e-12);
  CHECK(apart(found, gradientInA(c, steps, c.outer)) > 0.1);
}

TEST(a_step_size_can_be_learned) {
  const Case c;
  const std::int64_t steps = 4;
  const at::Tensor size = at::full({}, kStep, at::kDouble).requires_grad_(true);
  Tape tape(*c.energy, 2);
  const at::Tensor value = tape.record(unrolled({.steps = steps, .stepSizes = size.expand({600})}), {c.x, c.y});
  CHECK(apart(value, c.after(steps)) < 1e-13);
  const Tape::Gradients g = tape.backward((value * c.outer).sum(), {size});
  // dM^K/da = -K A M^(K-1)
  const at::Tensor bend = -steps * c.a.mm(power(c.m, steps - 1));
  CHECK_NEAR(g.extras[0].item<double>(), (c.start().mm(bend) * c.outer).sum().item<double>(), 1e-11);
  CHECK(apart(partOf(*c.energy, g.parameters, "a"), gradientInA(c, steps, c.outer)) < 1e-12);
}

TEST(descent_in_x_ends_at_the_minimum) {
  const EnergyRef energy = gaussianEnergy({{1.5, 0.2}, {0.2, 0.8}});
  const at::Tensor x = normal(20, 2, 1), p = at::tensor({1.5, 0.2, 0.2, 0.8}, at::kDouble).view({2, 2});
  Tape tape(*energy, 1);
  const at::Tensor value = tape.record(unrolled({.steps = 80, .stepSize = 0.5, .wrt = Wrt::X}), {x, {}});
  CHECK(value.abs().max().item<double>() < 1e-12);
  const Tape::Gradients g = tape.backward(value.sum(), {});
  // Where x_K is the mean m, dx_K/dm = I.
  CHECK(apart(partOf(*energy, g.parameters, "mean"), at::full({2}, 20.0, at::kDouble)) < 1e-12);
}

// Targets y* of rows x, answered by K steps from zero: the loss an energy-based answer is trained with.
class AnswerLoss : public Objective {
 public:
  at::Tensor loss(StepContext& context) override {
    const Batch from{context.batch.x, at::zeros_like(context.batch.y)};
    const at::Tensor sizes = context.learnableScalar("stepSize").expand({from.size()});
    const at::Tensor answer = context.record(unrolled({.steps = 3, .stepSizes = sizes}), std::vector<Batch>{from})[0];
    return (answer - context.batch.y).square().mean();
  }
  std::map<std::string, double> learnableScalars() const override { return {{"stepSize", 0.3}}; }
};

TEST(an_objective_trains_through_its_own_inner_loop) {
  const EnergyRef energy = energyFrom({{"kind", "conditional"}, {"input", 2}, {"condition", 2}, {"hidden", List{8}}});
  const Random random(3);
  Job job;
  AnswerLoss objective;
  TrainingStep step(*energy, random, job, 2, objective.learnableScalars());
  const at::Tensor x = normal(50, 2, 1), flat = energy->parameters().flat();
  const auto run = [&] {
    step.begin(0, 1, {x, x.square()}, {});
    return step.run(objective, {});
  };
  const TrainingStep::Result r = run();
  const at::Tensor gradient = r.gradient.clone();
  const auto difference = [&](const at::Tensor& number) {
    const double value = number.item<double>();
    number.fill_(value + 1e-5);
    const double up = run().loss;
    number.fill_(value - 1e-5);
    const double down = run().loss;
    number.fill_(value);
    return (up - down) / 2e-5;
  };
  for (std::int64_t i = 0; i < flat.numel(); ++i) CHECK_NEAR(gradient[i].item<double>(), difference(flat[i]), 1e-9);
  CHECK_NEAR(r.scalarGradient[0].item<double>(), difference(step.learnableScalars()[0]), 1e-9);
  double last = r.loss;
  for (int s = 0; s < 60; ++s) {
    const TrainingStep::Result now = run();
    flat.sub_(now.gradient * 0.5);
    last = now.loss;
  }
  CHECK(last < 0.9 * r.loss);
}

}  // namespace
}  // namespace langevin::unrolled_test
