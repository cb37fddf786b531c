// What the tests of the tape share: networks built by hand, random rows, a record's gradients.
#pragma once

#include <vector>

#include "check.hpp"
#include "energies/energy.hpp"
#include "gradients/tape.hpp"
#include "program/builder.hpp"
#include "program_cases.hpp"
#include "tensors/random.hpp"

namespace langevin::tape_support {

inline EnergyRef energyWith(Program program, at::ScalarType dtype, std::uint64_t seed = 3) {
  return std::make_shared<Energy>(std::move(program), dtype, at::Device(at::kCPU), seed);
}

inline at::Tensor normal(std::int64_t n, std::int64_t d, std::uint64_t step, at::ScalarType dtype = at::kDouble) {
  return Random(5).normal(n, d, step, Stream::User, at::TensorOptions(dtype));
}

inline NetworkRef networkWith(Program program, at::ScalarType dtype, std::uint64_t seed = 3) {
  return std::make_shared<Network>(std::move(program), dtype, at::Device(at::kCPU), seed);
}

/// g(z) = W' act(V z + c) + b, or W z + b without hidden columns: a network without an energy.
inline Program generator(std::int64_t in, std::int64_t hidden, std::int64_t out) {
  Builder b("generator");
  const int z = b.input(in);
  const int h = hidden > 0 ? b.activation(b.linear(z, "0", hidden), "silu") : z;
  const int g = b.linear(h, "2", out);
  b.setOutputs(g);
  return b.finish();
}

/// E(x, y) = (y - W x)' A (y - W x) / 2 with learnable W and A.
inline Program quadraticInY(std::int64_t d) {
  Builder b("quadratic");
  const int x = b.input(d), y = b.continuousCondition(d);
  const int mean = b.linear(x, "0", d, false);
  const at::Tensor a = at::eye(d, at::kDouble) * 1.5 + 0.2;
  b.setEnergy(b.apply("quadratic", {y, mean, b.parameterValue("a", a, true)}, 1));
  return b.finish();
}

inline at::Tensor named(const Network& network, const std::string& name) {
  for (const auto& [key, value] : network.parameters().named())
    if (key == name) return value;
  return {};
}

/// The part of a flat gradient that belongs to a parameter.
inline at::Tensor partOf(const Network& network, const at::Tensor& flat, const std::string& name) {
  std::int64_t offset = 0;
  for (const ParameterInfo& p : network.program().parameters) {
    std::int64_t count = 1;
    for (std::int64_t s : p.shape) count *= s;
    if (p.name == name) return flat.slice(0, offset, offset + count).view(p.shape);
    if (p.learnable) offset += count;
  }
  return {};
}

inline std::vector<at::Tensor> learnable(const std::vector<at::Tensor>& leaves) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& t : leaves)
    if (t.requires_grad()) result.push_back(t);
  return result;
}

/// Gradients of `loss` in the learnable ones of `leaves`, flat; zeros where it does not depend on one.
inline at::Tensor flatGradient(const at::Tensor& loss, const std::vector<at::Tensor>& leaves) {
  const std::vector<at::Tensor> inputs = learnable(leaves);
  if (inputs.empty()) return at::zeros({0}, at::kDouble);
  const auto found = torch::autograd::grad({loss}, inputs, {}, true, false, true);
  std::vector<at::Tensor> flat;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    flat.push_back((found[i].defined() ? found[i] : at::zeros_like(inputs[i])).reshape({-1}));
  return at::cat(flat);
}

}  // namespace langevin::tape_support
