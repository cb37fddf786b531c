// The plain executor's steps as a CUDA graph: recorded once, replayed for every further step, so that a step costs one
// launch instead of hundreds. Random numbers read their step from the device, the tally adds up there, and states have
// fixed addresses.
#include "samplers/cuda/executor.hpp"

#if LANGEVIN_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "samplers/moves.hpp"
#include "tensors/device_random.hpp"
#endif

namespace langevin::cuda {

#if !LANGEVIN_CUDA

std::unique_ptr<TileExecutor> recordSteps(const Sampler&, const Target&) { return nullptr; }

#else

namespace {

constexpr std::int64_t kWarmUp = 3;    // steps before recording: libraries and allocator settle
constexpr std::int64_t kWorthIt = 16;  // fewer steps than this are not worth a recording
constexpr std::int64_t kLook = 64;     // steps between looks at aborts and at what was lost

struct RecordingScope {
  RecordingScope(const std::int64_t* onDevice, std::uint64_t base) { stepCounter() = {onDevice, base}; }
  ~RecordingScope() { stepCounter() = {}; }
};

class GraphExecutor final : public TileExecutor {
 public:
  GraphExecutor(const Sampler& sampler, const Target& target) : sampler_(sampler), target_(target) {}

  /// Says after a run what happened.
  const char* name() const override { return name_.c_str(); }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    const c10::cuda::CUDAGuard device(tile.x.device());
    // Recording is not allowed on the default stream.
    const c10::cuda::CUDAStream side = c10::cuda::getStreamFromPool(false, tile.x.device().index());
    c10::cuda::getCurrentCUDAStream(tile.x.device().index()).synchronize();
    const c10::cuda::CUDAStreamGuard onSide(side);
    startTile(sampler_, target_, tile, random, clock.counter);
    const std::int64_t eager = count < kWorthIt ? count : kWarmUp;
    stepEagerly(tile, clock, eager, random, tally, pulse);
    if (eager < count && !replay(tile, clock, count - eager, random, tally, pulse))
      stepEagerly(tile, clock, count - eager, random, tally, pulse);
    side.synchronize();
  }

 private:
  void stepEagerly(Chains& tile, StepClock& clock, std::int64_t count, const Random& random, Tally& tally,
                   Pulse& pulse) const {
    for (std::int64_t i = 0; i < count; ++i) {
      pulse.beat(tile.size());
      sampler_.step(tile, target_, clock, random, tally);
      tally.steps += tile.size();
      if ((i + 1) % kLook == 0 || i + 1 == count) requireFiniteState(tile, false, clock.counter);
      ++clock.t;
      ++clock.counter;
    }
  }

  // What a graph reads and writes, at addresses that stay.
  struct Fixed {
    Chains chains;
    at::Tensor counter, tally;
  };

  bool replay(Chains& tile, StepClock& clock, std::int64_t count, const Random& random, Tally& tally,
              Pulse& pulse) const {
    Fixed fixed;
    fixed.chains = tile;
    for (at::Tensor Chains::*part : {&Chains::x, &Chains::energy, &Chains::gradient})
      fixed.chains.*part = (tile.*part).clone(at::MemoryFormat::Contiguous);
    const auto options = at::TensorOptions().device(tile.x.device());
    fixed.counter = at::full({1}, static_cast<std::int64_t>(clock.counter), options.dtype(at::kLong));
    fixed.tally = at::zeros({Tally::kFields}, options.dtype(at::kDouble));
    at::cuda::CUDAGraph graph;
    if (!record(graph, fixed, clock, random)) return false;
    for (std::int64_t i = 0; i < count; ++i) {
      pulse.beat(tile.size());
      graph.replay();
      if ((i + 1) % kLook == 0 || i + 1 == count)
        requireFiniteState(fixed.chains, false, clock.counter + static_cast<std::uint64_t>(i));
    }
    tally.addRecorded(fixed.tally);
    tally.steps += tile.size() * count;
    for (at::Tensor Chains::*part : {&Chains::x, &Chains::energy, &Chains::gradient}) tile.*part = fixed.chains.*part;
    clock.t += count;
    clock.counter += static_cast<std::uint64_t>(count);
    name_ = "stepwise-graph";
    return true;
  }

  bool record(at::cuda::CUDAGraph& graph, Fixed& fixed, const StepClock& clock, const Random& random) const {
    bool recording = false;
    try {
      const RecordingScope scope(fixed.counter.data_ptr<std::int64_t>(), clock.counter);
      Chains moved = fixed.chains;
      Tally tally;
      tally.recorded = fixed.tally;
      graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      recording = true;
      sampler_.step(moved, target_, clock, random, tally);
      for (at::Tensor Chains::*part : {&Chains::x, &Chains::energy, &Chains::gradient})
        (fixed.chains.*part).copy_(moved.*part);
      fixed.counter.add_(1);
      recording = false;
      graph.capture_end();
      return true;
    } catch (const std::exception& error) {
      if (recording) {
        try {
          graph.capture_end();
        } catch (const std::exception&) {  // the recording was spoilt, which is known already
        }
      }
      cudaGetLastError();
      const std::string text = error.what();
      name_ = "stepwise (not recorded: " + text.substr(0, text.find('\n')) + ")";
      return false;
    }
  }

  const Sampler& sampler_;
  const Target& target_;
  mutable std::string name_ = "stepwise";
};

}  // namespace

std::unique_ptr<TileExecutor> recordSteps(const Sampler& sampler, const Target& target) {
  // Targets in other dtypes draw their numbers in float32 and convert them, which a graph records as well.
  if (!target.options().device().is_cuda() || !sampler.traits().steady) return nullptr;
  return std::make_unique<GraphExecutor>(sampler, target);
}

#endif

}  // namespace langevin::cuda
