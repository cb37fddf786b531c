#include "program/op_traits.hpp"

#include <unordered_map>

#include "kernels/tile_kernels.hpp"

namespace langevin {

const std::vector<NamedTraits>& operationTraits() {
  static const std::vector<NamedTraits> table = {
      // of numbers
      {"add", {.form = OpForm::Add}},
      {"sub"},
      {"mul"},
      {"div"},
      {"neg"},
      {"scale", {.form = OpForm::Scale}},
      {"square", {.unary = Unary::Square}},
      {"sqrt", {.unary = Unary::Sqrt}},
      {"exp", {.unary = Unary::Exp}},
      {"log", {.unary = Unary::Log}},
      {"sin", {.unary = Unary::Sin}},
      {"cos", {.unary = Unary::Cos}},
      {"abs", {.smooth = false, .unary = Unary::Abs}},
      {"pow", {.unary = Unary::Pow}},
      {"maximum", {.smooth = false}},
      {"minimum", {.smooth = false}},
      {"gt"},
      {"ge"},
      {"lt"},
      {"le"},
      {"where"},
      // of layers: activations
      {"silu", {.activation = true, .unary = Unary::Silu}},
      {"gelu", {.activation = true, .unary = Unary::Gelu}},
      {"tanh", {.activation = true, .unary = Unary::Tanh}},
      {"sigmoid", {.activation = true, .unary = Unary::Sigmoid}},
      {"softplus", {.activation = true, .unary = Unary::Softplus}},
      {"relu", {.smooth = false, .activation = true, .unary = Unary::Relu}},
      {"leakyRelu", {.smooth = false, .activation = true, .unary = Unary::LeakyRelu}},
      // of rows: sources, reductions, columns
      {"input", {.source = OpSource::Rows}},
      {"condition", {.source = OpSource::Condition}},
      {"constant", {.source = OpSource::Constant}},
      {"parameter", {.source = OpSource::Parameter}},
      {"sum", {.form = OpForm::Sum}},
      {"mean"},
      {"logsumexp"},
      {"logSoftmax"},
      {"matmul", {.form = OpForm::Matmul}},
      {"slice", {.form = OpForm::Slice}},
      {"columns"},
      {"concat"},
      {"gather"},
      {"norm"},
      {"quadratic", {.form = OpForm::Quadratic}},
      {"distances", {.form = OpForm::Distances}},
      {"blockSums"},
      {"pairwise", {.form = OpForm::Pairwise}},
      // layers
      {"linear", {.form = OpForm::Linear}},
      {"layerNorm"},
      {"embedding"},
      {"dropout", {.stochastic = true}},
      // images
      {"conv2d", {.form = OpForm::Conv}},
      {"convTranspose2d", {.form = OpForm::ConvTranspose}},
      {"sumPool2d"},
      {"maxPool2d", {.smooth = false}},
      {"upsample2d"},
      {"transpose"},
      // spectral normalisation
      {"spectralScale", {.source = OpSource::Computed}},
  };
  return table;
}

const NamedTraits* findTraits(const std::string& name) {
  static const auto index = [] {
    std::unordered_map<std::string, const NamedTraits*> map;
    for (const NamedTraits& row : operationTraits()) map.emplace(row.name, &row);
    return map;
  }();
  const auto it = index.find(name);
  return it == index.end() ? nullptr : it->second;
}

}  // namespace langevin
