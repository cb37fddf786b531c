// kind -> objective. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "objectives/objective.hpp"

namespace langevin {

using MakeObjective = std::unique_ptr<Objective>(const Spec&);
MakeObjective makeMaximumLikelihood, makeContrastiveDivergence, makePersistentContrastiveDivergence,
    makePseudoSpherical, makeFDivergence, makeSteinDiscrepancy, makeLearnedSteinDiscrepancy, makeNoiseContrastive,
    makeRankingNoiseContrastive, makeConditionalNoiseContrastive, makeExplicitScoreMatching, makeSlicedScoreMatching,
    makeDenoisingScoreMatching, makeEnergyDiscrepancy, makeCrossEntropy, makeJointEnergy, makeMeanSquaredError,
    makeNegativeLogLikelihood, makeStructured, makeMinimumProbabilityFlow, makePseudoLikelihood, makeRatioMatching;

namespace {

const Registry<MakeObjective*>& objectiveRegistry() {
  static const Registry<MakeObjective*> registry = {
      "objective",
      {
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
          {"jointEnergy", makeJointEnergy},
          {"meanSquaredError", makeMeanSquaredError},
          {"negativeLogLikelihood", makeNegativeLogLikelihood},
          {"structured", makeStructured},
          {"minimumProbabilityFlow", makeMinimumProbabilityFlow},
          {"pseudoLikelihood", makePseudoLikelihood},
          {"ratioMatching", makeRatioMatching},
      },
  };
  return registry;
}

}  // namespace

std::unique_ptr<Objective> makeObjective(const Spec& spec) { return objectiveRegistry().find(spec)(spec); }

}  // namespace langevin
