// Vector fields, traces and their parameter gradients by hand against autograd through autograd in double precision.
#include "gradients/divergence_chain.hpp"

#include "check.hpp"
#include "tensors/random.hpp"
#include "training_support.hpp"

namespace langevin::divergence_chain_test {

using langevin::test::energyFrom;

namespace {

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t step) {
  std::int64_t columns = 1;
  for (const std::int64_t size : sizes.slice(1)) columns *= size;
  return Random(5).normal(sizes[0], columns, step, Stream::User, at::TensorOptions(at::kDouble)).view(sizes);
}

struct Derivatives {
  at::Tensor value, trace, gradient;  // [n, d]; [n]; d/dtheta of sum (outer . value + weight trace), flat
};

constexpr double kWeight = -0.7;

Derivatives byHand(const Energy& energy, const at::Tensor& x, const at::Tensor& v, const at::Tensor& outer) {
  const auto chain = DivergenceChain::compile(energy.program());
  CHECK(chain != nullptr);
  const Parameters& parameters = energy.parameters();
  DivergenceChain::Record record;
  chain->evaluate(parameters.tensors(), x + 1, v, record);  // buffers of another call
  chain->evaluate(parameters.tensors(), x, v, record);
  Derivatives result{record.value, record.trace, at::zeros_like(parameters.flat())};
  parameters.accumulate(result.gradient, chain->parameterGradient(parameters.tensors(), record, outer, kWeight));
  return result;
}

// The parameters of the energy in double precision, whatever its own is.
Derivatives byAutograd(const Energy& energy, const at::Tensor& given, const at::Tensor& v, const at::Tensor& outer) {
  at::AutoGradMode enable(true);
  std::vector<at::Tensor> leaves, inputs;
  for (const at::Tensor& t : energy.parameters().tensors()) leaves.push_back(t.detach().to(at::kDouble));
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (energy.parameters().info()[i].learnable) inputs.push_back(leaves[i].requires_grad_(true));
  const at::Tensor x = given.detach().clone().requires_grad_(true);
  const Batch rows{at::cat({x, at::zeros_like(x)}, 1), {}};
  const at::Tensor value = evaluate(energy.program(), leaves, {}, rows, {}).outputs;
  at::Tensor trace = at::zeros({x.size(0)}, at::kDouble);
  for (const at::Tensor& one : v.unbind())
    trace = trace + (torch::autograd::grad({value}, {x}, {one}, true, true)[0] * one).sum(1);
  const auto found =
      torch::autograd::grad({(outer * value).sum() + kWeight * trace.sum()}, inputs, {}, {}, false, true);
  std::vector<at::Tensor> flat;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    flat.push_back((found[i].defined() ? found[i] : at::zeros_like(inputs[i])).reshape({-1}));
  return {value.detach(), trace.detach(), at::cat(flat)};
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b).abs().max() / b.abs().max().clamp_min(1)).item<double>();
}

Map field(std::int64_t d, const char* activation, List hidden) {
  return {{"kind", "regressor"}, {"input", d}, {"output", d}, {"hidden", hidden}, {"activation", activation}};
}

// Widths below and above those of a panel; 3 columns take the products of few columns, 11 do not.
void check(const Map& spec, std::int64_t d, bool axes, at::ScalarType dtype, double tolerance) {
  const EnergyRef energy = energyFrom(spec, dtype);
  const std::int64_t n = 37, m = axes ? d : 2;
  const at::Tensor x = normal({n, d}, 1), outer = normal({n, d}, 2);
  const at::Tensor v = axes ? at::eye(d, at::kDouble).unsqueeze(1).expand({d, n, d}) : normal({m, n, d}, 3);
  const Derivatives mine = byHand(*energy, x.to(dtype), v.to(dtype), outer.to(dtype));
  const Derivatives wanted = byAutograd(*energy, x, v, outer);
  CHECK_NEAR(difference(mine.value, wanted.value), 0, tolerance);
  CHECK_NEAR(difference(mine.trace, wanted.trace), 0, tolerance);
  CHECK_NEAR(difference(mine.gradient, wanted.gradient), 0, tolerance);
}

TEST(fields_and_divergences_match_autograd) {
  for (const std::int64_t d : {1, 3, 11})
    for (const bool axes : {true, false})
      for (const auto& [dtype, tolerance] : {std::pair{at::kDouble, 1e-12},  // rounding of sums of 37 rows
                                             std::pair{at::kFloat, 2e-5}}) {
        for (const char* activation : {"silu", "tanh", "sigmoid", "softplus", "gelu"})
          check(field(d, activation, {7, 36}), d, axes, dtype, tolerance);
        check(field(d, "silu", {}), d, axes, dtype, tolerance);
      }
}

// A control: the gradient is that of the trace along the directions given, and the trace's part is not small.
TEST(the_trace_has_its_part_of_the_gradient) {
  const EnergyRef energy = energyFrom(field(3, "silu", {7, 36}));
  const at::Tensor x = normal({37, 3}, 1), outer = normal({37, 3}, 2);
  const at::Tensor v = at::eye(3, at::kDouble).unsqueeze(1).expand({3, 37, 3});
  const Derivatives one = byHand(*energy, x, v, outer), other = byHand(*energy, x, 1.5 * v, outer);
  CHECK(difference(one.gradient, other.gradient) > 0.01);
  CHECK_NEAR(difference(other.trace, 2.25 * one.trace), 0, 1e-12);
}

TEST(other_networks_are_left_to_autograd) {
  Map normed = field(2, "silu", {5});
  normed["spectralNorm"] = true;
  CHECK(DivergenceChain::compile(energyFrom(normed)->program()) == nullptr);
  CHECK(DivergenceChain::compile(energyFrom(field(2, "relu", {5}))->program()) == nullptr);
  Map wider = field(2, "silu", {5});
  wider["output"] = 3;
  CHECK(DivergenceChain::compile(energyFrom(wider)->program()) == nullptr);
  CHECK(DivergenceChain::compile(energyFrom({{"kind", "mlp"}, {"input", 2}, {"hidden", List{5}}})->program()) ==
        nullptr);
}

}  // namespace

}  // namespace langevin::divergence_chain_test
