// The fused kernels of a program against evaluate() with autograd in double precision: values and both gradients.
#pragma once

#include "check.hpp"
#include "program_cases.hpp"

namespace langevin::test {

struct Both {
  at::Tensor energy, gradient, flat;
};

// Double precision is the yardstick: both float32 paths are compared with it, so a shared mistake cannot hide. The fused
// kernels of float64 share nothing with it but the program.
inline Both exact(const Program& program, const Parameters& parameters, const Batch& rows, const at::Tensor& weights) {
  std::vector<at::Tensor> leaves, constants;
  for (const at::Tensor& t : parameters.tensors())
    leaves.push_back(t.detach().to(at::kDouble, false, true).requires_grad_(true));
  for (const at::Tensor& c : program.constants) constants.push_back(c.to(at::kDouble));
  Batch r{rows.x.detach().to(at::kDouble, false, true).requires_grad_(true), rows.y};
  if (r.y.defined() && r.y.is_floating_point()) r.y = r.y.to(at::kDouble);
  const at::Tensor e = evaluate(program, leaves, constants, r, {}).energy;
  Both b;
  b.energy = e.detach();
  b.gradient = torch::autograd::grad({e.sum()}, {r.x}, {}, true, false, true)[0];
  if (!b.gradient.defined()) b.gradient = at::zeros_like(r.x);
  std::vector<at::Tensor> learnable;
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (parameters.info()[i].learnable) learnable.push_back(leaves[i]);
  std::vector<at::Tensor> flat;
  if (!learnable.empty()) {
    auto grads = torch::autograd::grad({(e * weights.to(at::kDouble)).sum()}, learnable, {}, std::nullopt, false, true);
    for (std::size_t i = 0; i < grads.size(); ++i)
      flat.push_back((grads[i].defined() ? grads[i] : at::zeros_like(learnable[i])).reshape({-1}));
  }
  b.flat = flat.empty() ? at::zeros({0}, at::kDouble) : at::cat(flat);
  return b;
}

// Of the largest entry: float32 sums of hundreds of terms keep about 1e-6, float64 ones 1e-14 or so.
template <class T>
constexpr double kBound = std::is_same_v<T, float> ? 1e-5 : 1e-12;

template <class T>
void compareIn(const Program& program, std::int64_t n, std::uint64_t seed) {
  constexpr auto type = c10::CppTypeToScalarType<T>::value;
  Energy energy(program, type, at::kCPU, seed);
  CHECK(energy.tiles<T>() != nullptr);
  const Batch rows = randomRows(energy.program(), n, seed + 1, true, type);
  const at::Tensor weights = Random(seed).normal(n, 1, 3, Stream::User, type).squeeze(1).contiguous();
  const Both want = exact(energy.program(), energy.parameters(), rows, weights);
  const EnergyAndGradient got = energy.energyAndGradient(rows);
  CHECK_NEAR(apart(energy.energyOf(rows), want.energy), 0.0, kBound<T>);
  CHECK_NEAR(apart(got.energy, want.energy), 0.0, kBound<T>);
  CHECK_NEAR(apart(got.gradient, want.gradient), 0.0, kBound<T>);
  TileWorkspace ws;
  at::Tensor e = at::empty({n}, type), flat = at::zeros({energy.parameters().count()}, type);
  const auto packed = energy.packed<T>();
  const TileInputOf<T> in = Energy::tileInput<T>(rows);
  energy.tiles<T>()->record(*packed, in, ws, e.data_ptr<T>(), nullptr);
  energy.tiles<T>()->parameterGradient(*packed, in, ws, weights.data_ptr<T>(), nullptr, flat.data_ptr<T>());
  CHECK_NEAR(apart(e, want.energy), 0.0, kBound<T>);
  CHECK_NEAR(apart(flat, want.flat), 0.0, 2 * kBound<T>);
}

inline void compare(const Program& program, std::int64_t n, std::uint64_t seed) {
  compareIn<float>(program, n, seed);
  compareIn<double>(program, n, seed);
}

}  // namespace langevin::test
