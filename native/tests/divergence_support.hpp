// What the tests of divergence objectives share: the one-dimensional toy of their papers, exact draws of a Gaussian
// model in place of a sampler, fits with the project's optimisers.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "training_support.hpp"

namespace langevin::test {

/// E(x) = precision (x - mean)^2 / 2 with both learnable.
inline EnergyRef gaussian1d(double mean, double sd) {
  return energyFrom(
      {{"kind", "gaussian"}, {"mean", List{mean}}, {"precision", List{List{1.0 / (sd * sd)}}}, {"learnable", true}});
}
inline double meanOf(const EnergyRef& energy) { return energy->parameters().flat()[0].item<double>(); }
inline double sdOf(const EnergyRef& energy) { return 1.0 / std::sqrt(energy->parameters().flat()[1].item<double>()); }

struct Component {
  double share, mean, sd;
};
/// n rows of a mixture of Gaussians at the midpoints of n quantiles: expectations under it carry quadrature error, no
/// sampling noise.
inline at::Tensor quantileRows(const std::vector<Component>& law, std::int64_t n) {
  std::vector<at::Tensor> parts;
  for (const Component& c : law) {
    const auto rows = static_cast<std::int64_t>(std::llround(c.share * static_cast<double>(n)));
    const at::Tensor u = (at::arange(rows, at::kDouble) + 0.5) / static_cast<double>(rows);
    parts.push_back(c.mean + c.sd * at::special_ndtri(u));
  }
  return at::cat(parts).unsqueeze(1);
}
/// The toy of Yu et al. 2020 and 2021: 0.33 N(-1, 0.0625) + 0.67 N(2, 2), variances second.
inline at::Tensor toyRows(std::int64_t n) { return quantileRows({{0.33, -1, 0.25}, {0.67, 2, std::sqrt(2.0)}}, n); }

/// Draws of the Gaussian model itself, fresh every step: what no sampler's bias hides behind.
class ExactGaussian : public Sampler {
 public:
  ExactGaussian() : Sampler(CommonOptions{"exact", 1, Schedule(1.0), Schedule(1.0), 0, {}, Precision::Float32}) {}
  Traits traits() const override { return {.adjusted = true}; }
  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random, Tally&) const override {
    const at::Tensor& flat = target.asEnergy()->parameters().flat();
    const at::Tensor xi =
        random.normal(chains.size(), 1, clock.counter, Stream::Noise, chains.x.options(), chains.firstChain);
    chains.x = flat[0] + xi / flat[1].sqrt();
    const EnergyAndGradient v = target.energyAndGradient({chains.x, chains.y});
    chains.energy = v.energy;
    chains.gradient = v.gradient;
  }
};

inline PersistentChains exactChains(std::int64_t count) {
  ReplayBuffer::Options buffer;
  buffer.size = count;
  return PersistentChains(std::make_shared<ExactGaussian>(), buffer);
}

/// `steps` of Adam on all rows, its rate falling along a cosine from `lr` to 0.
inline void fit(const EnergyRef& energy, Objective& objective, const at::Tensor& x, double lr, int steps,
                std::uint64_t seed = 9, const std::function<void(TrainingStep::Result&)>& see = {}) {
  const Value spec(adam(lr, 0));
  const auto optimizer = makeOptimizer(Spec(spec, "optimizer"));
  const Schedule rate = learningRate(Spec(spec, "optimizer"));
  const Random random(seed);
  Job job;
  const Batch rows = energy->rows(x, {});
  objective.prepare(*energy, rows, {}, random);
  TrainingStep step(*energy, random, job, 1, objective.learnableScalars());
  for (int s = 0; s < steps; ++s) {
    step.begin(s, steps, rows, {});
    TrainingStep::Result r = step.run(objective, {});
    if (see) see(r);
    at::NoGradGuard guard;
    optimizer->step(energy->parameters().flat(), r.gradient, rate.at(s, steps));
  }
}

/// Loss and gradients of one step, nothing trained.
inline TrainingStep::Result once(const EnergyRef& energy, Objective& objective, const at::Tensor& x,
                                 std::uint64_t seed = 9, int threads = 1) {
  const Random random(seed);
  Job job;
  const Batch rows = energy->rows(x, {});
  objective.prepare(*energy, rows, {}, random);
  TrainingStep step(*energy, random, job, threads, objective.learnableScalars());
  step.begin(0, 1, rows, {});
  return step.run(objective, {});
}

}  // namespace langevin::test
