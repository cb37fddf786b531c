// mlp: Linear, activation, ..., Linear; the state dict of the torch.nn.Sequential with the same modules. With `embedding`
// every categorical variable of `states` enters through a Linear(levels, embedding) of its own, "embeddings.0",
// "embeddings.1", ... in the order of the columns; other columns enter as they are.
#include "networks/layers.hpp"
#include "program/builder.hpp"

namespace langevin {
namespace {

int embedded(Builder& b, int x, const Spec& spec) {
  const std::int64_t width = spec.count("embedding");
  if (!spec.has("states")) spec.at("embedding").invalid("is of categorical columns: give states, a list of blocks");
  const Domain domain = Domain::read(spec.at("states"), b.width(x));
  std::vector<int> parts;
  int variables = 0;
  std::int64_t plain = 0;  // first of the columns before that enter as they are
  const auto enter = [&](std::int64_t end) {
    if (plain < end) parts.push_back(b.slice(x, plain, end - plain));
  };
  for (const ColumnBlock& block : domain.blocks()) {
    if (block.kind != Domain::Kind::Categorical) continue;
    enter(block.first);
    plain = block.first + block.width;
    for (std::int64_t s = 0; s < block.sites(); ++s) {
      const int one = b.slice(x, block.first + s * block.levels, block.levels);
      parts.push_back(linearOf(b, one, spec, "embeddings." + std::to_string(variables++), width));
    }
  }
  enter(domain.columns());
  if (variables == 0) spec.at("embedding").invalid("states has no categorical block");
  return parts.size() == 1 ? parts[0] : b.concat(std::move(parts));
}

}  // namespace

Program lowerMlp(const Spec& spec) {
  Builder b("mlp");
  const int x = b.input(Shape::read(spec.at("input")));
  const int scaled = spec.has("inputScale") ? b.scale(x, spec.positive("inputScale")) : x;
  const int seen = spec.has("embedding") ? embedded(b, b.flatten(scaled), spec) : scaled;
  const int out = hiddenStack(b, seen, spec, 1, "");
  b.setEnergy(b.withGaussianBase(out, x, spec));
  return b.finish();
}

}  // namespace langevin
