// Records of several networks in one loss: a generator's outputs as the rows of an energy, a network of its own
// outputs.
#include "gradients/tape.hpp"
#include "tape_support.hpp"
#include "training_support.hpp"

namespace langevin::tape_chained_test {

using namespace langevin::test;
using namespace langevin::tape_support;

namespace {

struct Both {
  at::Tensor loss, generator, energy, z, shift;  // gradients but for the loss
};

struct Pair {
  NetworkRef g;
  EnergyRef energy;
  at::Tensor z = normal(700, 2, 1), noise = normal(700, 3, 2), data = normal(300, 3, 3);
  at::Tensor shift = at::tensor({0.3, -0.2, 0.1}, at::kDouble);  // a learnable number of the objective

  Pair(std::int64_t hidden, at::ScalarType dtype)
      : g(networkWith(generator(2, hidden, 3), dtype, 5)), energy(energyWith(network("silu", 3, {9, 8}), dtype, 7)) {
    for (at::Tensor* t : {&z, &noise, &data, &shift}) *t = t->to(dtype);
  }

  // Energies of data and of g(z) + shift + noise, and something of g(z) itself.
  static at::Tensor lossOf(const at::Tensor& g, const at::Tensor& negatives, const at::Tensor& positives) {
    return positives.mean() - (negatives * negatives.detach().softmax(0)).sum() + 0.1 * g.square().mean();
  }

  // `cut`: the energy sees g(z) as constants.
  Both onTapes(int threads, Differentiable ofEnergy = {}, bool cut = false) const {
    Tape first(*g, threads), second(*energy, threads);
    first.begin(1, 0);
    second.begin(2, 0);
    const at::Tensor latent = z.clone().requires_grad_(true), moved = shift.clone().requires_grad_(true);
    const at::Tensor made = first.record(kOutputs, {latent, {}});
    const at::Tensor x = made + moved + noise;
    const at::Tensor negatives = second.record(kEnergy, {cut ? x.detach() : x, {}}, ofEnergy);
    const at::Tensor positives = second.record(kEnergy, {data, {}});
    const at::Tensor loss = lossOf(made, negatives, positives);
    const JointGradients all = backward(loss, {&second, &first}, {latent, moved});
    CHECK(all.inputs[1].size() == 1 && all.inputs[1][0].x.equal(all.extras[0]));
    return {loss.detach(), all.parameters[1].clone(), all.parameters[0].clone(), all.extras[0], all.extras[1]};
  }

  Both whole() const {
    const at::Tensor latent = z.clone().requires_grad_(true), moved = shift.clone().requires_grad_(true);
    const auto ofG = g->parameters().leaves(), ofE = energy->parameters().leaves();
    const at::Tensor made = g->evaluateWith(ofG, {latent, {}}, {}).outputs;
    const at::Tensor negatives = energy->evaluateWith(ofE, {made + moved + noise, {}}, {}).energy;
    const at::Tensor loss = lossOf(made, negatives, energy->evaluateWith(ofE, {data, {}}, {}).energy);
    return {loss.detach(), flatGradient(loss, ofG), flatGradient(loss, ofE), flatGradient(loss, {latent}).view_as(z),
            flatGradient(loss, {moved})};
  }
};

double worst(const Both& a, const Both& b) {
  return std::max({apart(a.loss, b.loss), apart(a.generator, b.generator), apart(a.energy, b.energy), apart(a.z, b.z),
                   apart(a.shift, b.shift)});
}

TEST(a_generator_behind_an_energy_equals_autograd_over_both) {
  for (const std::int64_t hidden : {0, 11}) {
    const Pair pair(hidden, at::kDouble);
    CHECK(worst(pair.onTapes(1), pair.whole()) < 1e-12);
  }
}

TEST(fused_kernels_hand_gradients_on_as_well) {
  const Pair pair(11, at::kFloat);
  CHECK(worst(pair.onTapes(2), pair.whole()) < 5e-5);
}

TEST(chained_gradients_are_bit_equal_at_any_number_of_threads) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    const Pair pair(11, dtype);
    const Both one = pair.onTapes(1);
    for (const int threads : {2, 3, 7}) {
      const Both many = pair.onTapes(threads);
      CHECK(one.generator.equal(many.generator) && one.energy.equal(many.energy));
      CHECK(one.z.equal(many.z) && one.shift.equal(many.shift));
    }
  }
}

TEST(control_rows_that_are_constants_hand_nothing_on) {
  const Pair pair(11, at::kDouble);
  const Both cut = pair.onTapes(1, {}, true), exact = pair.whole();
  CHECK(apart(cut.energy, exact.energy) < 1e-12);
  CHECK(apart(cut.generator, exact.generator) > 1e-2);
  CHECK(cut.shift.abs().sum().item<double>() == 0);
}

TEST(an_energy_that_is_held_fixed_still_trains_the_generator) {
  const Pair pair(11, at::kDouble);
  const Both fixed = pair.onTapes(1, {.parameters = false}), exact = pair.whole();
  CHECK(apart(fixed.generator, exact.generator) < 1e-12);
  CHECK(apart(fixed.energy, exact.energy) > 1e-2);  // that of the data alone
}

std::string refusalOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(a_tape_that_the_loss_reaches_and_that_is_not_listed_is_refused) {
  const Pair pair(11, at::kDouble);
  Tape first(*pair.g, 1, "generator"), second(*pair.energy, 1);
  const at::Tensor made = first.record(kOutputs, {pair.z, {}});
  const at::Tensor direct = made.square().mean();
  const at::Tensor through = second.record(kEnergy, {made, {}}).mean();
  const at::Tensor cut = second.record(kEnergy, {made.detach(), {}}).mean();
  for (const at::Tensor& loss : {direct + cut, through}) {
    const std::string refusal = refusalOf([&] { backward(loss, {&second}, {}, {}, {&first}); });
    CHECK(refusal.find("a record of 'generator', whose gradient was not asked for") != std::string::npos);
  }
  CHECK(backward(cut, {&second}, {}, {}, {&first}).parameters[0].abs().sum().item<double>() > 0);
}

TEST(a_record_serves_one_loss_and_the_others_stay) {
  const Pair pair(11, at::kDouble);
  Tape tape(*pair.energy, 1);
  const at::Tensor a = tape.record(kEnergy, {pair.noise, {}}).mean(), b = tape.record(kEnergy, {pair.data, {}}).mean();
  const auto leaves = pair.energy->parameters().leaves();
  const auto exact = [&](const at::Tensor& x) {
    return flatGradient(pair.energy->evaluateWith(leaves, {x, {}}, {}).energy.mean(), leaves);
  };
  CHECK(apart(tape.backward(a, {}).parameters.clone(), exact(pair.noise)) < 1e-12);
  const std::string refusal = refusalOf([&] { tape.backward(a + b, {}); });
  CHECK(refusal.find("an earlier backward() of this step consumed") != std::string::npos);
  CHECK(apart(tape.backward(b, {}).parameters.clone(), exact(pair.data)) < 1e-12);
}

// z_{k+1} = z_k + g(z_k), the leaf of every record the rows of the next; and its leaves themselves as rows.
TEST(a_network_of_its_own_outputs) {
  const NetworkRef g = networkWith(generator(3, 8, 3), at::kDouble);
  const at::Tensor z = normal(520, 3, 1), weights = normal(520, 3, 2);
  const Quantity squares{.name = "squares",
                         .plain = [](const Evaluator& e, const Batch& rows) { return e.outputs(rows).square().sum(1); },
                         .needs = {.energy = false, .outputs = true}};
  const auto onTape = [&](int threads) {
    Tape tape(*g, threads);
    const at::Tensor one = tape.record(kOutputs, {z, {}});
    const at::Tensor two = tape.record(kOutputs, {one, {}});
    const at::Tensor three = tape.record(kOutputs, {two + z, {}});
    const at::Tensor again = tape.record(squares, {one, {}});
    return tape.backward((three * weights).sum() + again.mean() + two.mean(), {}).parameters.clone();
  };
  const auto leaves = g->parameters().leaves();
  const auto at = [&](const at::Tensor& x) { return g->evaluateWith(leaves, {x, {}}, {}); };
  const at::Tensor one = at(z).outputs, two = at(one).outputs, three = at(two + z).outputs;
  const at::Tensor exact =
      flatGradient((three * weights).sum() + at(one).outputs.square().sum(1).mean() + two.mean(), leaves);
  CHECK(apart(onTape(1), exact) < 1e-12);
  CHECK(onTape(1).equal(onTape(3)));
}

// Hat energies: U(y, z) = H(y + g(z)) has dU/dy = dH/dx and dU/dz = J' dH/dx.
TEST(a_residual_beside_a_generator) {
  const NetworkRef g = networkWith(generator(2, 8, 3), at::kDouble);
  const EnergyRef hat = energyWith(network("silu", 3, {9}), at::kDouble);
  const at::Tensor y = normal(30, 3, 1).requires_grad_(true), z = normal(30, 2, 2).requires_grad_(true);
  Tape first(*g, 1), second(*hat, 1);
  const Differentiable rows{.parameters = false};
  const at::Tensor x = first.record(kOutputs, {z, {}}, rows) + y;
  const at::Tensor u = second.record(kEnergy, {x, {}}, rows);
  const JointGradients found = backward(u.sum(), {&first, &second}, {y, z});
  const at::Tensor slope = hat->energyAndGradient({x.detach(), {}}).gradient;
  const at::Tensor outputs = g->evaluateWith(g->parameters().tensors(), {z, {}}, {}).outputs;
  CHECK(apart(found.extras[0], slope) < 1e-13);
  CHECK(apart(found.extras[1], torch::autograd::grad({outputs}, {z}, {slope})[0]) < 1e-13);
}

}  // namespace
}  // namespace langevin::tape_chained_test
