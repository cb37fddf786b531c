// annealedLangevin: Langevin steps down a ladder of levels (Song and Ermon 2019, algorithm 1). At level i of L every
// chain takes `stepsPerLevel` proper Langevin steps of size
//   alpha_i = stepSize sigma_i^2 / sigma_L^2,   x' = x - (alpha_i / 2) grad E(x, sigma_i) + sqrt(alpha_i) xi
// on an energy that takes the noise level as its condition, y = log sigma as denoising score matching over a ladder
// trains it, or y = sigma (its curvature is about 1 / sigma^2, and so the step fits every level). With a ladder of
// temperatures instead, for any other energy, the target of level i is exp(-E / T_i); there every level has the same
// step, because the curvature that bounds it is that of E.
#include <algorithm>
#include <cmath>

#include "samplers/ladder.hpp"
#include "samplers/langevin.hpp"
#include "samplers/plan.hpp"

namespace langevin {
namespace {

struct Levels {
  std::vector<double> condition;  // y of each level; empty: a ladder of temperatures
  std::int64_t stepsPerLevel = 1;
  std::vector<std::shared_ptr<const Sampler>> kernels;  // one per level

  std::size_t at(std::int64_t t) const {
    return std::min(static_cast<std::size_t>(t / stepsPerLevel), kernels.size() - 1);
  }
  std::int64_t endOf(std::int64_t t) const { return (t / stepsPerLevel + 1) * stepsPerLevel; }

  // The condition of the level of step t; where it is new, what was known of the energy is not.
  void enter(Chains& chains, std::int64_t t) const {
    if (condition.empty() || (chains.started && t % stepsPerLevel != 0)) return;
    chains.y = at::full({chains.size(), 1}, condition[at(t)], chains.x.options());
    chains.started = false;
  }
};

class AnnealedExecutor final : public TileExecutor {
 public:
  AnnealedExecutor(const Levels& levels, const Energy& energy) : levels_(levels) {
    for (const auto& kernel : levels.kernels) executors_.push_back(planTile(*kernel, energy));
  }
  const char* name() const override { return executors_[0]->name(); }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    for (const std::int64_t end = clock.t + count; clock.t < end;) {
      const std::int64_t steps = std::min(end, levels_.endOf(clock.t)) - clock.t;
      levels_.enter(tile, clock.t);
      executors_[levels_.at(clock.t)]->run(tile, clock, steps, random, tally, pulse);
      clock.t += steps;
      clock.counter += static_cast<std::uint64_t>(steps);
    }
  }

 private:
  const Levels& levels_;
  std::vector<std::unique_ptr<TileExecutor>> executors_;
};

class AnnealedLangevin final : public Sampler {
 public:
  AnnealedLangevin(CommonOptions common, Levels levels) : Sampler(std::move(common)), levels_(std::move(levels)) {}

  Traits traits() const override {
    return {.setsCondition = !levels_.condition.empty(), .warmup = common_.steps - levels_.stepsPerLevel};
  }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    requireCondition(target);
    levels_.enter(chains, 0);
    Sampler::init(chains, target, random, counter);
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    if (clock.t > 0) levels_.enter(chains, clock.t);
    if (!chains.started) Sampler::init(chains, target, random, clock.counter);
    chains.started = true;
    levels_.kernels[levels_.at(clock.t)]->step(chains, target, clock, random, tally);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    requireCondition(target.energy);
    return !target.part && hasFusedTiles(target.energy) ? std::make_unique<AnnealedExecutor>(levels_, target.energy)
                                                        : nullptr;
  }

 private:
  void requireCondition(const Target& target) const {
    const Condition& condition = target.condition();
    if (levels_.condition.empty() || (condition.kind == Condition::Kind::Continuous && condition.width == 1)) return;
    fail(Code::InvalidOption,
         "noiseLevels need an energy that takes the noise level as a continuous condition of one column "
         "(energies.conditional({ condition: 1 })); use temperatures for this one");
  }

  Levels levels_;
};

}  // namespace

std::shared_ptr<const Sampler> makeAnnealedLangevin(const Spec& spec) {
  if (spec.has("noiseLevels") == spec.has("temperatures"))
    spec.invalid("give either noiseLevels (of a noise-conditional energy) or temperatures (of a plain one)");
  const bool noisy = spec.has("noiseLevels");
  const std::vector<double> values = fallingLadder(spec.at(noisy ? "noiseLevels" : "temperatures"));
  Levels levels;
  levels.stepsPerLevel = spec.count("stepsPerLevel");
  CommonOptions common = CommonOptions::read(spec, levels.stepsPerLevel * static_cast<std::int64_t>(values.size()));
  if (!common.stepSize.constant())
    spec.at("stepSize").invalid("is the step of the last level, a number; the others follow from the ladder");
  common.temperature = Schedule(noisy ? 1.0 : values.back());
  const std::string condition = spec.text("condition", "logSigma");
  if (condition != "logSigma" && condition != "sigma")
    spec.at("condition").invalid("'" + condition + "' is not one of logSigma, sigma");
  if (noisy)
    for (const double sigma : values) levels.condition.push_back(condition == "sigma" ? sigma : std::log(sigma));
  for (const double value : values) {
    CommonOptions level = common;
    const double ratio = value / values.back();
    level.stepSize = Schedule(common.stepSize.first() * (noisy ? ratio * ratio : 1));
    level.temperature = Schedule(noisy ? 1.0 : value);
    levels.kernels.push_back(properLangevin(std::move(level)));
  }
  return std::make_shared<AnnealedLangevin>(std::move(common), std::move(levels));
}

}  // namespace langevin
