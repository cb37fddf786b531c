// The ranking problem that metrics and detectors are judged by.
#pragma once

#include "base/spec.hpp"
#include "base/torch.hpp"
#include "statistics/ranking.hpp"

namespace langevin {

/// OOD scores (float64 [n], higher = more out-of-distribution) and labels (int64 [n], 1 = out-of-distribution). With
/// the in-distribution class as the positive one, scores and labels are both turned round.
Ranking makeRanking(const at::Tensor& oodScores, const at::Tensor& isOod, bool positiveIsOod);
/// { scores, labels, positive: 'ood' | 'id' }
Ranking readRanking(const Spec& arguments);

}  // namespace langevin
