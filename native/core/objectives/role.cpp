#include "objectives/role.hpp"

#include <algorithm>

namespace langevin {

std::uint64_t roleSeed(const std::vector<Role>& roles, const std::string& role, const Random& random) {
  const auto it = std::find_if(roles.begin(), roles.end(), [&](const Role& r) { return r.name == role; });
  return random.fork(Salt::Role, static_cast<std::uint64_t>(it - roles.begin())).seed();
}

}  // namespace langevin
