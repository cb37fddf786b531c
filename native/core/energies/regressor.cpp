// regressor: rows (x, y) of input + output columns; E = |y - f(x)|^2 / (2 s^2) + output log s, the negative Gaussian
// log-likelihood of y without the constant output / 2 log(2 pi). s^2 = exp(logVariance), a buffer: it is fitted from
// residuals, not trained.
#include <cmath>

#include "networks/registry.hpp"
#include "program/builder.hpp"

namespace langevin {

Program lowerRegressor(const Spec& spec) {
  Builder b("regressor");
  const std::int64_t in = spec.count("input"), out = spec.count("output", 1, 1);
  const double sigma = spec.positive("sigma", 1.0);
  const int rows = b.input(in + out);
  const int f = headNetwork(b, b.slice(rows, 0, in), spec, out, "net.");
  const int logVariance = b.parameterValue("logVariance", at::full({1}, 2.0 * std::log(sigma), at::kDouble), false);
  const int squared = b.sum(b.square(b.sub(b.slice(rows, in, out), f)));
  const int precision = b.apply("exp", {b.apply("neg", {logVariance}, 1)}, 1);
  const double half = 0.5 * static_cast<double>(out);
  b.setOutputs(f);
  b.setEnergy(b.add(b.scale(b.mul(squared, precision), 0.5), b.scale(logVariance, half)));
  return b.finish();
}

}  // namespace langevin
