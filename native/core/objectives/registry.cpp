#include "objectives/registry.hpp"

#include "base/registry.hpp"

namespace langevin {
namespace {

using Make = std::unique_ptr<Objective> (*)(const Spec&);

const std::vector<Registered<Make>>& table() {
  static const std::vector<Registered<Make>> rows = {
      {"maximumLikelihood", makeMaximumLikelihood},
      {"contrastiveDivergence", makeContrastiveDivergence},
      {"persistentContrastiveDivergence", makePersistentContrastiveDivergence},
      {"pseudoSpherical", makePseudoSpherical},
      {"fDivergence", makeFDivergence},
      {"steinDiscrepancy", makeSteinDiscrepancy},
      {"learnedSteinDiscrepancy", makeLearnedSteinDiscrepancy},
      {"noiseContrastive", makeNoiseContrastive},
      {"rankingNoiseContrastive", makeRankingNoiseContrastive},
      {"conditionalNoiseContrastive", makeConditionalNoiseContrastive},
      {"explicitScoreMatching", makeExplicitScoreMatching},
      {"slicedScoreMatching", makeSlicedScoreMatching},
      {"denoisingScoreMatching", makeDenoisingScoreMatching},
      {"energyDiscrepancy", makeEnergyDiscrepancy},
      {"crossEntropy", makeCrossEntropy},
      {"meanSquaredError", makeMeanSquaredError},
      {"negativeLogLikelihood", makeNegativeLogLikelihood},
      {"structured", makeStructured},
      {"minimumProbabilityFlow", makeMinimumProbabilityFlow},
  };
  return rows;
}

}  // namespace

std::unique_ptr<Objective> makeObjective(const Spec& spec) { return findKind(table(), spec, "objective").make(spec); }

std::vector<std::string> objectiveKinds() { return kindsOf(table()); }

}  // namespace langevin
