// gaussian: E(x) = (x - m)' P (x - m) / 2, without the normalising constant.
#include "base/tensor.hpp"
#include "energies/builder.hpp"
#include "energies/registry.hpp"

namespace langevin {

Program lowerGaussian(const Spec& spec) {
  Builder b("gaussian");
  const std::vector<double> mean = spec.at("mean").numbers();
  const auto d = static_cast<std::int64_t>(mean.size());
  if (d < 1) spec.at("mean").invalid("needs at least one number");
  const Spec precisionSpec = spec.at("precision");
  at::Tensor precision = at::empty({d, d}, at::kDouble);
  const auto rows = precisionSpec.items();
  if (static_cast<std::int64_t>(rows.size()) != d)
    precisionSpec.invalid("must be a list of " + std::to_string(d) + " rows");
  for (std::int64_t i = 0; i < d; ++i) {
    const std::vector<double> row = rows[static_cast<std::size_t>(i)].numbers();
    if (static_cast<std::int64_t>(row.size()) != d)
      rows[static_cast<std::size_t>(i)].invalid("must have " + std::to_string(d) + " numbers");
    for (std::int64_t j = 0; j < d; ++j) precision[i][j] = row[static_cast<std::size_t>(j)];
  }
  if (!precision.equal(precision.t())) precisionSpec.invalid("must be symmetric");
  const bool learnable = spec.boolean("learnable", false);
  const int x = b.input(d);
  const int m = b.parameterValue("mean", at::tensor(mean, at::kDouble), learnable);
  const int p = b.parameterValue("precision", precision, learnable);
  b.setEnergy(b.apply("quadratic", {x, m, p}, 1));
  return b.finish();
}

}  // namespace langevin
