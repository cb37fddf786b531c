#include "objectives/diverged.hpp"

#include <cmath>

#include "base/remedy.hpp"

namespace langevin {

const char* const kDivergenceRemedies =
    "what usually helps: a smaller lr, clipNorm, penalties: { energy: 0.1 }, more or smaller sampler steps, "
    "standardised data; the last checkpoint is unchanged";

void diverged(std::int64_t step, const std::string& monitor, double value, const std::string& what) {
  throw errorWithRemedy(Code::Diverged, "training diverged at step " + std::to_string(step) + ": " + what,
                        kDivergenceRemedies, {{"step", step}, {"monitor", monitor}, {"value", std::to_string(value)}});
}

void requireConverging(double value, std::int64_t step, const std::string& monitor) {
  if (!std::isfinite(value)) diverged(step, monitor, value, "the " + monitor + " is " + std::to_string(value));
}

}  // namespace langevin
