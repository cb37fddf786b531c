// mixtureDensity: Bishop 1994, "Mixture density networks". Rows (x, y); E = -log sum_k pi_k(x) N(y; mu_k(x),
// sigma_k(x)^2 I), normalised over y at every x. The network's columns are K weights (before softmax), K means of
// `output` columns each, K spreads. log sigma = l + softplus(raw - l) with l = log sigmaFloor: a smooth maximum of raw
// and l, so sigma never falls below the floor and no exponential of a raw output is ever taken upwards.
#include <cmath>
#include <numbers>

#include "networks/registry.hpp"
#include "program/builder.hpp"

namespace langevin {

Program lowerMixtureDensity(const Spec& spec) {
  Builder b("mixtureDensity");
  const std::int64_t in = spec.count("input"), out = spec.count("output", 1, 1), k = spec.count("components", 1, 4);
  const double floor = std::log(spec.positive("sigmaFloor", 1e-3));
  const int rows = b.input(in + out);
  const int raw = headNetwork(b, b.slice(rows, 0, in), spec, k * (out + 2), "net.");
  const int logWeight = b.apply("logSoftmax", {b.slice(raw, 0, k)}, k);
  const int mean = b.slice(raw, k, k * out);
  const int softened = b.apply("softplus", {b.affine(b.slice(raw, k * (out + 1), k), 1.0, -floor)}, k);
  const int logSigma = b.affine(softened, 1.0, floor);
  const int y = b.slice(rows, in, out);
  const int difference = b.sub(b.concat(std::vector<int>(static_cast<std::size_t>(k), y)), mean);
  int squared = b.square(difference);
  if (out > 1) {  // sums the columns of each component: [k out, k] with ones in the component's block
    const at::Tensor block = at::eye(k, at::kDouble).repeat_interleave(out, 0);
    squared = b.apply("matmul", {squared}, k, {}, {}, {}, {b.addConstant(block)});
  }
  const int scaled = b.mul(squared, b.apply("exp", {b.scale(logSigma, -2.0)}, k));
  const double o = static_cast<double>(out);
  const int logNormal =
      b.sub(b.affine(scaled, -0.5, -0.5 * o * std::log(2.0 * std::numbers::pi)), b.scale(logSigma, o));
  b.setOutputs(raw);
  b.setNormalised();  // over y, at every x
  b.setEnergy(b.apply("neg", {b.apply("logsumexp", {b.add(logWeight, logNormal)}, 1)}, 1));
  return b.finish();
}

}  // namespace langevin
