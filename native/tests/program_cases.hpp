// Programs that between them use every operation of the fused kernels: shared by the tests of the CPU executor
// (tile_program_test.cpp), those that run the CUDA kernel's source on the CPU (cuda_kernel_test.cpp) and those that
// need a device (tests_cuda).
#pragma once

#include <string>
#include <vector>

#include "energies/energy.hpp"
#include "energies/registry.hpp"
#include "program/builder.hpp"
#include "tensors/random.hpp"

namespace langevin::test {

inline Program network(const std::string& act, std::int64_t in, const std::vector<std::int64_t>& hidden) {
  Builder b("mlp");
  const int x = b.input(in);
  int v = x, index = 0;
  for (std::int64_t h : hidden) {
    v = b.activation(b.linear(v, std::to_string(index), h), act, 0.1);
    index += 2;
  }
  b.setEnergy(b.add(b.linear(v, std::to_string(index), 1), b.scale(b.sum(b.square(x)), 0.125)));
  return b.finish();
}

inline Program residualConditional() {
  Builder b("conditional");
  const int x = b.input(5);
  const int label = b.classCondition(4);
  int h = b.linear(b.concat({x, b.embedding(label, "embedding", 4, 6)}), "0", 24);
  h = b.activation(b.layerNorm(h, "1"), "silu");
  h = b.add(h, b.linear(b.activation(b.linear(h, "2.body.0", 24), "tanh"), "2.body.2", 24));
  b.setEnergy(b.linear(h, "3", 1));
  return b.finish();
}

inline Program continuousConditional() {
  Builder b("conditional");
  const int x = b.input(3);
  const int y = b.continuousCondition(2);
  const int h = b.activation(b.linear(b.concat({x, y}), "0", 17), "softplus");
  b.setEnergy(b.add(b.linear(h, "2", 1), b.sum(b.square(x))));
  return b.finish();
}

inline Program classifier() {
  Builder b("classifier");
  const int x = b.input(3);
  const int label = b.classCondition(5, true);
  const int logits = b.linear(b.activation(b.linear(x, "0", 20), "silu"), "2", 5);
  b.setOutputs(logits);
  b.setEnergy(b.apply("neg", {b.apply("logsumexp", {logits}, 1)}));
  b.setJointEnergy(b.apply("neg", {b.apply("gather", {logits, label}, 1)}));
  return b.finish();
}

/// Broadcasting, selection, branches, functions of parameters, a column listed twice.
inline Program expression() {
  Builder b("expression");
  const int x = b.input(4);
  const int c = b.constant(at::tensor({0.5, -1.0, 2.0, 0.25}, at::kDouble));
  const int p = b.parameterValue("p", at::tensor({1.5, 0.5, -0.5, 1.0}, at::kDouble), true);
  const int s = b.sum(x);
  const int u = b.mul(b.sub(x, c), b.apply("exp", {p}));
  const int v = b.apply("div", {u, b.affine(b.square(s), 1.0, 2.0)});
  const int w = b.apply("where", {b.apply("gt", {x, c}), b.apply("sin", {v}), b.apply("cos", {u})});
  const int m = b.apply("minimum", {b.apply("maximum", {w, b.apply("tanh", {u})}), s});
  const int picked = b.apply("columns", {u}, 3, {}, {2, 0, 2});
  const int l = b.apply("logsumexp", {b.concat({m, b.slice(x, 1, 2), picked})}, 1);
  const int soft = b.mul(b.apply("logSoftmax", {u}), c);
  const int norm = b.apply("norm", {u}, 1);
  b.setEnergy(b.add(b.add(l, b.apply("mean", {b.apply("softplus", {u})}, 1)), b.add(b.sum(soft), norm)));
  return b.finish();
}

inline Program gaussian() {
  const at::Tensor matrix = at::tensor({2.0, 0.3, 0.1, 0.3, 1.0, -0.2, 0.1, -0.2, 1.5}, at::kDouble).view({3, 3});
  Builder b("gaussian");
  const int x = b.input(3);
  const int mean = b.parameterValue("mean", at::tensor({0.5, -1.0, 0.25}, at::kDouble), false);
  b.setEnergy(b.apply("quadratic", {x, mean, b.parameterValue("precision", matrix, false)}, 1));
  return b.finish();
}

/// A mixture of k components in d columns: round ones, or with a precision of each.
inline Program mixture(std::int64_t k, std::int64_t d, bool round) {
  const at::Tensor numbers = Random(31).normal(k, d * d + d + 1, 0, Stream::User, at::kDouble);
  List means, sigmas, precisions;
  for (std::int64_t i = 0; i < k; ++i) {
    const at::Tensor of = numbers[i], factor = 0.3 * of.slice(0, 0, d * d).view({d, d}) + at::eye(d, at::kDouble);
    const at::Tensor square = factor.matmul(factor.t()), precision = (square + square.t()) / 2;
    List mean, matrix;
    for (std::int64_t a = 0; a < d; ++a) {
      List row;
      for (std::int64_t c = 0; c < d; ++c) row.emplace_back(precision[a][c].item<double>());
      matrix.emplace_back(std::move(row));
      mean.emplace_back(of[d * d + a].item<double>());
    }
    means.emplace_back(std::move(mean));
    precisions.emplace_back(std::move(matrix));
    sigmas.emplace_back(1.0 + 0.2 * std::abs(of[d * d + d].item<double>()));
  }
  Map spec{{"kind", "gaussianMixture"}, {"means", means}};
  spec[round ? "sigmas" : "precisions"] = round ? sigmas : precisions;
  const Value value{std::move(spec)};
  return lower(Spec(value, "energy"));
}

/// A quadratic form in d columns whose matrix is no symmetric one.
inline Program quadratic(std::int64_t d, bool learnable) {
  const at::Tensor numbers = Random(32).normal(d + 1, d, 0, Stream::User, at::kDouble);
  Builder b("gaussian");
  const int x = b.input(d);
  const int mean = b.parameterValue("mean", numbers[d], learnable);
  const at::Tensor matrix = at::eye(d, at::kDouble) + numbers.slice(0, 0, d) / static_cast<double>(d);
  b.setEnergy(b.apply("quadratic", {x, mean, b.parameterValue("precision", matrix, learnable)}, 1));
  return b.finish();
}

inline Batch randomRows(const Program& p, std::int64_t n, std::uint64_t seed, bool conditioned,
                        at::ScalarType dtype = at::kFloat) {
  Batch rows;
  rows.x = Random(seed).normal(n, p.inputWidth(), 0, Stream::User, dtype);
  if (!conditioned) return rows;
  if (p.condition.kind == Condition::Kind::Class) rows.y = Random(seed).index(n, p.condition.width, 1, Stream::User);
  if (p.condition.kind == Condition::Kind::Continuous)
    rows.y = Random(seed).normal(n, p.condition.width, 2, Stream::User, dtype);
  return rows;
}

/// E and dE/dx in double precision on the CPU: the yardstick of every float32 path.
inline EnergyAndGradient exact(const Energy& energy, const Batch& rows) {
  std::vector<at::Tensor> parameters, constants;
  for (const at::Tensor& t : energy.parameters().tensors()) parameters.push_back(t.detach().to(at::kCPU, at::kDouble));
  for (const at::Tensor& c : energy.program().constants) constants.push_back(c.to(at::kDouble));
  Batch r{rows.x.to(at::kCPU, at::kDouble).requires_grad_(true), rows.y.defined() ? rows.y.cpu() : rows.y};
  if (r.y.defined() && r.y.is_floating_point()) r.y = r.y.to(at::kDouble);
  const at::AutoGradMode enable(true);
  const at::Tensor e = evaluate(energy.program(), parameters, constants, r, {}).energy;
  return {e.detach(), torch::autograd::grad({e.sum()}, {r.x})[0]};
}

/// Error relative to the largest entry: float32 sums of hundreds of terms keep about 1e-6 of it.
inline double apart(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  const double size = std::max(1e-3, b.abs().max().item<double>());
  return (a.to(at::kCPU, at::kDouble) - b.to(at::kCPU, at::kDouble)).abs().max().item<double>() / size;
}

inline EnergyRef make(Map spec, std::uint64_t seed = 3, at::Device device = at::kCPU) {
  const Value value{std::move(spec)};
  return makeEnergy(Spec(value, "energy"), at::kFloat, device, seed);
}

}  // namespace langevin::test
