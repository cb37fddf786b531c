#include "energies/registry.hpp"

#include "base/registry.hpp"

namespace langevin {
namespace {

const std::vector<Registered<LowerEnergy>>& table() {
  static const std::vector<Registered<LowerEnergy>> rows = {
      {"mlp", lowerMlp},
      {"gaussian", lowerGaussian},
  };
  return rows;
}

}  // namespace

Program lower(const Spec& spec) { return findKind(table(), spec, "energy").make(spec); }

std::vector<std::string> energyKinds() { return kindsOf(table()); }

}  // namespace langevin
