// Annealed importance sampling in both directions: log Z between two stochastic bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/job.hpp"
#include "evaluation/annealing_path.hpp"
#include "statistics/log_weights.hpp"

namespace langevin {

enum class Ladder { Given, Linear, Sigmoid, Adaptive };

struct AnnealedOptions {
  std::int64_t chains = 1000;
  Ladder ladder = Ladder::Linear;
  std::vector<double> betas;        // Given: 0 = b_0 < ... < b_K = 1
  std::int64_t temperatures = 200;  // Linear, Sigmoid: how many; Adaptive: at most so many
  double stepEss = 0.995;           // Adaptive: share of the pilot chains each change of b must leave effective
  AnnealingBase base;               // of real columns
  std::vector<double> bits;         // of bits: the probability of 1 of every column; empty: states are equally likely
  bool gradientMoves = false;       // of states: gibbsWithGradients in place of sweeps
  std::int64_t leapfrogSteps = 5, moves = 1;
  double stepSize = 0;            // leapfrog step of every column; 0: adapted in a pilot, column by column
  double targetAcceptance = 0.8;  // of the pilot
  std::int64_t pilotChains = 128;
  std::uint64_t seed = 0;
};

/// Inverse temperatures b_0 .. b_K and the move at each.
struct AnnealingPlan {
  std::vector<double> betas;
  std::vector<AnnealingMove> moves;  // moves[k] at betas[k]; moves[0] is never used
};

struct AnnealedPartition {
  double logZ = 0, standardError = 0;
  WeightSummary forward;                 // of log Z: logMean includes the base's log Z
  std::optional<WeightSummary> reverse;  // likewise, from samples of the energy
  double acceptance = 0;                 // NaN: no move had a test
  std::vector<double> betas;
};

/// 0 = b_0 < ... < b_{n-1} = 1: evenly spaced, or denser at both ends (Grosse et al. 2013: sigmoid of 4 (2 k / K - 1)).
std::vector<double> annealingLadder(Ladder kind, std::int64_t n);

/// Forward (Neal 2001): chains from the base up to the energy; E[w] = Z / Z_0, so log of the mean weight is in
/// expectation at most log Z. Reverse (Grosse, Ghahramani and Adams 2015; Burda et al. 2015): chains from `samples` of
/// the energy [n, d] (undefined: none) down to the base with the reversed moves; E[w'] = Z_0 / Z, so the estimate is in
/// expectation at least log Z. With both, logZ is Bennett's acceptance ratio (1976) of the two sets of weights.
AnnealedPartition annealedPartition(const Energy& energy, const AnnealedOptions& options, double temperature,
                                    const at::Tensor& y, const at::Tensor& samples, int threads, Job& job);

/// The same over the states of a discrete energy, from the uniform law, E_b = b E / T, by Gibbs sweeps in an
/// order redrawn each time (which are reversible), or by moves of gibbsWithGradients. With `bits` it starts at
/// independent bits, E_b = (1 - b) E_0 + b E / T. An rbm at T = 1, from the uniform law and by sweeps, is annealed with
/// its hidden units (Salakhutdinov and Murray 2008), E_b(x) = -log sum_h exp(-b E(x, h)), by drawing one layer after
/// the other. Ladder::Linear, Sigmoid, Given.
AnnealedPartition annealedStates(const Energy& energy, const AnnealedOptions& options, double temperature,
                                 const at::Tensor& y, const at::Tensor& samples, int threads, Job& job);

struct Bridge {
  double logRatio, standardError;
};
/// The c that solves sum_F sigmoid(W - c - m) = sum_R sigmoid(c + m - W), m = log(n_F / n_R) (Bennett 1976; Shirts et
/// al. 2003), with W the log weights of forward and of reversed paths, both as the forward direction counts them.
/// `logRatio` estimates log(Z / Z_0).
Bridge bennettRatio(const at::Tensor& forward, const at::Tensor& reverse);

}  // namespace langevin
