// Inner loops as quantities: one graph per tile holds all steps.
#include <cmath>

#include "base/error.hpp"
#include "gradients/quantity.hpp"

namespace langevin {
namespace {

// `loop` without its tensor, which comes back tile by tile.
at::Tensor runLoop(const InnerLoop& loop, bool sizePerRow, const Evaluator& e, const Batch& rows) {
  Batch now = rows;
  at::Tensor& moving = loop.wrt == Wrt::X ? now.x : now.y;
  std::vector<at::Tensor> values;
  for (std::int64_t k = 0; k < loop.steps; ++k) {
    if (k > 0 && !loop.throughSteps) moving = moving.detach();
    const at::Tensor gradient = e.gradient(now, loop.wrt);
    moving = moving - (sizePerRow ? gradient * e.perRow(0) : gradient * loop.stepSize);
    if (loop.everyStep) values.push_back(moving);
  }
  return loop.everyStep ? at::stack(values, 1) : moving;
}

}  // namespace

Quantity unrolled(const InnerLoop& loop) {
  if (loop.steps < 1) fail(Code::InvalidOption, "an inner loop takes at least one step, not ", loop.steps);
  const bool sizePerRow = loop.stepSizes.defined();
  if (!sizePerRow && !(std::isfinite(loop.stepSize) && loop.stepSize > 0))
    fail(Code::InvalidOption, "the step size of an inner loop is a positive number, not ", loop.stepSize);
  InnerLoop numbers = loop;
  numbers.stepSizes.reset();
  Quantity quantity{.name = "unrolled",
                    .plain = [numbers, sizePerRow](const Evaluator& e,
                                                   const Batch& rows) { return runLoop(numbers, sizePerRow, e, rows); },
                    .needs = {.smooth = true}};
  if (sizePerRow) quantity.perRow = {loop.stepSizes.reshape({-1, 1})};
  return quantity;
}

}  // namespace langevin
