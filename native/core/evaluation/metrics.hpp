// The metrics' entries in the function table, and the ranking problem other evaluation code builds.
#pragma once

#include <vector>

#include "base/torch.hpp"
#include "evaluation/ranking.hpp"
#include "functions.hpp"

namespace langevin {

/// OOD scores (float64 [n], higher = more out-of-distribution) and labels (int64 [n], 1 = out-of-distribution). With
/// the in-distribution class as the positive one, scores and labels are both turned round.
Ranking makeRanking(const at::Tensor& oodScores, const at::Tensor& isOod, bool positiveIsOod);
/// { scores, labels, positive: 'ood' | 'id' }
Ranking readRanking(const Spec& arguments);

const std::vector<Function>& metricsFunctions();
const std::vector<Function>& steinFunctions();
const std::vector<Function>& partitionFunctions();
const std::vector<Function>& likelihoodFunctions();
const std::vector<Function>& detectorFunctions();
const std::vector<Function>& spandrelStudyFunctions();
const std::vector<Function>& gridDensityFunctions();

}  // namespace langevin
