#include "samplers/plan.hpp"

#include <cstdlib>
#include <string>

#include "samplers/cuda/executor.hpp"
#include "samplers/moves.hpp"

namespace langevin {
namespace {

class StepwiseExecutor final : public TileExecutor {
 public:
  StepwiseExecutor(const Sampler& sampler, const Target& target) : sampler_(sampler), target_(target) {}
  const char* name() const override { return "stepwise"; }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    startTile(sampler_, target_, tile, random, clock.counter);
    // On an accelerator every look at the numbers waits for the queue, so there it looks only now and then.
    const std::int64_t stride = tile.x.is_cpu() ? 1 : 32;
    for (std::int64_t i = 0; i < count; ++i) {
      pulse.beat(tile.size());
      sampler_.step(tile, target_, clock, random, tally);
      tally.steps += tile.size();
      if ((i + 1) % stride == 0 || i + 1 == count) requireFiniteState(tile, false, clock.counter);
      ++clock.t;
      ++clock.counter;
    }
  }

 private:
  const Sampler& sampler_;
  const Target& target_;
};

}  // namespace

bool hasFusedTiles(const Energy& energy) { return energy.isFused(); }

bool runsOwnLoops(const Energy& energy) {
  const char* executor = std::getenv("LANGEVIN_EXECUTOR");
  if (executor && std::string(executor) == "aten") return false;  // the other side of the parity tests
  return energy.device().is_cpu();
}

std::unique_ptr<TileExecutor> fuseLangevin(const Sampler& sampler, const FuseTarget& target, LangevinStepAt at) {
  const bool adjusted = sampler.traits().adjusted;
  const auto kernel = [&]<class T>() { return adjusted ? fusedMala<T>(at) : fusedLangevin<T>(at); };
  if (auto fused = fuse(sampler, target, kernel)) return fused;
  if (target.part) return nullptr;
  return cuda::fuseLangevin({std::move(at), sampler.common().clip, sampler.common().box, adjusted}, target.energy);
}

std::unique_ptr<TileExecutor> planTile(const Sampler& sampler, const Target& target) {
  sampler.requireDomain(target.domain());
  if (const Energy* energy = target.asEnergy())
    if (auto fused = sampler.fuse({*energy})) return fused;
  if (auto recorded = cuda::recordSteps(sampler, target)) return recorded;
  return std::make_unique<StepwiseExecutor>(sampler, target);
}

// An accelerator takes all chains at once.
Tiling Chains::tiling(const Target& target) const {
  return x.is_cpu() ? Tiling(size(), smallestTile(target.workPerRow())) : Tiling(size(), size());
}

int threadsFor(const Chains& chains, int threads) { return chains.x.is_cpu() ? threads : 1; }

}  // namespace langevin
