#include "objectives/support.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "objectives/monitor_table.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

EnergyPair energiesOf(StepContext& context, const Batch& data, const Batch& negatives) {
  const std::vector<at::Tensor> energy = context.energies({data, negatives});
  return {energy[0], energy[1]};
}

at::Tensor repeated(const at::Tensor& rows, std::int64_t times) {
  if (!rows.defined() || times == 1) return rows;
  return at::cat(std::vector<at::Tensor>(static_cast<std::size_t>(times), rows));
}

Batch noiseRows(StepContext& context, const Noise& noise, std::int64_t times) {
  const Batch& data = context.batch;
  return {noise.sample(data.size() * times, static_cast<std::uint64_t>(context.step), context.random()),
          repeated(data.y, times)};
}

at::Tensor advanceRows(StepContext& context, const Sampler& sampler, const Batch& rows, std::int64_t steps,
                       std::int64_t keep, std::vector<at::Tensor>* kept, const Random* random) {
  warnOfTemperature(context, sampler);
  const Random& numbers = random ? *random : context.random();
  Chains chains;
  chains.x = rows.x.detach().clone();
  chains.y = rows.y;
  if (steps < 1) steps = sampler.common().steps;
  // Monitored on its last step, which leaves positions only.
  StepClock clock{0, steps, static_cast<std::uint64_t>(context.step) * static_cast<std::uint64_t>(steps), steps, true};
  Tally tally;
  const auto go = [&](std::int64_t count) {
    tally.merge(advance(sampler, context.model(), chains, clock, count, numbers, context.threads, context.job()));
    clock.t += count;
    clock.counter += static_cast<std::uint64_t>(count);
  };
  go(steps - keep);
  for (std::int64_t i = 0; i < keep; ++i) {
    kept->push_back(chains.x.detach().clone());
    go(1);
  }
  if (tally.proposals > 0) context.monitor("acceptance", tally.acceptanceRate());
  const double moved = normOf(chains.x.detach() - rows.x.detach());
  context.monitor("displacement", moved / std::sqrt(static_cast<double>(rows.size())) / context.spread);
  context.monitor("clippedShare", tally.clippedShare());
  context.monitor("clampedShare", tally.clampedShare());
  return chains.x.detach();
}

at::Tensor rowsAtTemperature(StepContext& context, const Sampler& sampler, const Batch& rows, double factor,
                             std::uint64_t level, const Random& random) {
  const auto hot = sampler.atTemperature(factor);
  if (!hot)
    fail(Code::InvalidOption,
         "buffer.temper runs the sampler at higher temperatures, and this one has no such form: use langevin, mala, "
         "hmc, underdampedLangevin, gibbs, gibbsWithGradients or discreteLangevin");
  Chains chains;
  chains.x = rows.x.detach().clone();
  chains.y = rows.y;
  const std::int64_t steps = hot->common().steps;
  const auto counter = static_cast<std::uint64_t>(context.step) * static_cast<std::uint64_t>(steps);
  advance(*hot, context.model(), chains, steps, counter, random.fork(Salt::AnnealedRestarts, level), context.threads,
          context.job());
  return chains.x.detach();
}

void warnOfTemperature(StepContext& context, const Sampler& sampler) {
  const double temperature = sampler.effectiveTemperature();
  const Monitor& monitor = monitorNamed("effectiveTemperature");
  if (!monitor.passed(temperature)) return;
  std::ostringstream text;
  text << "the sampler's effective temperature is " << temperature << ", not 1: " << monitor.reading;
  context.warn(monitor.name, temperature, text.str());
}

at::Tensor weightedMeans(StepContext& context, const std::vector<std::pair<at::Tensor, double>>& energies) {
  double sum = 0;
  std::vector<Derivative> derivatives;
  for (const auto& [energy, weight] : energies) {
    sum += weight * meanOf(energy);
    derivatives.push_back({energy, at::full_like(energy, weight / static_cast<double>(energy.numel()))});
  }
  return context.lossWithGradients(sum, derivatives);
}

at::Tensor contrast(StepContext& context, const Batch& data, const Batch& negatives) {
  const EnergyPair energy = energiesOf(context, data, negatives);
  context.recordData(energy.data);
  context.recordNegatives(energy.negatives);
  return weightedMeans(context, {{energy.data, 1.0}, {energy.negatives, -1.0}});
}

Map weightsOf(const std::map<std::string, NetworkRef>& networks) {
  Map result;
  for (const auto& [name, network] : networks) {
    Map weights;
    for (auto& [key, tensor] : network->parameters().named()) weights.emplace(key, box(tensor));
    result.emplace(name, std::move(weights));
  }
  return result;
}

void requireRealRows(const Energy& model, const std::string& what) {
  model.program().domain.require(
      Kinds::real(), what,
      "minimumProbabilityFlow, or contrastiveDivergence or persistentContrastiveDivergence with a gibbs or "
      "gibbsWithGradients sampler");
}

void requireUnconditional(const RowSource& data, const char* objective) {
  if (data.y().defined()) fail(Code::Unsupported, objective, " trains E(x); this energy was given conditions y");
}

}  // namespace langevin
