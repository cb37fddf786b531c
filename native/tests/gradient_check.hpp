// Gradients of objectives against central differences of their losses.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "check.hpp"
#include "training_support.hpp"

namespace langevin::test {

using LossOf = std::function<double()>;

// Largest difference between the gradient and central differences of `loss`, over every learnable number. In float64
// with steps of 1e-6 the difference quotient carries about 1e-9.
inline double gradientError(const EnergyRef& energy, const std::map<std::string, at::Tensor>& gradient,
                            const LossOf& loss) {
  const at::Tensor flat = energy->parameters().flat();
  at::Tensor claimed = at::zeros_like(flat);
  std::vector<at::Tensor> byInfo;
  for (const ParameterInfo& info : energy->parameters().info())
    byInfo.push_back(info.learnable ? gradient.at(info.name) : at::Tensor());
  energy->parameters().accumulate(claimed, byInfo);
  const double step = 1e-6;
  double worst = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const double w = flat[i].item<double>();
    flat[i].fill_(w + step);
    const double up = loss();
    flat[i].fill_(w - step);
    const double down = loss();
    flat[i].fill_(w);
    worst = std::max(worst, std::abs((up - down) / (2 * step) - claimed[i].item<double>()));
  }
  return worst;
}

constexpr double kGradientTolerance = 2e-8;

inline void checkGradient(const EnergyRef& energy, const at::Tensor& x, const Map& objective, const at::Tensor& y = {},
                          const std::map<std::string, double>& extras = {}) {
  const Evaluation e = evaluate(energy, x, objective, 3, y, extras);
  const double worst =
      gradientError(energy, e.gradient, [&] { return evaluate(energy, x, objective, 3, y, extras).loss; });
  CHECK_NEAR(worst, 0.0, kGradientTolerance);
  for (const auto& [name, value] : extras) {
    std::map<std::string, double> up = extras, down = extras;
    up[name] += 1e-6;
    down[name] -= 1e-6;
    const double difference =
        (evaluate(energy, x, objective, 3, y, up).loss - evaluate(energy, x, objective, 3, y, down).loss) / 2e-6;
    CHECK_NEAR(e.extraGradient.at(name), difference, kGradientTolerance);
  }
}

}  // namespace langevin::test
