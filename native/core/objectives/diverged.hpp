// The error of a training run whose numbers are no longer finite or have left their limits.
#pragma once

#include <cstdint>
#include <string>

namespace langevin {

/// What to try, for messages.
extern const char* const kDivergenceRemedies;

/// Throws Code::Diverged when `value` is not finite: names step and monitor, says what usually helps.
void requireConverging(double value, std::int64_t step, const std::string& monitor);
[[noreturn]] void diverged(std::int64_t step, const std::string& monitor, double value, const std::string& what);

}  // namespace langevin
