// mlp: Linear, activation, ..., Linear; the state dict of the torch.nn.Sequential with the same modules. With `embedding`
// every categorical variable of `states` enters through a Linear(levels, embedding) of its own, "embeddings.0",
// "embeddings.1", ... in the order of the columns; other columns enter as they are. With `embed: 'levels'` ordinal and
// cyclic variables do too, and the Gaussian base is of the real columns.
#include "energies/bernoulli_base.hpp"
#include "networks/layers.hpp"
#include "program/builder.hpp"

namespace langevin {
namespace {

// 1 at the level that a column holds and 0 at the others; between two levels it is straight.
int indicators(Builder& b, int column, std::int64_t levels) {
  const int places = b.constant(at::arange(levels, at::kDouble).view({1, levels}));
  return b.activation(b.affine(b.apply("abs", {b.sub(column, places)}), -1, 1), "relu");
}

bool embedsLevels(const Spec& spec) { return spec.has("embed") && spec.at("embed").text() == "levels"; }

Domain statesOf(const Spec& spec, std::int64_t columns, const char* option) {
  if (!spec.has("states")) spec.at(option).invalid("is of categorical columns: give states, a list of blocks");
  return Domain::read(spec.at("states"), columns);
}

int embedded(Builder& b, int x, const Spec& spec) {
  const std::int64_t width = spec.count("embedding");
  const Domain domain = statesOf(spec, b.width(x), "embedding");
  std::vector<int> parts;
  int variables = 0;
  std::int64_t plain = 0;  // first of the columns before that enter as they are
  const auto enter = [&](std::int64_t end) {
    if (plain < end) parts.push_back(b.slice(x, plain, end - plain));
  };
  for (const ColumnBlock& block : domain.blocks()) {
    const bool oneHot = block.kind == Domain::Kind::Categorical;
    const bool place = block.kind == Domain::Kind::Ordinal || block.kind == Domain::Kind::Cyclic;
    if (!oneHot && !(place && embedsLevels(spec))) continue;
    enter(block.first);
    plain = block.first + block.width;
    for (std::int64_t s = 0; s < block.sites(); ++s) {
      const int one = oneHot ? b.slice(x, block.first + s * block.levels, block.levels)
                             : indicators(b, b.slice(x, block.first + s, 1), block.levels);
      parts.push_back(linearOf(b, one, spec, "embeddings." + std::to_string(variables++), width));
    }
  }
  enter(domain.columns());
  if (variables == 0) spec.at("embedding").invalid("states has no categorical block");
  return parts.size() == 1 ? parts[0] : b.concat(std::move(parts));
}

int realColumns(Builder& b, int x, const Spec& spec) {
  if (!spec.has("gaussianBase")) return x;
  std::vector<int> parts;
  const Domain domain = statesOf(spec, b.width(x), "embed");
  for (const ColumnBlock& block : domain.blocks())
    if (block.kind == Domain::Kind::Real) parts.push_back(b.slice(x, block.first, block.width));
  if (parts.empty()) spec.at("gaussianBase").invalid("is of real columns, and states has none");
  return parts.size() == 1 ? parts[0] : b.concat(std::move(parts));
}

}  // namespace

Program lowerMlp(const Spec& spec) {
  Builder b("mlp");
  const int x = b.input(Shape::read(spec.at("input")));
  const int scaled = spec.has("inputScale") ? b.scale(x, spec.positive("inputScale")) : x;
  const int seen = spec.has("embedding") ? embedded(b, b.flatten(scaled), spec) : scaled;
  const int out = hiddenStack(b, seen, spec, 1, "");
  const int based = b.withGaussianBase(out, embedsLevels(spec) ? realColumns(b, b.flatten(x), spec) : x, spec);
  b.setEnergy(withBernoulliBase(b, based, x, spec));
  return b.finish();
}

}  // namespace langevin
