// gaussianMixture: E(x) = -log sum_k w_k N(x; m_k, C_k), normalised: log Z = 0.
#include <cmath>
#include <numbers>

#include "program/builder.hpp"
#include "tensors/matrix.hpp"

namespace langevin {
namespace {

struct Mixture {
  at::Tensor means;                 // [k, d]
  at::Tensor logWeights;            // [k], normalised
  at::Tensor sigmas;                // [k] where every component is round, else undefined
  std::vector<at::Tensor> factors;  // else: R_k with R_k R_k' = the precision, so |(x - m) R|^2 is its square form
};

at::Tensor mixtureWeights(const Spec& spec, std::int64_t k) {
  if (!spec.has("weights")) return at::full({k}, -std::log(static_cast<double>(k)), at::kDouble);
  const Spec weights = spec.at("weights");
  const at::Tensor w = vectorOf(weights);
  if (w.size(0) != k) weights.invalid("must hold " + std::to_string(k) + " numbers, one per mean");
  if (!w.gt(0).all().item<bool>()) weights.invalid("must all be greater than 0");
  return (w / w.sum()).log();
}

void readSpreads(const Spec& spec, std::int64_t k, std::int64_t d, Mixture& m) {
  const int given = spec.has("sigmas") + spec.has("precisions") + spec.has("covariances");
  if (given != 1) spec.invalid("give exactly one of sigmas, precisions, covariances");
  if (spec.has("sigmas")) {
    const Spec s = spec.at("sigmas");
    m.sigmas = s.value().list() ? vectorOf(s) : at::full({k}, s.number(), at::kDouble);
    if (m.sigmas.size(0) != k) s.invalid("must be one number or " + std::to_string(k) + ", one per mean");
    if (!m.sigmas.gt(0).all().item<bool>()) s.invalid("must be greater than 0");
    return;
  }
  const bool precisions = spec.has("precisions");
  const Spec list = spec.at(precisions ? "precisions" : "covariances");
  const std::vector<Spec> items = list.items();
  if (static_cast<std::int64_t>(items.size()) != k)
    list.invalid("must hold " + std::to_string(k) + " entries, one per mean");
  for (const Spec& item : items) {
    const at::Tensor lower = choleskyOf(item, symmetricOf(item, d));
    // C = L L' gives P = L^-T L^-1.
    m.factors.push_back(
        precisions ? lower : at::linalg_solve_triangular(lower, at::eye(d, at::kDouble), false).t().contiguous());
  }
}

// log of N's constant for every component: -d/2 log(2 pi) + log |det R_k|
at::Tensor logConstants(const Mixture& m, std::int64_t d) {
  at::Tensor logDet;
  if (m.sigmas.defined()) {
    logDet = m.sigmas.log() * -static_cast<double>(d);
  } else {
    std::vector<at::Tensor> parts;
    for (const at::Tensor& r : m.factors) parts.push_back(r.diagonal().log().sum());
    logDet = at::stack(parts);
  }
  return logDet - 0.5 * static_cast<double>(d) * std::log(2.0 * std::numbers::pi);
}

// |(x - m_k) R_k|^2 for every component k, [n, k]
int squares(Builder& b, const Mixture& m, int x) {
  const std::int64_t k = m.means.size(0), d = m.means.size(1);
  const at::Tensor round = m.sigmas.defined() ? m.sigmas.reciprocal() : d == 1 ? at::stack(m.factors) : at::Tensor();
  if (round.defined()) {
    const at::Tensor scales = round.reshape({k}).contiguous();
    const auto* first = scales.const_data_ptr<double>();
    return b.apply("distances", {x}, k, {first, first + k}, {}, {}, {b.addConstant(m.means)});
  }
  std::vector<int> parts;
  for (std::int64_t i = 0; i < k; ++i) {
    const int centred = b.sub(x, b.constant(m.means[i]));
    parts.push_back(
        b.apply("matmul", {centred}, d, {}, {}, {}, {b.addConstant(m.factors[static_cast<std::size_t>(i)])}));
  }
  return b.apply("blockSums", {b.square(k == 1 ? parts[0] : b.concat(parts))}, k);
}

}  // namespace

Program lowerGaussianMixture(const Spec& spec) {
  Builder b("gaussianMixture");
  Mixture m;
  m.means = matrixOf(spec.at("means"));
  const std::int64_t k = m.means.size(0), d = m.means.size(1);
  m.logWeights = mixtureWeights(spec, k);
  readSpreads(spec, k, d, m);
  const int x = b.input(d);
  const int logTerms =
      b.add(b.scale(squares(b, m, x), -0.5), b.constant((m.logWeights + logConstants(m, d)).reshape({1, k})));
  b.setEnergy(b.apply("neg", {b.apply("logsumexp", {logTerms}, 1)}, 1));
  b.setNormalised();
  return b.finish();
}

}  // namespace langevin
