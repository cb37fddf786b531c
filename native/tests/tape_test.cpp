// Records of a tape: gradients in the rows, quantities of a test's own, refusals, and which path a record takes.
#include "gradients/tape.hpp"

#include "tape_support.hpp"
#include "training_support.hpp"

namespace langevin::tape_test {

using namespace langevin::test;
using namespace langevin::tape_support;

namespace {

// One record and its gradients for sum outer . value.
struct Found {
  at::Tensor value, parameters;
  Batch inputs;
};

Found found(const Network& network, const Quantity& quantity, const Batch& rows, const at::Tensor& outer,
            Differentiable wanted, int threads = 2) {
  Tape tape(network, threads);
  tape.begin(4, 0);
  const at::Tensor leaf = tape.record(quantity, rows, wanted);
  const Tape::Gradients g = tape.backward((leaf * outer).sum(), {});
  return {leaf.detach(), g.parameters.clone(), g.inputs.empty() ? Batch{} : g.inputs[0]};
}

// The same by autograd on the whole, in float64.
Found whole(const Network& network, const Quantity& quantity, const Batch& rows, const at::Tensor& outer) {
  const at::AutoGradMode enable(true);
  const Network wide(network.program(), at::kDouble, at::kCPU, 3);
  {
    const at::NoGradGuard guard;
    for (std::size_t i = 0; i < wide.parameters().tensors().size(); ++i)
      wide.parameters().tensors()[i].copy_(network.parameters().tensors()[i]);
  }
  Batch r{rows.x.detach().to(at::kDouble, false, true).requires_grad_(true), rows.y};
  if (r.y.defined() && r.y.is_floating_point()) r.y = r.y.detach().to(at::kDouble, false, true).requires_grad_(true);
  const std::vector<at::Tensor> leaves = wide.parameters().leaves();
  const at::Tensor value = quantity.plain(Evaluator(wide, leaves, quantity.perRow, {}), r);
  const at::Tensor loss = (value * outer.to(at::kDouble)).sum();
  Found f{value.detach(), flatGradient(loss, leaves), {}};
  f.inputs.x = torch::autograd::grad({loss}, {r.x}, {}, true)[0];
  if (r.y.defined() && r.y.requires_grad()) f.inputs.y = torch::autograd::grad({loss}, {r.y}, {}, true)[0];
  return f;
}

std::vector<Program> programs() {
  std::vector<Program> all{residualConditional(), continuousConditional(), classifier(), expression(), gaussian()};
  for (const char* activation : {"silu", "relu", "tanh"}) all.push_back(network(activation, 3, {7, 6}));
  all.push_back(network("gelu", 20, {33}));
  all.push_back(generator(3, 12, 5));
  return all;
}

Quantity squaredScore() {
  return {.name = "squared norm of the score",
          .plain = [](const Evaluator& e, const Batch& rows) { return e.gradient(rows).square().sum(1); },
          .needs = {.smooth = true}};
}

TEST(gradients_in_x_of_a_gaussian_are_its_own) {
  const at::Tensor mean = at::tensor({0.5, -1.0, 0.25}, at::kDouble);
  const at::Tensor precision = at::tensor({2.0, 0.3, 0.1, 0.3, 1.0, -0.2, 0.1, -0.2, 1.5}, at::kDouble).view({3, 3});
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    const EnergyRef energy = energyWith(gaussian(), dtype);
    const at::Tensor x = normal(700, 3, 1, dtype), outer = normal(700, 1, 2, dtype).squeeze(1);
    const Found f = found(*energy, kEnergy, {x, {}}, outer, {.x = true});
    const at::Tensor expected = outer.to(at::kDouble).unsqueeze(1) * (x.to(at::kDouble) - mean).mm(precision);
    CHECK(apart(f.inputs.x, expected) < (dtype == at::kDouble ? 1e-14 : 1e-6));
    CHECK(!f.inputs.y.defined());
  }
}

TEST(fused_gradients_in_x_equal_autograd) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble})
    for (const Program& program : programs()) {
      // Sums over 700 rows of numbers of order one, in float32 and in float64.
      const double bound = dtype == at::kFloat ? 2e-5 : 1e-12;
      const NetworkRef net = networkWith(program, dtype);
      Tape tape(*net, 1);
      for (const Quantity* quantity : {&kEnergy, &kOutputs}) {
        if ((quantity == &kOutputs ? program.outputs : program.energy) < 0) continue;
        CHECK(tape.explain(*quantity, {.x = true}) == "fused kernels");
        for (const bool conditioned : {false, true}) {
          if (conditioned != (program.condition.kind != Condition::Kind::None) && !program.condition.optional) continue;
          for (const std::int64_t n : {1, 45, 700}) {
            const Batch rows = randomRows(program, n, 6, conditioned, dtype);
            const at::Tensor like = tape.record(*quantity, rows);
            const at::Tensor outer = normal(n, like.numel() / n, 2, dtype).view(like.sizes());
            const Found f = found(*net, *quantity, rows, outer, {.x = true});
            const Found exact = whole(*net, *quantity, rows, outer);
            CHECK(apart(f.inputs.x, exact.inputs.x) < bound);
            CHECK(apart(f.parameters, exact.parameters) < 2.5 * bound);
            // Asking for more changes nothing of what there was, and parameters may be left out.
            CHECK(f.parameters.equal(found(*net, *quantity, rows, outer, {}).parameters));
            const Found rowsAlone = found(*net, *quantity, rows, outer, {.parameters = false, .x = true});
            CHECK(f.inputs.x.equal(rowsAlone.inputs.x));
            CHECK(rowsAlone.parameters.abs().sum().item<double>() == 0);
          }
        }
      }
    }
}

TEST(gradients_in_x_and_y_equal_autograd_in_float64) {
  for (const Program& program : {continuousConditional(), quadraticInY(3)}) {
    const EnergyRef energy = energyWith(program, at::kDouble);
    const std::int64_t width = program.condition.width;
    const Batch rows{normal(600, program.inputWidth(), 1), normal(600, width, 7)};
    const InnerLoop loop{.steps = 3, .stepSize = 0.2};
    for (const Quantity& quantity : {kEnergy, kScore, squaredScore(), unrolled(loop)}) {
      Tape tape(*energy, 1);
      const at::Tensor like = tape.record(quantity, rows);
      const at::Tensor outer = normal(600, like.numel() / 600, 2).view(like.sizes());
      const Found f = found(*energy, quantity, rows, outer, {.x = true, .y = true});
      const Found exact = whole(*energy, quantity, rows, outer);
      CHECK(apart(f.value, exact.value) < 1e-13);
      CHECK(apart(f.inputs.x, exact.inputs.x) < 1e-12);
      CHECK(apart(f.inputs.y, exact.inputs.y) < 1e-12);
      CHECK(apart(f.parameters, exact.parameters) < 1e-12);
      const Found many = found(*energy, quantity, rows, outer, {.x = true, .y = true}, 3);
      CHECK(f.inputs.x.equal(many.inputs.x) && f.inputs.y.equal(many.inputs.y));
      CHECK(f.parameters.equal(many.parameters));
    }
  }
}

TEST(gradients_in_x_equal_finite_differences) {
  const EnergyRef energy = mlpEnergy("silu");
  const at::Tensor x = normal(5, 2, 1), v = normal(10, 2, 3).view({5, 2, 2}), outer = normal(5, 4, 2);
  const Quantity quantity = curvature(v);
  const auto lossAt = [&](const at::Tensor& at) {
    Tape tape(*energy, 1);
    const auto leaves = tape.record(quantity, std::vector<Batch>{{at, {}}}, {.x = true});
    return (at::cat(leaves, 1) * outer).sum().item<double>();
  };
  Tape tape(*energy, 1);
  const auto leaves = tape.record(quantity, std::vector<Batch>{{x, {}}}, {.x = true});
  const at::Tensor gradient = tape.backward((at::cat(leaves, 1) * outer).sum(), {}).inputs[0].x;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    at::Tensor up = x.clone(), down = x.clone();
    up.view({-1})[i] += 1e-5;
    down.view({-1})[i] -= 1e-5;
    CHECK_NEAR(gradient.reshape({-1})[i].item<double>(), (lossAt(up) - lossAt(down)) / 2e-5, 1e-8);
  }
}

TEST(a_quantity_of_ones_own_equals_autograd) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    const EnergyRef energy = mlpEnergy("tanh", dtype);
    const Batch rows{normal(900, 2, 1, dtype), {}};
    const at::Tensor outer = normal(900, 1, 2, dtype).squeeze(1);
    const Found f = found(*energy, squaredScore(), rows, outer, {}),
                exact = whole(*energy, squaredScore(), rows, outer);
    CHECK(apart(f.value, exact.value) < (dtype == at::kDouble ? 1e-13 : 1e-5));
    CHECK(apart(f.parameters, exact.parameters) < (dtype == at::kDouble ? 1e-12 : 1e-4));
    // The score as it is recorded, squared by the objective, has the same gradient.
    Tape tape(*energy, 2);
    const at::Tensor score = tape.record(kScore, rows);
    CHECK(apart(tape.backward((score.square().sum(1) * outer).sum(), {}).parameters, exact.parameters) <
          (dtype == at::kDouble ? 1e-12 : 1e-4));
    CHECK(found(*energy, squaredScore(), rows, outer, {}, 1).parameters.equal(f.parameters));
  }
}

TEST(parts_have_gradients_of_their_own) {
  const EnergyRef energy = mlpEnergy("silu");
  const Batch a{normal(300, 2, 1), {}}, b{normal(40, 2, 2), {}};
  Tape tape(*energy, 2);
  const auto leaves = tape.record(kEnergy, {a, b}, {.x = true});
  const at::Tensor constant = tape.record(kEnergy, a);  // between them: no inputs
  const at::Tensor last = tape.record(kEnergy, b, {.x = true});
  const Tape::Gradients g = tape.backward(leaves[1].sum() * 3 + constant.sum() + 2 * last.sum(), {});
  CHECK(g.inputs.size() == 3);
  CHECK(g.inputs[0].x.equal(at::zeros_like(a.x)));
  const at::Tensor slope = energy->energyAndGradient(b).gradient;
  CHECK(apart(g.inputs[1].x, 3 * slope) < 1e-14);
  CHECK(apart(g.inputs[2].x, 2 * slope) < 1e-14);
}

TEST(a_record_says_which_path_it_takes) {
  const EnergyRef energy = mlpEnergy("silu", at::kFloat), wide = mlpEnergy("silu"),
                  half = mlpEnergy("silu", at::kBFloat16);
  const Tape fused(*energy, 1), double64(*wide, 1), tensors(*half, 1);
  const Quantity along = curvature(at::zeros({1, 1, 2}));
  for (const Quantity* quantity : {&kEnergy, &kScore, &along}) CHECK(fused.explain(*quantity) == "fused kernels");
  for (const Quantity* quantity : {&kEnergy, &kScore}) CHECK(double64.explain(*quantity) == "fused kernels");
  CHECK(double64.explain(along) == "by hand on tensors");
  for (const Quantity* quantity : {&kScore, &along}) CHECK(tensors.explain(*quantity) == "by hand on tensors");
  CHECK(fused.explain(kScore, {.x = true}) == "autograd: the fused form of 'score' has no gradient in x");
  CHECK(fused.explain(kEnergy, {.y = true}) == "autograd: the fused form of 'energy' has no gradient in y");
  CHECK(fused.explain(squaredScore()) == "autograd: 'squared norm of the score' has no other form");
  CHECK(tensors.explain(kEnergy) == "autograd: no fused form of 'energy' covers an mlp energy");
}

TEST(what_cannot_be_recorded_is_refused) {
  const EnergyRef rough = mlpEnergy("relu");
  const Batch rows{normal(3, 2, 1), {}};
  Tape tape(*rough, 1);
  for (const Quantity& quantity : {kScore, squaredScore(), unrolled({.wrt = Wrt::X})})
    CHECK_THROWS(tape.record(quantity, rows), Error);
  CHECK_THROWS(tape.record(kOutputs, rows), Error);
  CHECK_THROWS(tape.record(kEnergy, rows, {.y = true}), Error);
  CHECK_THROWS(unrolled({.steps = 0}), Error);
  CHECK_THROWS(unrolled({.stepSize = -0.1}), Error);
  const NetworkRef outputsOnly = networkWith(generator(2, 4, 3), at::kDouble);
  Tape outputs(*outputsOnly, 1);
  for (const Quantity& quantity : {kEnergy, kScore, squaredScore(), unrolled({.wrt = Wrt::X})})
    CHECK_THROWS(outputs.record(quantity, rows), Error);
  const Quantity careless{.name = "careless",
                          .plain = [](const Evaluator& e, const Batch& b) { return e.gradient(b); },
                          .needs = {.energy = false}};
  CHECK_THROWS(outputs.record(careless, rows), Error);
  const EnergyRef labelled = energyWith(residualConditional(), at::kDouble);
  Batch labels = randomRows(labelled->program(), 3, 1, true);
  labels.x = labels.x.to(at::kDouble);
  Tape other(*labelled, 1);
  CHECK_THROWS(other.record(kEnergy, labels, {.y = true}), Error);
  CHECK_THROWS(other.record(unrolled({}), labels), Error);
  const EnergyRef smooth = mlpEnergy("silu");
  Tape third(*smooth, 1);
  CHECK_THROWS(third.record(curvature(at::zeros({2, 1, 2}, at::kDouble)), rows), Error);
  CHECK_THROWS(third.record(unrolled({.wrt = Wrt::Y}), rows), Error);
}

}  // namespace
}  // namespace langevin::tape_test
