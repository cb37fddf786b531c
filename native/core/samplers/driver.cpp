// The driver: tiles over threads, all steps of a tile in one thread.
#include <algorithm>

#include "base/remedy.hpp"
#include "base/threads.hpp"
#include "samplers/cuda/executor.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

Pulse::Pulse(Job& job, std::int64_t chains, std::int64_t steps, bool report)
    : job_(job),
      chains_(chains),
      steps_(steps),
      report_(report),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

void Pulse::count(std::int64_t rows) {
  const std::int64_t done = done_.fetch_add(rows, std::memory_order_relaxed) + rows;
  std::unique_lock lock(mutex_, std::try_to_lock);  // another thread is reporting already
  if (!lock) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double step = static_cast<double>(done) / static_cast<double>(chains_);
  const double perSecond = step / seconds;
  job_.progress({{"step", step},
                 {"steps", steps_},
                 {"stepsPerSecond", perSecond},
                 {"seconds", seconds},
                 {"secondsLeft", (static_cast<double>(steps_) - step) / perSecond}});
}

void chainNotFinite(std::uint64_t chain, const char* what, bool start, std::uint64_t step) {
  Map details{{"chain", static_cast<double>(chain)}, {"step", static_cast<double>(step)}};
  const std::string where = "chain " + std::to_string(chain);
  if (start)
    throw Error(Code::NonFinite,
                where + ": " + what + " is not finite at its start (step " + std::to_string(step) +
                    "); look at the initial rows and at the parameters of the energy",
                details);
  throw errorWithRemedy(
      Code::Diverged, where + " diverged at step " + std::to_string(step) + ": " + what + " is not finite",
      "use a smaller stepSize, a gradient clip, a box, or an energy that grows at infinity (gaussianBase)", details);
}

namespace {

[[noreturn]] void notFinite(const Chains& tile, std::int64_t row, const char* what, bool start, std::uint64_t step) {
  chainNotFinite(tile.firstChain + static_cast<std::uint64_t>(row), what, start, step);
}

void requireFiniteState(const Chains& tile, bool start, std::uint64_t step) {
  // A gradient that is not finite shows as a position that is not finite one step later.
  if (const std::int64_t row = firstNonFiniteRow(tile.energy); row >= 0)
    notFinite(tile, row, "its energy", start, step);
  if (const std::int64_t row = firstNonFiniteRow(tile.x); row >= 0) notFinite(tile, row, "its position", start, step);
}

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

void startTile(const Sampler& sampler, const Target& target, Chains& tile, const Random& random,
               std::uint64_t counter) {
  if (tile.gradient.defined()) return;
  sampler.init(tile, target, random, counter);
  requireFiniteState(tile, true, counter);
  if (const std::int64_t row = firstNonFiniteRow(tile.gradient); row >= 0)
    notFinite(tile, row, "the gradient of its energy", true, counter);
}

std::unique_ptr<TileExecutor> planTile(const Sampler& sampler, const Target& target) {
  sampler.requireDomain(target.domain());
  if (const Energy* energy = target.asEnergy())
    if (auto fused = sampler.fuse(*energy)) return fused;
  if (auto recorded = cuda::recordSteps(sampler, target)) return recorded;
  return std::make_unique<StepwiseExecutor>(sampler, target);
}

Tally advance(const Sampler& sampler, const Target& target, Chains& chains, std::int64_t steps, std::uint64_t counter,
              const Random& random, int threads, Job& job) {
  return advance(sampler, target, chains, StepClock{0, steps, counter, steps}, steps, random, threads, job);
}

Tally advance(const Sampler& sampler, const Target& target, Chains& chains, StepClock clock, std::int64_t steps,
              const Random& random, int threads, Job& job) {
  if (steps < 1 || chains.size() == 0) return {};
  at::NoGradGuard guard;
  const Tiling tiling = chains.tiling();
  const auto executor = planTile(sampler, target);
  Pulse pulse(job, chains.size(), steps, false);
  std::vector<Chains> tiles(static_cast<std::size_t>(tiling.count()));
  std::vector<Tally> tallies(tiles.size());
  parallelTiles(tiling.count(), chains.x.is_cpu() ? threads : 1, [&](std::int64_t i) {
    const TileRange r = tiling.range(i);
    Chains& tile = tiles[static_cast<std::size_t>(i)];
    tile = chains.slice(r.first, r.last);
    executor->run(tile, clock, steps, random, tallies[static_cast<std::size_t>(i)], pulse);
  });
  chains = Chains::joined(tiles);
  Tally tally;
  for (const Tally& t : tallies) tally.merge(t);
  return tally;
}

}  // namespace langevin
