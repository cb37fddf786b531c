// The driver: tiles over threads, all steps of a tile in one thread.
#include <algorithm>

#include "base/remedy.hpp"
#include "base/threads.hpp"
#include "samplers/moves.hpp"
#include "samplers/plan.hpp"

namespace langevin {

Pulse::Pulse(Job& job, std::int64_t chains, std::int64_t steps, bool report)
    : job_(job),
      chains_(chains),
      steps_(steps),
      report_(report),
      start_(std::chrono::steady_clock::now()),
      last_(start_),
      looked_(start_) {}

void Pulse::count(std::int64_t rows) {
  const std::int64_t done = done_.fetch_add(rows, std::memory_order_relaxed) + rows;
  // Steps of a small model take less time than a look at the clock.
  if (quiet_.fetch_sub(1, std::memory_order_relaxed) > 0) return;
  std::unique_lock lock(mutex_, std::try_to_lock);  // another thread is reporting already
  if (!lock) return;
  const auto now = std::chrono::steady_clock::now();
  stride_ = now - looked_ < std::chrono::milliseconds(1) ? std::min<std::int64_t>(2 * stride_ + 1, 255) : 0;
  looked_ = now;
  quiet_.store(stride_, std::memory_order_relaxed);
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

void requireFiniteState(const Chains& tile, bool start, std::uint64_t step) {
  const auto require = [&](const at::Tensor& value, const char* what) {
    if (const std::int64_t row = firstNonFiniteRow(value); row >= 0)
      chainNotFinite(tile.firstChain + static_cast<std::uint64_t>(row), what, start, step);
  };
  require(tile.energy, "its energy");
  require(tile.x, "its position");
  // Later a gradient that is not finite shows as a position that is not finite one step on.
  if (start && tile.gradient.defined()) require(tile.gradient, "the gradient of its energy");
}

void TileExecutor::runWatched(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
                              Pulse& pulse, StepSink& sink) const {
  const std::int64_t end = clock.t + count;
  while (clock.t < end) {
    const std::int64_t wanted = sink.next(clock.t);
    const bool stops = wanted >= 0 && wanted < end;
    const std::int64_t steps = (stops ? wanted + 1 : end) - clock.t;
    run(tile, clock, steps, random, tally, pulse);
    clock.t += steps;
    clock.counter += static_cast<std::uint64_t>(steps);
    if (!stops) return;
    const at::ScalarType type = tile.x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor x = tile.x.to(at::kCPU, type).contiguous(), energy = tile.energy.to(at::kCPU, type).contiguous();
    StateView state{0, tile.size(), x.size(1)};
    if (type == at::kDouble) {
      state.x64 = x.const_data_ptr<double>();
      state.energy64 = energy.const_data_ptr<double>();
    } else {
      state.x32 = x.const_data_ptr<float>();
      state.energy32 = energy.const_data_ptr<float>();
    }
    sink.take(wanted, state);
  }
}

void startTile(const Sampler& sampler, const Target& target, Chains& tile, const Random& random,
               std::uint64_t counter) {
  if (tile.started) return;
  sampler.init(tile, target, random, counter);
  requireFiniteState(tile, true, counter);
  tile.started = true;
}

Tally advance(const Sampler& sampler, const Target& target, Chains& chains, std::int64_t steps, std::uint64_t counter,
              const Random& random, int threads, Job& job) {
  return advance(sampler, target, chains, StepClock{0, steps, counter, steps}, steps, random, threads, job);
}

Tally advance(const Sampler& sampler, const Target& target, Chains& chains, StepClock clock, std::int64_t steps,
              const Random& random, int threads, Job& job) {
  if (steps < 1 || chains.size() == 0) return {};
  at::NoGradGuard guard;
  const Tiling tiling = chains.tiling(target);
  const auto executor = planTile(sampler, target);
  Pulse pulse(job, chains.size(), steps, false);
  std::vector<Chains> tiles(static_cast<std::size_t>(tiling.count()));
  std::vector<Tally> tallies(tiles.size());
  parallelTiles(tiling.count(), threadsFor(chains, threads), [&](std::int64_t i) {
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
