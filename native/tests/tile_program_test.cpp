// The fused CPU executor against its twin, plain ATen with autograd: values, input gradients, parameter gradients.
#include <cmath>
#include <functional>
#include <random>
#include <type_traits>

#include "check.hpp"
#include "energies/energy.hpp"
#include "program/builder.hpp"
#include "program/plain.hpp"
#include "program_cases.hpp"
#include "tensors/random.hpp"
#include "tile_compare.hpp"

namespace langevin::tile_program_test {

using namespace langevin::test;

TEST(mlps_of_every_activation_odd_width_and_depth) {
  const std::vector<std::vector<std::int64_t>> shapes = {{}, {1}, {3}, {17, 130}, {64, 64, 64}, {8, 9, 10, 11, 12, 13}};
  std::uint64_t seed = 1;
  for (const char* act : {"silu", "gelu", "tanh", "sigmoid", "softplus", "relu", "leakyRelu"})
    for (const auto& shape : shapes)
      for (std::int64_t n : {1, 5, 200}) {
        compare(network(act, seed % 2 ? 2 : 11, shape), n, seed);
        ++seed;
      }
}

TEST(residual_layer_norm_and_class_embedding) {
  for (std::int64_t n : {1, 33, 150}) compare(residualConditional(), n, 77);
}

TEST(classifier_with_and_without_its_class) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble})
    for (const bool labelled : {false, true}) {
      Energy energy(classifier(), type, at::kCPU, 3);
      CHECK(energy.isFused());
      const Batch rows = randomRows(energy.program(), 70, 5, labelled, type);
      const Both want = exact(energy.program(), energy.parameters(), rows, at::ones({70}));
      const EnergyAndGradient got = energy.energyAndGradient(rows);
      const double bound = type == at::kFloat ? kBound<float> : kBound<double>;
      CHECK_NEAR(apart(got.energy, want.energy), 0.0, bound);
      CHECK_NEAR(apart(got.gradient, want.gradient), 0.0, bound);
      const at::Tensor outputs = energy.outputsOf(rows, 1);
      CHECK(outputs.sizes().equals({70, 5}));
      CHECK_NEAR(apart(outputs, energy.evaluateWith(energy.parameters().tensors(), rows, {}).outputs), 0.0, bound);
    }
}

TEST(expressions_with_broadcasting_selection_and_branches) {
  Builder b("expression");
  const int x = b.input(4);
  const int c = b.constant(at::tensor({0.5, -1.0, 2.0, 0.25}, at::kDouble));
  const int p = b.parameterValue("p", at::tensor({1.5, 0.5, -0.5, 1.0}, at::kDouble), true);
  const int s = b.sum(x);  // [n, 1], broadcast over columns below
  const int u = b.mul(b.sub(x, c), p);
  const int v = b.apply("div", {u, b.affine(b.square(s), 1.0, 2.0)});
  const int w = b.apply("where", {b.apply("gt", {x, c}), b.apply("sin", {v}), b.apply("cos", {u})});
  const int m = b.apply("maximum", {w, b.apply("tanh", {u})});
  const int l = b.apply("logsumexp", {b.concat({m, b.slice(x, 1, 2)})}, 1);
  b.setEnergy(b.add(l, b.apply("mean", {b.apply("softplus", {u})}, 1)));
  compare(b.finish(), 90, 8);
}

// As in the regressor: what is computed from parameters has one value for all rows, and so has its derivative.
TEST(functions_of_parameters_alone) {
  Builder b("expression");
  const int x = b.input(3);
  const int p = b.parameterValue("p", at::tensor({0.3, -0.2, 0.5}, at::kDouble), true);
  const int q = b.parameterValue("q", at::tensor({0.4}, at::kDouble), false);
  const int f = b.linear(b.activation(b.linear(x, "0", 16), "silu"), "2", 1);
  const int weighted = b.sum(b.mul(b.square(x), b.apply("exp", {p}, 3)));
  b.setEnergy(b.add(weighted, b.mul(b.square(f), b.apply("exp", {b.apply("neg", {q}, 1)}, 1))));
  compare(b.finish(), 150, 21);
  CHECK(make({{"kind", "regressor"}, {"input", 2}, {"hidden", List{8.0}}})->isFused());
}

TEST(quadratic_forms_of_every_width) {
  for (std::int64_t d : {1, 2, 7, 33, 150})
    for (const bool learnable : {false, true})
      for (std::int64_t n : {1, 5, 200}) compare(quadratic(d, learnable), n, 50 + static_cast<std::uint64_t>(d));
  // Below a layer, and beside one that wants its adjoint too.
  Builder b("expression");
  const int x = b.input(4);
  const int h = b.activation(b.linear(x, "0", 20), "silu");
  const int mean = b.parameterValue("mean", at::linspace(-1, 1, 20, at::kDouble), true);
  const int matrix = b.parameterValue("matrix", at::eye(20, at::kDouble), true);
  b.setEnergy(b.add(b.apply("quadratic", {h, mean, matrix}, 1), b.linear(h, "2", 1)));
  compare(b.finish(), 150, 9);
}

// Rows of few columns are turned in loops whose products hold a row in registers; what is made of a row may be wider.
TEST(quadratic_forms_of_values_wider_than_their_rows) {
  for (const bool dense : {true, false}) {
    Builder b("expression");
    const int x = b.input(3);
    const int wide = b.concat({x, b.square(x), b.apply("sin", {x}), x, b.apply("tanh", {x}), x, b.square(x)});
    const int mean = b.parameterValue("mean", Random(5).normal(1, 21, 0, Stream::User, at::kDouble).squeeze(0), true);
    const at::Tensor eye = at::eye(21, at::kDouble) * 2;
    const at::Tensor full = eye + Random(6).normal(21, 21, 0, Stream::User, at::kDouble) * 0.05;
    b.setEnergy(b.apply("quadratic", {wide, mean, b.parameterValue("precision", dense ? full : eye, true)}, 1));
    const Program program = b.finish();
    for (std::int64_t n : {1, 5, 200}) compare(program, n, 77);
  }
}

// A few diagonals are kept as such, and a full matrix as a packed product; what training fills changes over.
TEST(quadratic_forms_of_a_few_diagonals) {
  const auto form = [](std::int64_t d, const at::Tensor& matrix, bool learnable) {
    Builder b("gaussian");
    const int x = b.input(d);
    const int mean = b.parameterValue("mean", at::linspace(-1, 1, d, at::kDouble), learnable);
    b.setEnergy(b.apply("quadratic", {x, mean, b.parameterValue("precision", matrix, learnable)}, 1));
    return b.finish();
  };
  for (const std::int64_t d : {16, 33, 150})
    for (const bool learnable : {false, true}) {
      const at::Tensor numbers = at::linspace(0.5, 2, d, at::kDouble);
      compare(form(d, at::diag(numbers), learnable), 70, 60);
      if (d > 32) compare(form(d, at::diag(numbers.slice(0, 0, d - 5), 5), learnable), 70, 61);  // one-sided
    }
  Energy energy(form(40, at::eye(40, at::kDouble), true), at::kDouble, at::kCPU, 1);
  CHECK(energy.packed<double>()->weights[1].diagonals == std::vector<std::int64_t>{0});
  // A matrix that changes its kind leaves nothing of the one before.
  const auto right = [&](const at::Tensor& precision) {
    energy.parameters().assign({{"precision", precision}}, false);
    Batch rows;
    rows.x = Random(62).normal(70, 40, 0, Stream::User, at::kDouble);
    const at::Tensor z = rows.x - energy.parameters().tensors()[0], slope = at::matmul(z, precision);
    const EnergyAndGradient found = energy.energyAndGradient(rows);
    CHECK(at::allclose(found.gradient, slope, 1e-12, 1e-12));
    CHECK(at::allclose(found.energy, (slope * z).sum(1) / 2, 1e-12, 1e-12));
  };
  const at::Tensor full = at::full({40, 40}, 0.5, at::kDouble) + at::eye(40, at::kDouble);
  for (int turn = 0; turn < 2; ++turn) {
    right(full);
    CHECK(energy.packed<double>()->weights[1].diagonals.empty());
    right(at::diag(at::linspace(0.5, 2, 40, at::kDouble)));
    CHECK(energy.packed<double>()->weights[1].diagonals == std::vector<std::int64_t>{0});
  }
}

TEST(pairwise_interactions_on_lattices_and_among_all) {
  const auto random = [](const at::Tensor& mask) {  // a coupling that is no symmetric one
    const std::int64_t d = mask.size(0);
    const at::Tensor numbers = Random(33).normal(d + 1, d, 0, Stream::User, at::kDouble);
    Builder b("ising");
    const int x = b.input(d);
    const auto parameter = [&](const char* name, const at::Tensor& value) {
      return b.parameter(name, value.sizes().vec(), {Initialisation::Kind::Value, 0, value});
    };
    const int coupling = parameter("coupling", numbers.slice(0, 0, d)), field = parameter("field", numbers[d]);
    b.setEnergy(b.apply("pairwise", {x}, 1, {}, {}, {coupling, field}, {b.addConstant(mask)}));
    return b.finish();
  };
  const auto lattice = [](List lengths, bool periodic) {
    const Value spec{Map{{"kind", "ising"}, {"lattice", std::move(lengths)}, {"periodic", periodic}}};
    const Program program = lower(Spec(spec, "energy"));
    return program.constants[static_cast<std::size_t>(program.pairwise.mask)];
  };
  for (const std::int64_t n : {1, 7, 150}) {
    for (const std::int64_t sites : {1, 2, 17, 64})
      compare(random(at::ones({sites, sites}, at::kDouble) - at::eye(sites, at::kDouble)), n, 70);
    for (const bool periodic : {false, true}) {
      compare(random(lattice({40.0}, periodic)), n, 71);
      compare(random(lattice({12.0, 13.0}, periodic)), n, 72);
    }
    compare(random(at::kron(lattice({10.0, 10.0}, true), at::ones({3, 3}, at::kDouble))), n, 73);
  }
  Energy energy(random(lattice({12.0, 12.0}, true)), at::kFloat, at::kCPU, 1);
  CHECK(energy.packed<float>()->weights[0].diagonals.size() == 8);  // four neighbours, and those around the edges
}

TEST(the_norm_of_a_row_and_its_cone) {
  const EnergyRef energy = make({{"kind", "ackley"}, {"input", 40.0}});
  compare(energy->program(), 130, 74);
  Batch origin;
  origin.x = at::zeros({2, 40});
  CHECK(energy->energyAndGradient(origin).gradient.abs().max().item<double>() == 0);
}

TEST(mixtures_of_every_size) {
  for (std::int64_t k : {1, 2, 9, 40, 100})
    for (std::int64_t d : {1, 2, 5, 20})
      for (const bool round : {false, true}) {
        if (!round && k * d > 200) continue;  // their specs are long
        for (std::int64_t n : {1, 7, 150}) compare(mixture(k, d, round), n, static_cast<std::uint64_t>(k + d));
      }
}

// Products would cancel: components a thousandth wide, a thousand away from 0 (numbers that float32 has).
TEST(distances_far_from_the_origin_are_differences) {
  const Value spec{Map{{"kind", "gaussianMixture"},
                       {"means", List{List{1000.0, -1000.0}, List{1000.0009765625, -1000.0}}},
                       {"sigmas", 0.0009765625}}};
  const EnergyRef energy = makeEnergy(Spec(spec, "energy"), at::kFloat, at::kCPU, 1);
  Batch rows;
  rows.x = at::tensor({1000.0f, -1000.0f, 1000.00048828125f, -999.99951171875f}).view({2, 2});
  const Both want = exact(energy->program(), energy->parameters(), rows, at::ones({2}));
  CHECK_NEAR(apart(energy->energyOf(rows), want.energy), 0.0, 1e-4);
  CHECK_NEAR(apart(energy->energyAndGradient(rows).gradient, want.gradient), 0.0, 1e-3);
}

TEST(wide_rows_are_summed_in_vectors) {
  for (std::int64_t d : {127, 128, 300, 1500}) {
    Builder b("expression");
    const int x = b.input(d);
    b.setEnergy(b.add(b.sum(b.square(x)), b.apply("mean", {x}, 1)));
    compare(b.finish(), 30, 12);
  }
}

TEST(one_row_one_column_and_1500_columns) {
  for (std::int64_t n : {1, 3}) {
    compare(network("silu", 1, {5}), n, 14);
    compare(network("tanh", 1500, {40, 9}), n, 15);
    compare(quadratic(1500, false), n, 16);
    // Weights are e^-d of distances of 1,500 numbers: float32 keeps four digits of them.
    compareIn<double>(mixture(3, 1500, true), n, 17);
  }
}

// By hand, around the builder's own: a program that gives a source is no fused one, it must not read before a buffer.
TEST(a_program_that_gives_its_input) {
  for (const char* road : {"energy", "outputs"}) {
    Builder b("expression");
    const int x = b.input(1);
    b.setEnergy(b.scale(x, 2.0));
    Program program = b.finish();
    (std::string(road) == "energy" ? program.energy : program.outputs) = b.node(x);
    std::string reason;
    CHECK(!TileProgram::compile(plain(program), reason));
    CHECK(reason.find("source of the program") != std::string::npos);
    CHECK(!TileProgramOf<double>::compile(plain(program), reason));
  }
  Builder b("expression");
  b.setEnergy(b.input(1));
  compare(b.finish(), 150, 3);
  Builder c("expression");
  c.setEnergy(c.slice(c.input(3), 1, 1));
  compare(c.finish(), 150, 3);
}

// Whoever moves the rows must not move energies that were computed before.
TEST(energies_are_no_views_of_the_rows) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble})
    for (int road = 0; road < 3; ++road) {
      Builder b("expression");
      const int x = b.input(1);
      b.setEnergy(road == 0 ? x : road == 1 ? b.slice(x, 0, 1) : b.apply("dropout", {x}, {}, {0.5}, {0}));
      const Energy energy(b.finish(), dtype, at::kCPU, 1);
      Batch rows{at::ones({4, 1}, energy.options()), {}};
      const at::Tensor e = energy.energyOf(rows), also = energy.energyAndGradient(rows).energy;
      rows.x.fill_(7);
      CHECK(e.eq(1).all().item<bool>() && also.eq(1).all().item<bool>());
    }
}

TEST(buffers_are_packed_again_when_they_change) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    Energy energy(quadratic(33, false), type, at::kCPU, 4);
    const Batch rows = randomRows(energy.program(), 10, 6, false, type);
    for (double factor : {1.0, 2.0, 0.5}) {
      {
        at::NoGradGuard guard;
        energy.parameters().tensors()[1].mul_(factor);
      }
      const Both want = exact(energy.program(), energy.parameters(), rows, at::ones({10}));
      for (int again = 0; again < 2; ++again)
        CHECK_NEAR(apart(energy.energyOf(rows), want.energy), 0.0, type == at::kFloat ? kBound<float> : kBound<double>);
    }
  }
}

TEST(a_wrong_derivative_would_be_seen) {
  // Control: the tolerance of compare() is far below the error of a sign mistake in one hidden unit.
  Energy energy(network("silu", 2, {16}), at::kFloat, at::kCPU, 4);
  const Batch rows = randomRows(energy.program(), 50, 6, true);
  const Both want = exact(energy.program(), energy.parameters(), rows, at::ones({50}));
  at::Tensor wrong = want.gradient.clone();
  wrong.select(1, 0).neg_();
  CHECK(apart(wrong.to(at::kFloat), want.gradient) > 1e-2);
  // Nor do numbers that went through float32 on their way pass for float64 ones.
  CHECK(apart(want.gradient.to(at::kFloat), want.gradient) > 1e3 * kBound<double>);
}

TEST(changed_parameters_are_noticed) {
  Energy energy(network("silu", 2, {16}), at::kFloat, at::kCPU, 4);
  const Batch rows = randomRows(energy.program(), 10, 6, true);
  const at::Tensor before = energy.energyOf(rows).clone();
  {
    at::NoGradGuard guard;
    energy.parameters().flat().mul_(2.0);
  }
  CHECK(!energy.energyOf(rows).allclose(before));
}

TEST(results_do_not_depend_on_threads) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    Energy energy(network("silu", 2, {64, 64}), type, at::kCPU, 4);
    const Batch rows = randomRows(energy.program(), 3001, 6, true, type);
    const EnergyAndGradient one = energy.energyAndGradient(rows, 1);
    for (int threads : {2, 3}) {
      const EnergyAndGradient many = energy.energyAndGradient(rows, threads);
      CHECK(one.energy.equal(many.energy));
      CHECK(one.gradient.equal(many.gradient));
    }
  }
}

TEST(normals_have_normal_moments_and_no_two_rows_alike) {
  // 400,000 draws: the mean has sd 0.0016, the variance 0.0022, the fourth moment 0.0155; five sd of each: 1 false
  // alarm in 10^6.
  const at::Tensor z = Random(5).normal(100000, 4, 3, Stream::User, at::kDouble);
  CHECK_NEAR(z.mean().item<double>(), 0.0, 0.008);
  CHECK_NEAR((z * z).mean().item<double>(), 1.0, 0.011);
  CHECK_NEAR(z.pow(4).mean().item<double>(), 3.0, 0.08);
  CHECK_NEAR((z.select(1, 0) * z.select(1, 1)).mean().item<double>(), 0.0, 0.016);
  CHECK(!z[0].equal(z[1]));
  CHECK(!z[0].equal(Random(5).normal(1, 4, 4, Stream::User, at::kDouble)[0]));
}

}  // namespace langevin::tile_program_test
