#include "samplers/ladder.hpp"

#include <cmath>

namespace langevin {
namespace {

std::vector<double> ladder(const Spec& spec, bool rising) {
  std::vector<double> values;
  if (spec.value().map()) {
    const double from = spec.positive("from"), to = spec.positive("to");
    const std::int64_t levels = spec.count("levels", 2);
    for (std::int64_t i = 0; i < levels; ++i)
      values.push_back(from * std::pow(to / from, static_cast<double>(i) / static_cast<double>(levels - 1)));
  } else {
    values = spec.numbers();
  }
  if (values.empty()) spec.invalid("must have at least one level");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] > 0)) spec.invalid("levels must be greater than 0");
    if (i > 0 && (rising ? values[i] <= values[i - 1] : values[i] >= values[i - 1]))
      spec.invalid(rising ? "levels must rise from one to the next" : "levels must fall from one to the next");
  }
  return values;
}

}  // namespace

std::vector<double> risingLadder(const Spec& spec) { return ladder(spec, true); }
std::vector<double> fallingLadder(const Spec& spec) { return ladder(spec, false); }

}  // namespace langevin
