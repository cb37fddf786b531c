// Objectives from parts that are there already instead of from a spec alone: a sampler, chains. Tests give chains that draw
// exactly.
#pragma once

#include <memory>

#include "objectives/objective.hpp"
#include "objectives/persistent_chains.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

std::unique_ptr<Objective> makeContrastiveDivergence(std::shared_ptr<const Sampler> sampler);
std::unique_ptr<Objective> makePseudoSpherical(double gamma, PersistentChains chains);
std::unique_ptr<Objective> makeFDivergence(const Spec& spec, PersistentChains chains);

}  // namespace langevin
