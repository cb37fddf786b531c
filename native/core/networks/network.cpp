#include "networks/network.hpp"

#include <cstdlib>

#include "executors/cuda/tiles.hpp"
#include "networks/registry.hpp"
#include "networks/tiles.hpp"
#include "program/plain.hpp"
#include "program/spectral.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

Network::Network(Program program, at::ScalarType dtype, at::Device device, std::uint64_t seed)
    : program_(std::move(program)), dtype_(dtype), device_(device), parameters_(program_, dtype, device, seed) {
  for (const at::Tensor& c : program_.constants) constants_.push_back(c.to(device, dtype));
  startSpectralNorms(program_, parameters_);
  // LANGEVIN_EXECUTOR=aten keeps to the plain path: the other side of every parity test and benchmark.
  const char* executor = std::getenv("LANGEVIN_EXECUTOR");
  if (executor && std::string(executor) == "aten")
    planReason_ = "LANGEVIN_EXECUTOR=aten";
  else if (device.is_cpu() && dtype == at::kFloat)
    compileTiles<float>();
  else if (device.is_cpu() && dtype == at::kDouble)
    compileTiles<double>();
  else if (!device.is_cuda() || dtype != at::kFloat)
    planReason_ = std::string("the fused kernels are for float32, on the CPU for float64 too; this one is ") +
                  dtypeName(dtype) + " on " + deviceName(device);
  else if (!isEnergy())
    planReason_ = "the CUDA kernel evaluates energies; a network without one runs on plain LibTorch";
  else
    cudaTiles_ = cuda::CudaTiles::compile(program_, device, planReason_);
}

template <class T>
void Network::compileTiles() {
  if (auto tiles = TileProgramOf<T>::compile(plain(program_), planReason_))
    fused_ = std::make_unique<PackedProgram<T>>(std::move(tiles));
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
  at::Tensor outputs;
  const bool fused = withTiles([&]<class T>(const TileProgramOf<T>& tiles) {
    const Batch dense = rows.contiguous();
    outputs = at::empty({rows.size(), outputWidth()}, options());
    tiles.forward(*packed<T>(), tileInput<T>(dense), workspace(), nullptr, outputs.data_ptr<T>());
  });
  if (fused) return outputs;
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
