#include "energies/bernoulli_base.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace langevin {

int withBernoulliBase(Builder& b, int energy, int x, const Spec& spec) {
  const auto base = spec.find("bernoulliBase");
  if (!base) return energy;
  const std::int64_t columns = b.width(x);
  if (!spec.has("states") || !Domain::read(spec.at("states"), columns).within({Domain::Kind::Binary}))
    base->invalid("is of bits: give states 'binary'");
  const std::vector<double> p =
      base->value().list() ? base->numbers() : std::vector<double>(static_cast<std::size_t>(columns), base->number());
  if (static_cast<std::int64_t>(p.size()) != columns)
    base->invalid("has " + std::to_string(p.size()) + " numbers, the energy has " + std::to_string(columns) +
                  " columns");
  std::vector<double> logits;
  for (const double each : p) {
    if (!(each > 0 && each < 1)) base->invalid("each must lie strictly between 0 and 1");
    logits.push_back(std::log(each) - std::log1p(-each));
  }
  const int weights = b.constant(at::tensor(logits, at::kDouble).view({1, columns}));
  return b.sub(energy, b.sum(b.mul(b.flatten(x), weights)));
}

}  // namespace langevin
