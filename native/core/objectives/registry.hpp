// kind -> objective. A new one is one file and one line in registry.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "objectives/objective.hpp"
#include "objectives/persistent_chains.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

std::vector<std::string> objectiveKinds();

// One factory an objective, each defined in objectives/<kind>.cpp.
std::unique_ptr<Objective> makeMaximumLikelihood(const Spec& spec);
std::unique_ptr<Objective> makeContrastiveDivergence(const Spec& spec);
/// With a sampler that is there already.
std::unique_ptr<Objective> makeContrastiveDivergence(std::shared_ptr<const Sampler> sampler);
std::unique_ptr<Objective> makePersistentContrastiveDivergence(const Spec& spec);
std::unique_ptr<Objective> makePseudoSpherical(const Spec& spec);
/// With chains that are there already.
std::unique_ptr<Objective> makePseudoSpherical(double gamma, PersistentChains chains);
std::unique_ptr<Objective> makeFDivergence(const Spec& spec);
std::unique_ptr<Objective> makeFDivergence(const Spec& spec, PersistentChains chains);
std::unique_ptr<Objective> makeSteinDiscrepancy(const Spec& spec);
std::unique_ptr<Objective> makeLearnedSteinDiscrepancy(const Spec& spec);
std::unique_ptr<Objective> makeNoiseContrastive(const Spec& spec);
std::unique_ptr<Objective> makeRankingNoiseContrastive(const Spec& spec);
std::unique_ptr<Objective> makeConditionalNoiseContrastive(const Spec& spec);
std::unique_ptr<Objective> makeExplicitScoreMatching(const Spec& spec);
std::unique_ptr<Objective> makeSlicedScoreMatching(const Spec& spec);
std::unique_ptr<Objective> makeDenoisingScoreMatching(const Spec& spec);
std::unique_ptr<Objective> makeEnergyDiscrepancy(const Spec& spec);
std::unique_ptr<Objective> makeCrossEntropy(const Spec& spec);
std::unique_ptr<Objective> makeMeanSquaredError(const Spec& spec);
std::unique_ptr<Objective> makeNegativeLogLikelihood(const Spec& spec);
std::unique_ptr<Objective> makeStructured(const Spec& spec);
std::unique_ptr<Objective> makeMinimumProbabilityFlow(const Spec& spec);

}  // namespace langevin
