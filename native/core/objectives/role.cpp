#include "objectives/role.hpp"

#include <algorithm>

namespace langevin {
namespace {

// Named parts of the run's random numbers: role i takes kRoleSalt + i.
constexpr std::uint64_t kRoleSalt = 0x4E7;

}  // namespace

std::uint64_t roleSeed(const std::vector<Role>& roles, const std::string& role, const Random& random) {
  const auto it = std::find_if(roles.begin(), roles.end(), [&](const Role& r) { return r.name == role; });
  return random.fork(kRoleSalt + static_cast<std::uint64_t>(it - roles.begin())).seed();
}

}  // namespace langevin
