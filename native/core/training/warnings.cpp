#include "training/warnings.hpp"

namespace langevin {

void Warnings::add(const Monitor& monitor, std::int64_t step, double value, double bound, const std::string& message) {
  if (!warned_.insert(monitor.name).second) return;
  Map event = warningEvent(monitor, step + 1, value, bound, message);
  list_.emplace_back(event);
  job_.emit(std::move(event));
}

}  // namespace langevin
