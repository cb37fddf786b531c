// Activations with three derivatives, and the loops of a layer with tangents, in every instruction set that runs here.
#include "kernels/jet_kernels.hpp"

#include "check.hpp"

namespace langevin::jet_kernels_test {
namespace {

struct Smooth {
  Unary f;
  at::Tensor (*at)(const at::Tensor&);
};
const Smooth kSmooth[] = {{Unary::Silu, [](const at::Tensor& z) { return at::silu(z); }},
                          {Unary::Tanh, [](const at::Tensor& z) { return z.tanh(); }},
                          {Unary::Sigmoid, [](const at::Tensor& z) { return z.sigmoid(); }},
                          {Unary::Softplus, [](const at::Tensor& z) { return at::softplus(z); }},
                          {Unary::Gelu, [](const at::Tensor& z) { return z * at::special_ndtr(z); }}};

at::Tensor derivative(const at::Tensor& y, const at::Tensor& z) {
  return torch::autograd::grad({y.sum()}, {z}, {}, true, true)[0];
}
double worst(const at::Tensor& a, const at::Tensor& b) { return (a - b.detach()).abs().max().item<double>(); }

// One row of 53 numbers: whole vectors and a rest in every instruction set.
JetLayer layerOf(at::Tensor& numbers) {
  JetLayer layer{.rows = 1, .width = 53, .directions = 1};
  float** to[] = {&layer.slope, &layer.second, &layer.third, &layer.tangents, &layer.sums, &layer.product};
  for (std::int64_t i = 0; float** p : to) *p = numbers[i++].data_ptr<float>();
  return layer;
}

}  // namespace

TEST(three_derivatives_of_activations) {
  at::AutoGradMode enable(true);
  for (const JetKernels* k : runnableJetKernels())
    for (const Smooth& s : kSmooth) {
      const at::Tensor z = at::linspace(-9, 9, 53, at::kFloat);
      at::Tensor numbers = at::zeros({8, 53}, at::kFloat);
      const JetLayer layer = layerOf(numbers);
      numbers[3].fill_(2);
      numbers[4].copy_(z);
      CHECK(k->values(s.f, layer, numbers[6].data_ptr<float>(), numbers[7].data_ptr<float>()));
      const at::Tensor exact = z.to(at::kDouble).requires_grad_(true);
      const at::Tensor y = s.at(exact), d1 = derivative(y, exact), d2 = derivative(d1, exact),
                       d3 = derivative(d2, exact);
      // Rounding of numbers up to 9; the series of gelu's Phi is known to 1.5e-7, times z.
      const double tolerance = 3e-6;
      CHECK_NEAR(worst(numbers[6], y), 0.0, tolerance);
      CHECK_NEAR(worst(numbers[0], d1), 0.0, tolerance);
      CHECK_NEAR(worst(numbers[1], d2), 0.0, tolerance);
      CHECK_NEAR(worst(numbers[2], d3), 0.0, tolerance);
      CHECK_NEAR(worst(numbers[7], 2 * d1), 0.0, 2 * tolerance);
      CHECK(worst(numbers[2], d2) > 1e-2);  // a test of the test
    }
}

// b, and the adjoints of z' and z in dE/da . b + side . f'(z) z' + top . f(z): numbers of a middle layer.
TEST(loops_of_a_layer_equal_autograd) {
  at::AutoGradMode enable(true);
  for (const JetKernels* k : runnableJetKernels()) {
    at::Tensor numbers = at::zeros({8, 53}, at::kFloat);
    const JetLayer layer = layerOf(numbers);
    const auto wave = [](double phase) { return (at::arange(53, at::kDouble) * 0.7 + phase).sin(); };
    const auto leaf = [&](double phase) { return wave(phase).to(at::kFloat).to(at::kDouble).requires_grad_(true); };
    const at::Tensor z = leaf(0), tangent = leaf(1), y = leaf(2), g = leaf(3), top = leaf(4), side = leaf(5);
    const float c = 0.3f;
    numbers[3].copy_(tangent.detach());
    numbers[4].copy_(z.detach());
    at::Tensor value = at::zeros({53}, at::kFloat), b = at::zeros({53}, at::kFloat), bias = at::ones({53}, at::kFloat);
    const at::Tensor adjoint = g.detach().to(at::kFloat), above = at::stack({side, top}).detach().to(at::kFloat);
    CHECK(k->values(Unary::Silu, layer, value.data_ptr<float>(), nullptr));
    JetLayer with = layer;
    with.adjoint = adjoint.const_data_ptr<float>();
    float curvature = 1;
    k->products(with, {&curvature, 1});
    numbers[4].copy_(y.detach());
    k->curve(with, {&c, 1}, b.data_ptr<float>());
    k->reverse(with, {&c, 1}, above.const_data_ptr<float>(), bias.data_ptr<float>(), nullptr);

    const at::Tensor f = at::silu(z), slope = derivative(f, z), second = derivative(slope, z);
    const at::Tensor exact = slope * y + second * static_cast<double>(c) * tangent.square();
    const at::Tensor loss = (g * exact + side * slope * tangent + top * f).sum();
    const auto found = torch::autograd::grad({loss}, {tangent, z}, {}, true);
    const double tolerance = 2e-6;  // rounding of sums of a few numbers of order one
    CHECK_NEAR(worst(numbers[5], g * slope), 0.0, tolerance);
    CHECK_NEAR(curvature - 1, (g * second * tangent.square()).sum().item<double>(), 20 * tolerance);  // 53 numbers
    CHECK_NEAR(worst(b, exact), 0.0, tolerance);
    CHECK_NEAR(worst(numbers[3], found[0]), 0.0, tolerance);
    CHECK_NEAR(worst(numbers[4], found[1]), 0.0, tolerance);
    CHECK_NEAR(worst(bias - 1, found[1]), 0.0, tolerance);
    CHECK(worst(numbers[4], found[0]) > 1e-2);  // a test of the test
  }
}

}  // namespace langevin::jet_kernels_test
