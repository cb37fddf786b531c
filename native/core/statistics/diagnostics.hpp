// How far draws of Markov chains may be trusted: rank-normalised split R-hat, effective sample sizes and Monte Carlo
// standard errors after Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), "Rank-normalization, folding, and
// localization: an improved R-hat", Bayesian Analysis 16(2).
#pragma once

#include "base/torch.hpp"

namespace langevin {

/// Numbers of one quantity. NaN where undefined: fewer than 4 draws per chain, or draws that never change.
struct ChainSummary {
  double mean = 0, sd = 0;  // over all draws
  double rhat = 0;          // the larger of the rank-normalised split R-hat of the draws and of the folded draws
  double essBulk = 0;       // effective draws of the rank-normalised, split chains
  double essTail = 0;       // the smaller one of the indicators of the 5 % and 95 % quantiles
  double essMean = 0;       // effective draws for the mean (no rank normalisation)
  double mcse = 0;          // standard error of the mean, sd / sqrt(essMean)
};

/// draws [chains, n], any float dtype. Throws Code::Shape when it is not a matrix, Code::NonFinite on NaN or infinity.
ChainSummary summariseChains(const at::Tensor& draws);

/// Split R-hat of chains [m, n] as they are given (no splitting, no ranks): sqrt(((n - 1) / n W + B / n) / W).
double potentialScaleReduction(const at::Tensor& chains);

/// Effective sample size of chains [m, n] as they are given: m n / tau by Geyer's initial monotone sequence over the
/// autocorrelations of all chains together (paper, section 3.2), tau at least 1 / log10(m n).
double effectiveSampleSize(const at::Tensor& chains);

/// [m, n] -> [2 m, n / 2]: first and last halves; the middle draw of an odd number is left out.
at::Tensor splitChains(const at::Tensor& draws);

/// z = Phi^-1((rank - 3/8) / (S + 1/4)) over all draws together, ties share their mean rank.
at::Tensor rankNormalise(const at::Tensor& draws);

}  // namespace langevin
