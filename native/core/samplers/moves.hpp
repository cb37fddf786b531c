// What the kernels share: evaluation in the dtype of the chains, gradient clip, box, Metropolis test.
#pragma once

#include "samplers/sampler.hpp"

namespace langevin {

/// E and dE/dx in the dtype of x. A bfloat16 model may drive float32 chains: small steps would vanish in bfloat16.
EnergyAndGradient evaluateAt(const Target& target, const at::Tensor& x, const at::Tensor& y);
/// E alone, [n].
at::Tensor energyAt(const Target& target, const at::Tensor& x, const at::Tensor& y);

/// Rows longer than `clip` are shortened to it (0 = off). A non-finite row stays non-finite.
at::Tensor clipRows(const at::Tensor& gradient, double clip, Tally& tally);

/// Brings x back into the box, in place. Reflection turns the velocity of a bounced coordinate around, clamping stops
/// it. Infinite positions become NaN rather than a border point, so that the finite check still sees them.
void applyBox(at::Tensor& x, const Box& box, Tally& tally, at::Tensor* velocity = nullptr);

/// Of a sampler with a Metropolis test: refuses a clamping box, which has no density to use in the test.
void requireReflectingBox(const Spec& spec, const CommonOptions& options);

/// log of the Metropolis-Hastings ratio of x -> moved under the Langevin proposal of step size h at temperature T, [n]:
/// (E - E' + (g + g') . ((x' - x) - (h/4) (g' - g)) / 2) / T, the log of pi(x') q(x | x') / (pi(x) q(x' | x)) with the
/// common terms cancelled by hand (float32 keeps its digits that way).
at::Tensor langevinLogRatio(const at::Tensor& x, const at::Tensor& energy, const at::Tensor& gradient,
                            const at::Tensor& moved, const at::Tensor& movedEnergy, const at::Tensor& movedGradient,
                            double stepSize, double temperature);

/// The Metropolis-Hastings test of the moves chains.x -> x with log ratios [n]: chains take over what was accepted. A
/// ratio that is not a number is refused. Tallies acceptance probabilities, moves taken, and energies that are not
/// finite as divergences.
void acceptMoves(Chains& chains, const at::Tensor& x, const EnergyAndGradient& next, const at::Tensor& logRatio,
                 const StepClock& clock, const Random& random, Tally& tally);

/// The last part of it, for kernels that count probabilities and divergences in their own way: draws, takes over, and
/// tallies what was taken.
void takeMoves(Chains& chains, const at::Tensor& x, const EnergyAndGradient& next, const at::Tensor& logRatio,
               const StepClock& clock, const Random& random, Tally& tally);

/// Adds min(1, exp(logRatio)) to the tally and returns it, float64 [n]. A ratio that is not a number counts as 0.
at::Tensor tallyAcceptance(const at::Tensor& logRatio, Tally& tally);

/// Code::NonFinite (at the start) or Code::Diverged (later) naming chain and step, with the remedies.
[[noreturn]] void chainNotFinite(std::uint64_t chain, const char* what, bool start, std::uint64_t step);

/// Throws it for the first chain whose energy or position is not finite, at the start also its gradient.
void requireFiniteState(const Chains& tile, bool start, std::uint64_t step);

/// The first row with a value that is not finite, or -1. One pass without a temporary on the CPU.
std::int64_t firstNonFiniteRow(const at::Tensor& value);

}  // namespace langevin
