#include "energies/energy.hpp"

#include <cstdlib>

#include "base/threads.hpp"
#include "energies/registry.hpp"
#include "executors/cuda/tiles.hpp"
#include "program/spectral.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

Energy::Energy(Program program, at::ScalarType dtype, at::Device device, std::uint64_t seed)
    : program_(std::move(program)), dtype_(dtype), device_(device), parameters_(program_, dtype, device, seed) {
  spare_ = std::make_shared<Spare>();
  for (const at::Tensor& c : program_.constants) constants_.push_back(c.to(device, dtype));
  startSpectralNorms(program_, parameters_);
  // LANGEVIN_EXECUTOR=aten keeps to the plain path: the other side of every parity test and benchmark.
  const char* executor = std::getenv("LANGEVIN_EXECUTOR");
  if (executor && std::string(executor) == "aten")
    planReason_ = "LANGEVIN_EXECUTOR=aten";
  else if (dtype != at::kFloat || !(device.is_cpu() || device.is_cuda()))
    planReason_ = std::string("the fused kernels are for float32, this energy is ") + dtypeName(dtype) + " on " +
                  deviceName(device);
  else if (device.is_cuda())
    cudaTiles_ = cuda::CudaTiles::compile(program_, device, planReason_);
  else
    tiles_ = TileProgram::compile(program_, parameters_, planReason_);
}

TileInput Energy::tileInput(const Batch& rows) {
  TileInput in;
  in.rows = rows.size();
  in.x = rows.x.data_ptr<float>();
  if (rows.y.defined() && rows.y.scalar_type() == at::kLong)
    in.labels = rows.y.data_ptr<std::int64_t>();
  else if (rows.y.defined())
    in.y = rows.y.data_ptr<float>();
  return in;
}

// Packed weights that are no longer in use: a training step packs again, in the memory of the step before.
struct Energy::Spare {
  std::mutex mutex;
  std::unique_ptr<TileProgram::Packed> one;

  std::unique_ptr<TileProgram::Packed> take() {
    std::lock_guard lock(mutex);
    return one ? std::move(one) : std::make_unique<TileProgram::Packed>();
  }
  void give(TileProgram::Packed* used) {
    std::unique_ptr<TileProgram::Packed> old(used);
    std::lock_guard lock(mutex);
    one.swap(old);
  }
};

std::shared_ptr<const TileProgram::Packed> Energy::packed(Precision precision) const {
  std::lock_guard lock(packMutex_);
  const std::uint64_t version = parameters_.version();
  const bool complete = precision == Precision::Float32 || (packed_ && packed_->precision == precision);
  if (packed_ && packed_->version == version && complete) return packed_;
  packed_.reset();
  std::unique_ptr<TileProgram::Packed> next = spare_->take();
  tiles_->pack(parameters_, version, precision, *next);
  packed_ = {next.release(), [spare = spare_](TileProgram::Packed* used) { spare->give(used); }};
  return packed_;
}

std::shared_ptr<Energy> makeEnergy(const Spec& spec, at::ScalarType dtype, at::Device device, std::uint64_t seed) {
  if (dtype != at::kFloat && dtype != at::kDouble && dtype != at::kBFloat16)
    fail(Code::Dtype, "an energy has dtype float32, float64 or bfloat16, not ", dtypeName(dtype));
  return std::make_shared<Energy>(lower(spec), dtype, device, seed);
}

Batch Energy::rows(const at::Tensor& x, const at::Tensor& y) const {
  Batch rows;
  rows.x = asRows(x, program_.inputWidth, dtype_, device_, "x");
  requireFinite(rows.x, "x");
  const Condition& condition = program_.condition;
  if (condition.kind == Condition::Kind::None) {
    if (y.defined()) fail(Code::InvalidOption, "y was given, but a ", program_.kind, " energy has no condition y");
    return rows;
  }
  if (!y.defined()) {
    if (!condition.optional) fail(Code::InvalidOption, "a ", program_.kind, " energy is E(x, y): give y");
    return rows;
  }
  if (condition.kind == Condition::Kind::Class) {
    rows.y = asLabels(y, condition.width, device_, "y");
  } else {
    rows.y = asRows(y, condition.width, dtype_, device_, "y");
    requireFinite(rows.y, "y");
  }
  if (rows.y.size(0) != rows.x.size(0)) fail(Code::Shape, "x has ", rows.x.size(0), " rows and y has ", rows.y.size(0));
  return rows;
}

namespace {

// One a thread: the buffers of whatever energy the thread evaluates.
TileWorkspace& workspace() {
  thread_local TileWorkspace ws;
  return ws;
}

}  // namespace

ProgramValues Energy::valuesOf(const Batch& rows) const {
  if (tiles_) {
    const Batch dense = rows.contiguous();
    ProgramValues result;
    result.energy = at::empty({rows.size()}, options());
    if (program_.outputs >= 0)
      result.outputs =
          at::empty({rows.size(), program_.nodes[static_cast<std::size_t>(program_.outputs)].width}, options());
    tiles_->forward(*packed(), tileInput(dense), workspace(), result.energy.data_ptr<float>(),
                    result.outputs.defined() ? result.outputs.data_ptr<float>() : nullptr);
    return result;
  }
  at::NoGradGuard guard;
  return evaluateWith(parameters_.tensors(), rows, {});
}

at::Tensor Energy::energyOf(const Batch& rows) const { return valuesOf(rows).energy; }

EnergyAndGradient Energy::energyAndGradient(const Batch& rows) const {
  if (tiles_) {
    const Batch dense = rows.contiguous();
    EnergyAndGradient result{at::empty({rows.size()}, options()), at::empty(rows.x.sizes(), options())};
    tiles_->energyAndGradient(*packed(), tileInput(dense), workspace(), result.energy.data_ptr<float>(),
                              result.gradient.data_ptr<float>());
    return result;
  }
  if (cudaTiles_) return cudaTiles_->energyAndGradient({program_, parameters_, constants_}, rows);
  at::AutoGradMode enable(true);
  Batch leaf = rows;
  leaf.x = rows.x.detach().requires_grad_(true);
  at::Tensor energy = evaluateWith(parameters_.tensors(), leaf, {}).energy;
  at::Tensor gradient;
  if (energy.requires_grad())
    gradient = torch::autograd::grad({energy.sum()}, {leaf.x}, {}, std::nullopt, false, true)[0];
  if (!gradient.defined()) gradient = at::zeros_like(leaf.x);
  return {energy.detach(), gradient};
}

namespace {

// Runs `one` on every tile and joins the pieces in order.
template <class One>
std::vector<at::Tensor> overTiles(const Batch& rows, int threads, std::size_t results, One one) {
  const Tiling tiling(rows.size());
  std::vector<std::vector<at::Tensor>> pieces(results,
                                              std::vector<at::Tensor>(static_cast<std::size_t>(tiling.count())));
  parallelTiles(tiling.count(), rows.x.is_cuda() ? 1 : threads, [&](std::int64_t i) {
    const TileRange r = tiling.range(i);
    std::vector<at::Tensor> values = one(rows.slice(r.first, r.last));
    for (std::size_t k = 0; k < results; ++k) pieces[k][static_cast<std::size_t>(i)] = std::move(values[k]);
  });
  std::vector<at::Tensor> joined;
  for (auto& p : pieces) joined.push_back(p.size() == 1 ? p[0] : at::cat(p));
  return joined;
}

}  // namespace

at::Tensor Energy::energyOf(const Batch& rows, int threads) const {
  if (rows.size() == 0) return at::empty({0}, options());
  return overTiles(rows, threads, 1, [&](const Batch& tile) { return std::vector<at::Tensor>{energyOf(tile)}; })[0];
}

EnergyAndGradient Energy::energyAndGradient(const Batch& rows, int threads) const {
  if (rows.size() == 0) return {at::empty({0}, options()), at::empty_like(rows.x)};
  auto joined = overTiles(rows, threads, 2, [&](const Batch& tile) {
    EnergyAndGradient v = energyAndGradient(tile);
    return std::vector<at::Tensor>{v.energy, v.gradient};
  });
  return {joined[0], joined[1]};
}

at::Tensor Energy::outputsOf(const Batch& rows, int threads) const {
  if (program_.outputs < 0) fail(Code::Unsupported, "a ", program_.kind, " energy has no logits or outputs");
  const std::int64_t width = program_.nodes[static_cast<std::size_t>(program_.outputs)].width;
  if (rows.size() == 0) return at::empty({0, width}, options());
  return overTiles(rows, threads, 1,
                   [&](const Batch& tile) { return std::vector<at::Tensor>{valuesOf(tile).outputs}; })[0];
}

}  // namespace langevin
