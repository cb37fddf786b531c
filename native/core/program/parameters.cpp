#include "program/parameters.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

std::int64_t numel(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (std::int64_t s : shape) n *= s;
  return n;
}

// Draws in the order and with the formulas of torch.nn's reset_parameters, from PyTorch's own Mersenne Twister: the
// same seed gives the weights that torch.manual_seed(seed) followed by building the same modules gives.
void fillInitial(at::Tensor target, const Initialisation& init, at::Generator& generator) {
  switch (init.kind) {
    case Initialisation::Kind::Value:
      target.copy_(init.value.reshape(target.sizes()));
      break;
    case Initialisation::Kind::KaimingUniform: {
      const double gain = std::sqrt(2.0 / (1.0 + std::pow(std::sqrt(5.0), 2)));
      const double deviation = gain / std::sqrt(init.bound);
      const double bound = std::sqrt(3.0) * deviation;
      target.uniform_(-bound, bound, generator);
      break;
    }
    case Initialisation::Kind::Uniform:
      target.uniform_(-init.bound, init.bound, generator);
      break;
    case Initialisation::Kind::Normal:
      target.normal_(0, 1, generator);
      break;
  }
}

}  // namespace

Parameters::Parameters(const Program& program, at::ScalarType dtype, at::Device device, std::uint64_t seed)
    : info_(program.parameters) {
  at::NoGradGuard guard;
  at::Generator generator = at::detail::createCPUGenerator(seed);
  // PyTorch draws bfloat16 weights in float32 resolution only through casts; float32 draws keep the stream the same.
  const at::ScalarType drawn = dtype == at::kDouble ? at::kDouble : at::kFloat;
  std::int64_t total = 0;
  for (const ParameterInfo& p : info_) total += p.learnable ? numel(p.shape) : 0;
  flat_ = at::empty({total}, at::TensorOptions().dtype(dtype).device(device));
  std::int64_t offset = 0;
  for (const ParameterInfo& p : info_) {
    at::Tensor target;
    if (p.learnable) {
      const std::int64_t size = numel(p.shape);
      target = flat_.slice(0, offset, offset + size).view(p.shape);
      offset += size;
    } else {
      target = at::empty(p.shape, flat_.options());
    }
    if (drawn == dtype && target.is_cpu()) {
      fillInitial(target, p.initialisation, generator);  // where they belong: a large layer is not there twice
    } else {
      at::Tensor values = at::empty(p.shape, drawn);
      fillInitial(values, p.initialisation, generator);
      target.copy_(values);
    }
    tensors_.push_back(target);
  }
}

std::uint64_t Parameters::version() const {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < info_.size(); ++i) v += static_cast<std::uint64_t>(tensors_[i]._version());
  return v + static_cast<std::uint64_t>(flat_._version());
}

std::vector<at::Tensor> Parameters::leaves() const {
  std::vector<at::Tensor> result;
  for (std::size_t i = 0; i < info_.size(); ++i) {
    at::Tensor t = tensors_[i].detach();
    if (info_[i].learnable) t.requires_grad_(true);
    result.push_back(std::move(t));
  }
  return result;
}

void Parameters::accumulate(at::Tensor& flatGradient, const std::vector<at::Tensor>& gradients) const {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < info_.size(); ++i) {
    if (!info_[i].learnable) continue;
    const std::int64_t n = tensors_[i].numel();
    if (gradients[i].defined()) flatGradient.slice(0, offset, offset + n).add_(gradients[i].reshape({-1}));
    offset += n;
  }
}

std::vector<std::pair<std::string, at::Tensor>> Parameters::named(const at::Tensor& learnable) const {
  std::vector<std::pair<std::string, at::Tensor>> result;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < info_.size(); ++i) {
    at::Tensor value = tensors_[i];
    if (info_[i].learnable) {
      const std::int64_t n = value.numel();
      if (learnable.defined()) value = learnable.slice(0, offset, offset + n).view(info_[i].shape);
      offset += n;
    }
    result.emplace_back(info_[i].name, value.detach().to(at::kCPU).clone());
  }
  return result;
}

void Parameters::assign(const std::vector<std::pair<std::string, at::Tensor>>& values, bool complete) {
  at::NoGradGuard guard;
  std::vector<const at::Tensor*> found(info_.size(), nullptr);
  for (const auto& [name, value] : values) {
    std::size_t i = 0;
    while (i < info_.size() && info_[i].name != name) ++i;
    if (i == info_.size()) {
      std::string known;
      for (const ParameterInfo& p : info_) known += (known.empty() ? "" : ", ") + p.name;
      throw Error(Code::InvalidOption,
                  "the energy has no parameter '" + name + "'; it has: " + (known.empty() ? "none" : known),
                  {{"parameter", name}});
    }
    if (!value.sizes().equals(info_[i].shape))
      throw Error(Code::Shape,
                  "parameter '" + name + "' has shape " + c10::str(at::IntArrayRef(info_[i].shape)) + ", got " +
                      c10::str(value.sizes()),
                  {{"parameter", name}});
    requireFinite(value, "parameter '" + name + "'");
    found[i] = &value;
  }
  if (complete)
    for (std::size_t i = 0; i < info_.size(); ++i)
      if (!found[i])
        throw Error(Code::InvalidOption, "parameter '" + info_[i].name + "' is missing",
                    {{"parameter", info_[i].name}});
  // Only after everything was checked: a refused call changes nothing.
  for (std::size_t i = 0; i < info_.size(); ++i)
    if (found[i]) tensors_[i].copy_(*found[i]);
}

}  // namespace langevin
