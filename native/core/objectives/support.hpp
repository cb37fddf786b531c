// Pieces shared by objectives that compare data with negatives.
#pragma once

#include "noises/noise.hpp"
#include "objectives/objective.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

struct EnergyPair {
  at::Tensor data;       // E of the first rows
  at::Tensor negatives;  // E of the second rows
};

/// Energies of two sets of rows in one evaluation: one set of tiles, one pass.
EnergyPair energiesOf(StepContext& context, const Batch& data, const Batch& negatives);

/// The rows `times` times over, one whole copy after the other; undefined stays undefined.
at::Tensor repeated(const at::Tensor& rows, std::int64_t times);

/// `times` rows of noise per datum of the batch, under the data's conditions; fresh every step.
Batch noiseRows(StepContext& context, const Noise& noise, std::int64_t times);

/// `steps` steps of the sampler (0: its own number) from `rows`, at the model's present weights. The chains' random
/// numbers come from `random` (without it from the step's), keyed by row and by context.step * steps + t, so every step
/// of a run has its own. Reports acceptance,
/// clippedShare, clampedShare, displacement (root mean square, in units of the spread of the training rows). With
/// `kept`, the positions before each of the last `keep` steps are added to it.
at::Tensor advanceRows(StepContext& context, const Sampler& sampler, const Batch& rows, std::int64_t steps = 0,
                       std::int64_t keep = 0, std::vector<at::Tensor>* kept = nullptr, const Random* random = nullptr);

/// What `rows` become by one call of the sampler at `factor` times its temperature. `level` numbers such calls within a
/// step, so that none repeats another's random numbers.
at::Tensor rowsAtTemperature(StepContext& context, const Sampler& sampler, const Batch& rows, double factor,
                             std::uint64_t level, const Random& random);

/// Warns when the chains' law is not the model's: an effective temperature other than 1.
void warnOfTemperature(StepContext& context, const Sampler& sampler);

/// sum of weight times mean E over sets of recorded energies, as a loss without a graph.
at::Tensor weightedMeans(StepContext& context, const std::vector<std::pair<at::Tensor, double>>& energies);

/// mean E(data) - mean E(negatives): its gradient is the one of the log-likelihood, with the negatives standing for the
/// model's law. Records both energies.
at::Tensor contrast(StepContext& context, const Batch& data, const Batch& negatives);

/// Networks as { name: { parameter: tensor } }.
Map weightsOf(const std::map<std::string, NetworkRef>& networks);

/// The refusal of a condition y by objectives that have no use for it.
void requireUnconditional(const RowSource& data, const char* objective);

/// The refusal of discrete energies by objectives that look at E between states; `what` it is they do there.
void requireRealRows(const Energy& model, const std::string& what);

}  // namespace langevin
