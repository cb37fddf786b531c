// The networks an objective trains beside the energy: a role is one of them by name.
#pragma once

#include <string>
#include <vector>

#include "base/value.hpp"
#include "tensors/random.hpp"

namespace langevin {

/// What an objective says of a network it needs. The name ("helper", "critic", "generator") is the one of
/// train({ energy, <name> }), of checkpoints ("<name>/..."), of monitors ("<name>GradientNorm") and of the result's
/// `networks`.
struct Role {
  std::string name;
  /// The optimiser's spec where the run gives none for this role.
  Value optimizer;
};

/// Of the initial weights and the dropout masks of a role's network: other ones than the energy's and each other's.
std::uint64_t roleSeed(const std::vector<Role>& roles, const std::string& role, const Random& random);

}  // namespace langevin
