// The operation table and what executors and closed forms of derivatives have for each activation.
#include "program/ops.hpp"

#include "check.hpp"
#include "executors/cpu/tile_second.hpp"
#include "executors/cuda/lower.hpp"
#include "gradients/score_chain.hpp"
#include "kernels/jet_kernels.hpp"

namespace langevin::test::operations_test {
namespace {

// Says which activation lacks what, and where it is added.
void require(bool there, const std::string& activation, const std::string& what) {
  if (!there) fail(__FILE__, __LINE__, "the activation '" + activation + "' has no " + what);
}

TEST(every_activation_has_all_its_forms) {
  CHECK(activationOperations().size() >= 7);
  for (const OpDefinition& row : activationOperations()) {
    CHECK(&operation(row.name) == &row);
    const TileOpOf<float>* tile = findTileOp<float>(row.name);
    require(tile && tile->unary == row.traits.unary, row.name, "tile form (unary in program/op_traits.cpp)");
    require(findTileOp<double>(row.name) != nullptr, row.name, "tile form in float64");
    require(cuda::findCudaOp(row.name) != nullptr, row.name, "CUDA form (executors/cuda/lower_elementwise.cpp)");
    if (!row.traits.smooth) continue;
    require(findSecondOp<float>(row.name) && findSecondOp<double>(row.name), row.name,
            "second derivatives (executors/cpu/tile_second_ops.cpp)");
    require(isSmoothActivation(row), row.name, "third derivatives (gradients/score_chain_tensors.cpp)");
    float numbers[8] = {};
    const Bend bend{numbers, numbers + 1, numbers + 2, nullptr, numbers + 3, numbers + 4, false};
    require(tileKernels().bend({*row.traits.unary, 0.0f}, bend, 1), row.name, "bend (kernels/isa/activate.hpp)");
    double wide[8] = {};
    const BendOf<double> wideBend{wide, wide + 1, wide + 2, nullptr, wide + 3, wide + 4, false};
    require(tileKernelsOf<double>().bend({*row.traits.unary, 0.0}, wideBend, 1), row.name, "bend in float64");
    JetLayer layer{.rows = 1, .width = 1, .directions = 0};
    layer.slope = numbers, layer.second = numbers + 1, layer.third = numbers + 2, layer.sums = numbers + 3;
    require(jetKernels().values(*row.traits.unary, layer, nullptr, nullptr), row.name, "jet (kernels/isa/jets.hpp)");
  }
}

TEST(what_is_not_smooth_has_no_second_form) {
  for (const char* name : {"relu", "leakyRelu", "abs", "maximum", "minimum", "maxPool2d"}) {
    CHECK(!operation(name).traits.smooth);
    CHECK(!findSecondOp<float>(name) && !findSecondOp<double>(name));
    CHECK(!isSmoothActivation(operation(name)));
  }
}

TEST(traits_say_what_an_operation_is) {
  // A row without a value in ATen would be an operation that only the fused kernels have.
  for (const NamedTraits& row : operationTraits()) CHECK(std::string(operation(row.name).name) == row.name);
  CHECK(operation("linear").is(OpForm::Linear));
  CHECK(operation("dropout").traits.stochastic);
  CHECK(operation("input").is(OpSource::Rows) && operation("condition").is(OpSource::Condition));
  CHECK(operation("spectralScale").is(OpSource::Computed));
  CHECK(operation("square").traits.unary == Unary::Square && !operation("square").traits.activation);
  // The sources are those that have no inputs.
  for (const auto* table : {&elementwiseOperations(), &activationOperations(), &layerOperations(), &imageOperations()})
    for (const OpDefinition& row : *table) CHECK(row.is(OpSource::None));
  try {
    operation("linaer");
    CHECK(false);
  } catch (const Error& error) {
    CHECK(error.code == Code::Unsupported);
    CHECK(std::string(error.what()).find("linear") != std::string::npos);
  }
}

}  // namespace
}  // namespace langevin::test::operations_test
