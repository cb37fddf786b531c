#include "executors/cuda/tiles.hpp"

#include "tensors/device_random.hpp"

#if LANGEVIN_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "base/error.hpp"
#endif

namespace langevin::cuda {

#if !LANGEVIN_CUDA

bool compiled() { return false; }

std::shared_ptr<const CudaTiles> CudaTiles::compile(const Program&, at::Device, std::string& reason) {
  reason = "the CUDA kernels are not in this build (docs/cuda.md)";
  return nullptr;
}

EnergyAndGradient CudaTiles::energyAndGradient(const Weights&, const Batch&) const { return {}; }
bool fillOnDevice(at::Tensor&, bool, std::uint64_t, std::uint64_t, std::uint64_t, Stream) { return false; }

#else

void require(const char* problem, const char* what) {
  if (problem) fail(Code::Device, "CUDA could not ", what, ": ", problem);
}

void* streamOf(const at::Tensor& t) { return c10::cuda::getCurrentCUDAStream(t.device().index()).stream(); }

std::int64_t blocksOf(const Launch& launch) { return (launch.rows + launch.tileRows - 1) / launch.tileRows; }

at::Tensor nothingLost(const at::Tensor& like) {
  return at::full({1}, -1, like.options().dtype(at::kLong));  // all bits set: the largest key
}

bool compiled() { return true; }

std::shared_ptr<const CudaTiles> CudaTiles::compile(const Program& program, at::Device device, std::string& reason) {
  Device limits;
  if (const char* problem = describe(device.index(), limits)) {
    reason = std::string("CUDA does not describe the device: ") + problem;
    return nullptr;
  }
  auto compiled = CudaProgram::compile(program, limits.sharedBytes, reason);
  if (!compiled) return nullptr;
  return std::shared_ptr<const CudaTiles>(new CudaTiles(std::move(compiled), limits));
}

at::Tensor CudaTiles::arena(const Weights& weights, bool conditioned) const {
  std::lock_guard lock(mutex_);
  Packed& packed = packed_[conditioned ? 1 : 0];
  const std::uint64_t version = weights.parameters.version();
  if (!packed.arena.defined() || packed.version != version)
    packed = {program_->arena(conditioned, weights.program, weights.parameters.tensors(), weights.constants,
                              weights.parameters.flat().device()),
              version};
  return packed.arena;
}

Launch CudaTiles::prepare(const Weights& weights, const Batch& rows, const at::Tensor& e, const at::Tensor& gradient,
                          std::vector<at::Tensor>& keep) const {
  const bool conditioned = rows.y.defined();
  Launch launch;
  program_->fill(conditioned, program_->shape(conditioned, rows.size(), device_.sharedBytes, device_.multiprocessors),
                 launch);
  keep = {arena(weights, conditioned), rows.x, e, gradient, conditioned ? rows.y.contiguous() : rows.y};
  launch.arena = keep[0].data_ptr<float>();
  launch.x = rows.x.data_ptr<float>();
  launch.energy = e.data_ptr<float>();
  launch.gradient = gradient.data_ptr<float>();
  if (conditioned && keep[4].scalar_type() == at::kLong)
    launch.labels = keep[4].data_ptr<std::int64_t>();
  else if (conditioned)
    launch.y = keep[4].data_ptr<float>();
  launch.rows = rows.size();
  return launch;
}

EnergyAndGradient CudaTiles::energyAndGradient(const Weights& weights, const Batch& rows) const {
  at::NoGradGuard guard;
  const c10::cuda::CUDAGuard device(rows.x.device());
  const at::Tensor x = rows.x.contiguous();
  EnergyAndGradient result{at::empty({rows.size()}, x.options()), at::empty(x.sizes(), x.options())};
  if (rows.size() == 0) return result;
  std::vector<at::Tensor> keep;
  Launch launch = prepare(weights, {x, rows.y}, result.energy, result.gradient, keep);
  const at::Tensor counts = at::zeros({blocksOf(launch), kCounts}, x.options().dtype(at::kDouble));
  const at::Tensor lost = nothingLost(x);  // not looked at: a caller may ask for energies that are not finite
  launch.counts = counts.data_ptr<double>();
  launch.lost = reinterpret_cast<unsigned long long*>(lost.data_ptr<std::int64_t>());
  launch.fresh = true;
  require(launchTiles(launch, blocksOf(launch), streamOf(x)), "start the energy kernel");
  return result;
}

StepCounter& stepCounter() {
  thread_local StepCounter counter;
  return counter;
}

bool fillOnDevice(at::Tensor& out, bool normal, std::uint64_t seed, std::uint64_t firstRow, std::uint64_t step,
                  Stream stream) {
  const c10::cuda::CUDAGuard device(out.device());
  const StepCounter& counter = stepCounter();
  require(launchRandom(out.data_ptr<float>(), out.size(0), out.size(1), seed, firstRow, step - counter.base,
                       counter.onDevice, static_cast<std::uint32_t>(stream), normal, streamOf(out)),
          "start the random number kernel");
  return true;
}

#endif

}  // namespace langevin::cuda
