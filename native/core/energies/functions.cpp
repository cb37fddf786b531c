// energy.*: create and evaluate. What every network has is in networks/functions.cpp.
#include "base/function.hpp"
#include "base/threads.hpp"
#include "energies/energy.hpp"
#include "energies/registry.hpp"
#include "networks/size_limit.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

Batch rowsOf(const Spec& a, const Energy& energy) {
  return energy.rows(unbox(a.at("x")), a.has("y") ? unbox(a.at("y")) : at::Tensor());
}

// { spec, seed, dtype, device, mostNumbers? } -> energy
Value create(const Spec& a, Job&) {
  const at::ScalarType dtype = a.has("dtype") ? parseDtype(a.at("dtype")) : at::kFloat;
  const std::uint64_t seed = a.has("seed") ? a.at("seed").seed() : 0;
  if (a.has("mostNumbers")) requireAtMost(lower(a.at("spec")), a.at("mostNumbers"));
  return makeEnergy(a.at("spec"), dtype, parseDevice(a.text("device", "cpu")), seed);
}

// { energy, x, y?, threads? } -> [n]
Value energyValues(const Spec& a, Job&) {
  const EnergyRef energy = energyIn(a.at("energy"));
  at::Tensor values = energy->energyOf(rowsOf(a, *energy), a.threads());
  requireFinite(values, "the energy");
  return box(values);
}

Value score(const Spec& a, Job&) {
  const EnergyRef energy = energyIn(a.at("energy"));
  at::Tensor gradient = energy->energyAndGradient(rowsOf(a, *energy), a.threads()).gradient;
  requireFinite(gradient, "the score");
  const at::Tensor given = unbox(a.at("x"));
  return box(given.dim() > 2 ? (-gradient).view(given.sizes()) : -gradient);
}

Value kindsOfEnergies(const Spec&, Job&) {
  List result;
  for (const std::string& kind : energyKinds()) result.emplace_back(kind);
  return result;
}

}  // namespace

const std::vector<Function>& energyFunctions() {
  static const std::vector<Function> table = {
      {"energy.create", Lane::Short, create},
      {"energy.energy", Lane::Short, energyValues},
      {"energy.score", Lane::Short, score},
      {"energy.energyNow", Lane::Immediate, energyValues, Access::Evaluates},
      {"energy.scoreNow", Lane::Immediate, score, Access::Evaluates},
      {"energy.kinds", Lane::Immediate, kindsOfEnergies},
  };
  return table;
}

}  // namespace langevin
