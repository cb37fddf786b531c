// Scores of the fused executor and their parameter gradients against autograd through autograd in double precision.
#include "check.hpp"
#include "program/plain.hpp"
#include "tensors/random.hpp"
#include "training_support.hpp"

namespace langevin::second_order_test {

using langevin::test::energyFrom;

namespace {

at::Tensor normal(std::int64_t n, std::int64_t d, std::uint64_t step, at::ScalarType dtype) {
  return Random(5).normal(n, d, step, Stream::User, at::TensorOptions(dtype));
}

struct Derivatives {
  at::Tensor score, gradient;  // [n, d]; d/dtheta of sum outer . score, flat
};

template <class T>
Derivatives byHand(const Energy& energy, const Batch& rows, const at::Tensor& outer) {
  std::string reason;
  const auto program = TileProgramOf<T>::compileSecondOrder(plain(energy.program()), reason);
  CHECK(program != nullptr);
  Derivatives result{at::empty_like(rows.x), at::zeros_like(energy.parameters().flat())};
  TileWorkspace ws;
  const auto packed = energy.packed<T>();
  const TileInputOf<T> in = Energy::tileInput<T>(rows);
  program->recordScore(*packed, in, ws, result.score.data_ptr<T>());
  program->scoreGradient(*packed, in, ws, outer.data_ptr<T>(), result.gradient.data_ptr<T>());
  return result;
}

Derivatives byAutograd(const Energy& energy, const Batch& rows, const at::Tensor& outer) {
  at::AutoGradMode enable(true);
  std::vector<at::Tensor> leaves, constants, inputs;
  for (const at::Tensor& t : energy.parameters().tensors()) leaves.push_back(t.detach().to(at::kDouble, false, true));
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (energy.parameters().info()[i].learnable) inputs.push_back(leaves[i].requires_grad_(true));
  for (const at::Tensor& c : energy.program().constants) constants.push_back(c.to(at::kDouble));
  Batch wide{rows.x.detach().to(at::kDouble, false, true).requires_grad_(true), rows.y};
  if (rows.y.defined() && rows.y.is_floating_point()) wide.y = rows.y.to(at::kDouble);
  const at::Tensor total = evaluate(energy.program(), leaves, constants, wide, {}).energy.sum();
  const at::Tensor score = -torch::autograd::grad({total}, {wide.x}, {}, true, true)[0];
  const auto found =
      torch::autograd::grad({(score * outer.to(at::kDouble)).sum()}, inputs, {}, std::nullopt, false, true);
  std::vector<at::Tensor> flat;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    flat.push_back((found[i].defined() ? found[i] : at::zeros_like(inputs[i])).reshape({-1}));
  return {score.detach(), at::cat(flat)};
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b).abs().max() / b.abs().max().clamp_min(1)).item<double>();
}

Map layer(const char* kind, Map more = {}) {
  more["kind"] = kind;
  return more;
}

// Every operation that has second derivatives here.
std::vector<Map> specs() {
  std::vector<Map> specs = langevin::test::chainSpecs(3);
  for (Map& spec : langevin::test::chainSpecs(11))
    specs.push_back(std::move(spec));  // inputs wide enough for a packed product
  const List body{layer("linear", {{"out", 9}}), layer("activation", {{"activation", "tanh"}}),
                  layer("linear", {{"out", 9}})};
  specs.push_back({{"kind", "sequential"},
                   {"input", 3},
                   {"layers", List{layer("linear", {{"out", 9}}), layer("layerNorm"), layer("activation"),
                                   layer("residual", {{"layers", body}}), layer("layerNorm", {{"affine", false}}),
                                   layer("activation", {{"activation", "gelu"}}), layer("linear", {{"out", 1}})}}});
  // A full base of more columns than a panel, which no chain takes over.
  specs.push_back({{"kind", "sequential"},
                   {"input", 41},
                   {"gaussianBase", "full"},
                   {"layers", List{layer("linear", {{"out", 9}}), layer("layerNorm"), layer("activation"),
                                   layer("linear", {{"out", 1}})}}});
  // Images: strides that split the adjoint into phases, few and many channels, a residual, repetition, means.
  const List image{layer("conv2d", {{"channels", 3}, {"kernel", 3}, {"padding", 1}}), layer("activation")};
  specs.push_back(
      {{"kind", "sequential"},
       {"input", List{2, 7, 5}},
       {"layers", List{layer("conv2d", {{"channels", 9}, {"kernel", 3}, {"stride", 2}, {"padding", 2}}),
                       layer("activation"), layer("conv2d", {{"channels", 3}, {"kernel", 2}, {"stride", List{1, 2}}}),
                       layer("activation", {{"activation", "tanh"}}), layer("residual", {{"layers", image}}),
                       layer("upsample"), layer("convTranspose2d", {{"channels", 4}, {"kernel", 2}, {"stride", 2}}),
                       layer("activation"), layer("pool", {{"kernel", 3}, {"stride", 1}}), layer("flatten"),
                       layer("linear", {{"out", 4}}), layer("activation"), layer("linear", {{"out", 1}})}}});
  specs.push_back({{"kind", "classifier"}, {"input", 3}, {"classes", 4}, {"hidden", List{8, 7}}});
  specs.push_back({{"kind", "conditional"}, {"input", 3}, {"condition", 2}, {"hidden", List{8, 7}}});
  specs.push_back({{"kind", "conditional"}, {"input", 3}, {"classes", 4}, {"hidden", List{8, 7}}});
  return specs;
}

Batch rowsFor(const Program& p, std::int64_t n, at::ScalarType type) {
  Batch rows;
  rows.x = normal(n, p.inputWidth(), 1, type);
  if (p.condition.kind == Condition::Kind::Class && !p.condition.optional)
    rows.y = Random(5).index(n, p.condition.width, 7, Stream::User);
  if (p.condition.kind == Condition::Kind::Continuous) rows.y = normal(n, p.condition.width, 8, type);
  return rows;
}

// Float32 sums over 31 rows of numbers of order one: a few hundred roundings of 6e-8, in float64 of 1e-16.
template <class T>
void equalsAutograd() {
  constexpr auto type = c10::CppTypeToScalarType<T>::value;
  constexpr double kScore = std::is_same_v<T, float> ? 2e-5 : 1e-12, kGradient = 2.5 * kScore;
  for (const Map& spec : specs()) {
    const EnergyRef energy = energyFrom(spec, type);
    for (const auto& [name, value] : energy->parameters().named())
      if (value.dim() > 0)  // nothing at a neutral value: gains of 1, shifts of 0, P = I
        energy->parameters().assign({{name, value + 0.3 * normal(value.numel(), 1, 3, type).reshape(value.sizes())}},
                                    false);
    for (std::int64_t n : {1, 31}) {
      const Batch rows = rowsFor(energy->program(), n, type);
      const at::Tensor outer = normal(n, energy->inputWidth(), 2, type);
      const Derivatives hand = byHand<T>(*energy, rows, outer), autograd = byAutograd(*energy, rows, outer);
      CHECK_NEAR(relative(hand.score, autograd.score), 0.0, kScore);
      CHECK_NEAR(relative(hand.gradient, autograd.gradient), 0.0, kGradient);
      // A test of the test: another weight on one row must be seen.
      at::Tensor other = outer.clone();
      other.select(0, n / 2).mul_(2);
      if (hand.gradient.numel() > 12)
        CHECK(relative(byHand<T>(*energy, rows, other).gradient, autograd.gradient) > 1e-3);
    }
  }
}

}  // namespace

TEST(equals_autograd_through_autograd) { equalsAutograd<float>(); }
TEST(equals_autograd_through_autograd_in_float64) { equalsAutograd<double>(); }

TEST(other_energies_take_the_plain_path) {
  const auto taken = [](Map spec) {
    std::string reason;
    const EnergyRef energy = energyFrom(std::move(spec));
    return TileProgram::compileSecondOrder(plain(energy->program()), reason) != nullptr;
  };
  const List hidden{5, 4};
  CHECK(!taken({{"kind", "mlp"}, {"input", 2}, {"hidden", hidden}, {"activation", "relu"}}));
  const List dropped{layer("linear", {{"out", 4}}), layer("dropout", {{"p", 0.5}}), layer("linear", {{"out", 1}})};
  CHECK(!taken({{"kind", "sequential"}, {"input", 2}, {"layers", dropped}}));
}

}  // namespace langevin::second_order_test
