#include "training/warnings.hpp"

namespace langevin {

void Warnings::add(const Monitor& monitor, std::int64_t step, double value, double bound, const std::string& message) {
  if (!warned_.insert(monitor.name).second) return;
  Map event = warningEvent(monitor, step + 1, value, bound, message);
  list_.emplace_back(event);
  job_.emit(std::move(event));
}

void Warnings::addAgain(const Monitor& monitor, std::int64_t step, double value, const std::string& message) {
  if (warned_.count(monitor.name))
    job_.emit(warningEvent(monitor, step + 1, value, monitor.limit, message));
  else
    add(monitor, step, value, monitor.limit, message);
}

}  // namespace langevin
