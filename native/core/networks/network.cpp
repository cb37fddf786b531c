#include "networks/network.hpp"

#include <cstdlib>

#include "executors/cuda/tiles.hpp"
#include "networks/registry.hpp"
#include "networks/tiles.hpp"
#include "program/spectral.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

Network::Network(Program program, at::ScalarType dtype, at::Device device, std::uint64_t seed)
    : program_(std::move(program)), dtype_(dtype), device_(device), parameters_(program_, dtype, device, seed) {
  spare_ = std::make_shared<Spare>();
  for (const at::Tensor& c : program_.constants) constants_.push_back(c.to(device, dtype));
  startSpectralNorms(program_, parameters_);
  // LANGEVIN_EXECUTOR=aten keeps to the plain path: the other side of every parity test and benchmark.
  const char* executor = std::getenv("LANGEVIN_EXECUTOR");
  if (executor && std::string(executor) == "aten")
    planReason_ = "LANGEVIN_EXECUTOR=aten";
  else if (dtype != at::kFloat || !(device.is_cpu() || device.is_cuda()))
    planReason_ =
        std::string("the fused kernels are for float32, this one is ") + dtypeName(dtype) + " on " + deviceName(device);
  else if (device.is_cuda() && !isEnergy())
    planReason_ = "the CUDA kernel evaluates energies; a network without one runs on plain LibTorch";
  else if (device.is_cuda())
    cudaTiles_ = cuda::CudaTiles::compile(program_, device, planReason_);
  else
    tiles_ = TileProgram::compile(program_, parameters_, planReason_);
}

std::int64_t Network::outputWidth() const {
  if (!hasOutputs()) fail(Code::Unsupported, describe(), " has no logits or outputs");
  return program_.outputWidth();
}

std::string Network::describe() const {
  const std::string& kind = program_.kind;
  // mlp and rbm are read letter by letter.
  const bool vowel = std::string("aeiou").find(kind[0]) != std::string::npos || kind == "mlp" || kind == "rbm";
  return (vowel ? "an " : "a ") + kind + (isEnergy() ? " energy" : " network");
}

TileInput Network::tileInput(const Batch& rows) {
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
struct Network::Spare {
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

std::shared_ptr<const TileProgram::Packed> Network::packed(Precision precision) const {
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

Batch Network::rows(const at::Tensor& x, const at::Tensor& y) const {
  Batch rows;
  rows.x = asRows(x, program_.input, dtype_, device_, "x");
  requireFinite(rows.x, "x");
  rows.y = conditionsOf(y, rows.size());
  return rows;
}

at::Tensor Network::conditionsOf(const at::Tensor& y, std::int64_t rows) const {
  const Condition& condition = program_.condition;
  if (condition.kind == Condition::Kind::None) {
    if (y.defined()) fail(Code::InvalidOption, "y was given, but ", describe(), " has no condition y");
    return {};
  }
  if (!y.defined()) {
    if (!condition.optional) fail(Code::InvalidOption, describe(), " takes a condition y: give y");
    return {};
  }
  const bool classes = condition.kind == Condition::Kind::Class;
  const at::Tensor checked =
      classes ? asLabels(y, condition.width, device_, "y") : asRows(y, condition.width, dtype_, device_, "y");
  requireFinite(checked, "y");
  if (checked.size(0) != rows) fail(Code::Shape, "x has ", rows, " rows and y has ", checked.size(0));
  return checked;
}

TileWorkspace& Network::workspace() {
  thread_local TileWorkspace ws;
  return ws;
}

at::Tensor Network::outputsOf(const Batch& rows) const {
  if (tiles_) {
    const Batch dense = rows.contiguous();
    at::Tensor outputs = at::empty({rows.size(), outputWidth()}, options());
    tiles_->forward(*packed(), tileInput(dense), workspace(), nullptr, outputs.data_ptr<float>());
    return outputs;
  }
  at::NoGradGuard guard;
  return evaluateWith(parameters_.tensors(), rows, {}).outputs;
}

at::Tensor Network::outputsOf(const Batch& rows, int threads) const {
  const std::int64_t width = outputWidth();
  if (rows.size() == 0) return at::empty({0, width}, options());
  return overTiles(rows, program_.workPerRow, threads, 1,
                   [&](const Batch& tile) { return std::vector<at::Tensor>{outputsOf(tile)}; })[0];
}

void requireParameterDtype(at::ScalarType dtype) {
  if (dtype != at::kFloat && dtype != at::kDouble && dtype != at::kBFloat16)
    fail(Code::Dtype, "parameters have dtype float32, float64 or bfloat16, not ", dtypeName(dtype));
}

NetworkRef makeNetwork(const Spec& spec, at::ScalarType dtype, at::Device device, std::uint64_t seed) {
  requireParameterDtype(dtype);
  return std::make_shared<Network>(lowerNetwork(spec), dtype, device, seed);
}

}  // namespace langevin
