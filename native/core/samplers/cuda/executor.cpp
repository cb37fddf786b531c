#include "samplers/cuda/executor.hpp"

#if LANGEVIN_CUDA
#include <c10/cuda/CUDAGuard.h>

#include <algorithm>

#include "samplers/moves.hpp"
#endif

namespace langevin::cuda {

#if !LANGEVIN_CUDA

std::unique_ptr<TileExecutor> fuseLangevin(FusedLangevin, const Energy&) { return nullptr; }

#else

namespace {

// A launch is at most so many steps long: between launches a job looks at aborts and at what was lost.
constexpr std::int64_t kStepsPerLaunch = 256;

CudaTiles::Weights weightsOf(const Energy& energy) {
  return {energy.program(), energy.parameters(), energy.constants()};
}

class CudaExecutor final : public TileExecutor {
 public:
  CudaExecutor(FusedLangevin plan, const Energy& energy) : plan_(std::move(plan)), energy_(energy) {}
  const char* name() const override { return "fused-cuda"; }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    const c10::cuda::CUDAGuard device(tile.x.device());
    const std::int64_t n = tile.size(), d = tile.x.size(1);
    bool fresh = !tile.started;
    // Chains' tensors are replaced, never written into: x may be a view of the caller's buffer.
    at::Tensor x = tile.x.clone(at::MemoryFormat::Contiguous);
    at::Tensor energy = fresh ? at::empty({n}, x.options()) : tile.energy.clone(at::MemoryFormat::Contiguous);
    at::Tensor gradient = fresh ? at::empty({n, d}, x.options()) : tile.gradient.clone(at::MemoryFormat::Contiguous);
    std::vector<at::Tensor> keep;
    Launch launch = energy_.cudaTiles()->prepare(weightsOf(energy_), {x, tile.y}, energy, gradient, keep);
    describePlan(launch, random, tile.firstChain, clock.monitorEvery > 0);
    const at::Tensor counts = at::zeros({blocksOf(launch), kCounts}, x.options().dtype(at::kDouble));
    const at::Tensor lost = nothingLost(x);
    launch.counts = counts.data_ptr<double>();
    launch.lost = reinterpret_cast<unsigned long long*>(lost.data_ptr<std::int64_t>());
    for (std::int64_t done = 0; done < count || fresh; fresh = false) {
      const std::int64_t steps = std::min(kStepsPerLaunch, count - done);
      const at::Tensor schedule = scheduleOf(clock, steps).to(x.device());
      launch.schedule = reinterpret_cast<const StepNumbers*>(schedule.data_ptr<double>());
      launch.fresh = fresh;
      launch.steps = static_cast<std::int32_t>(steps);
      launch.counter = clock.counter;
      for (std::int64_t i = 0; i < steps; ++i) pulse.beat(n);
      require(launchTiles(launch, blocksOf(launch), streamOf(x)), "start the sampling kernel");
      requireNothingLost(lost, tile.firstChain, clock.counter);
      done += steps;
      clock.t += steps;
      clock.counter += static_cast<std::uint64_t>(steps);
    }
    add(counts, n * count, tally);
    tile.x = std::move(x);
    tile.energy = std::move(energy);
    tile.gradient = std::move(gradient);
    tile.started = true;
  }

 private:
  void describePlan(Launch& launch, const Random& random, std::uint64_t firstChain, bool monitor) const {
    launch.seed = random.seed();
    launch.firstChain = firstChain;
    launch.adjusted = plan_.adjusted;
    launch.monitor = monitor && !plan_.adjusted;
    launch.clip = plan_.clip;
    launch.boxed = plan_.box.has_value();
    if (!plan_.box) return;
    launch.reflect = plan_.box->reflect;
    launch.low = plan_.box->low;
    launch.high = plan_.box->high;
  }

  at::Tensor scheduleOf(StepClock clock, std::int64_t steps) const {
    at::Tensor numbers = at::empty({std::max<std::int64_t>(steps, 1), 3}, at::kDouble);
    auto* out = reinterpret_cast<StepNumbers*>(numbers.data_ptr<double>());
    for (std::int64_t i = 0; i < steps; ++i, ++clock.t, ++clock.counter) {
      const LangevinStep s = plan_.at(clock);
      out[i] = {s.stepSize / 2, s.noise, s.temperature};
    }
    return numbers;
  }

  // Waits for the launch.
  static void requireNothingLost(const at::Tensor& lost, std::uint64_t firstChain, std::uint64_t counter) {
    const auto key = static_cast<std::uint64_t>(lost.item<std::int64_t>());
    if (key == kNothingLost) return;
    const std::uint64_t step = key >> 40, row = (key >> 2) & ((std::uint64_t{1} << 38) - 1);
    const char* what[] = {"its energy", "its position", "the gradient of its energy"};
    chainNotFinite(firstChain + row, what[key & 3], step == 0, counter + (step == 0 ? 0 : step - 1));
  }

  static void add(const at::Tensor& counts, std::int64_t steps, Tally& tally) {
    const at::Tensor host = counts.cpu();
    double sum[kCounts] = {};
    for (std::int64_t b = 0; b < host.size(0); ++b)
      for (int k = 0; k < kCounts; ++k) sum[k] += host.data_ptr<double>()[b * kCounts + k];
    tally.acceptance += sum[kAcceptance];
    tally.accepted += sum[kAccepted];
    tally.proposals += static_cast<std::int64_t>(sum[kProposals]);
    tally.divergences += static_cast<std::int64_t>(sum[kDivergences]);
    tally.clipped += static_cast<std::int64_t>(sum[kClipped]);
    tally.clamped += static_cast<std::int64_t>(sum[kClamped]);
    tally.steps += steps;
  }

  FusedLangevin plan_;
  const Energy& energy_;
};

}  // namespace

std::unique_ptr<TileExecutor> fuseLangevin(FusedLangevin plan, const Energy& energy) {
  if (!energy.cudaTiles()) return nullptr;
  return std::make_unique<CudaExecutor>(std::move(plan), energy);
}

#endif

}  // namespace langevin::cuda
