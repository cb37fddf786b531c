#include "energies/tails.hpp"

#include <algorithm>
#include <cmath>

namespace langevin {

Tail tailOf(double before, double after, double ratio) {
  if (std::isnan(before) || std::isnan(after)) return Tail::Unknown;
  if (std::isinf(after)) return after > 0 ? Tail::Rises : Tail::Falls;
  if (std::isinf(before)) return Tail::Unknown;
  const double change = after - before;
  // An energy that has levelled off differs by its rounding.
  if (change < -std::max(1e-3, 1e-4 * std::abs(before))) return Tail::Falls;
  return change <= std::log(ratio) ? Tail::Flat : Tail::Rises;
}

at::Tensor energyAlong(const Energy& energy, const Batch& from, const at::Tensor& direction,
                       const std::vector<double>& distances, int threads) {
  const at::NoGradGuard guard;
  const auto wide = at::TensorOptions(at::kDouble).device(energy.device());
  const at::Tensor x = from.x.to(wide);
  const at::Tensor step = direction.to(wide) * realColumns(energy.program().domain).to(wide);
  std::vector<at::Tensor> columns;
  for (const double distance : distances) {
    const Batch rows{(x + distance * step).to(energy.options()), from.y};
    columns.push_back(energy.energyOf(rows, threads).to(at::kCPU, at::kDouble));
  }
  return at::stack(columns, 1).contiguous();
}

at::Tensor realColumns(const Domain& domain) {
  at::Tensor mask = at::zeros({domain.columns()}, at::kDouble);
  for (const ColumnBlock& block : domain.runs())
    if (!block.discrete()) mask.slice(0, block.first, block.first + block.width).fill_(1);
  return mask;
}

bool hasCondition(const Energy& energy, const at::Tensor& y) {
  const Condition& condition = energy.program().condition;
  return condition.kind == Condition::Kind::None || condition.optional || y.defined();
}

}  // namespace langevin
