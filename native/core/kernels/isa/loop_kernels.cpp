// The loops of kernels/loop_steps.hpp, compiled once per instruction set and number type.
#include "kernels/loop_steps.hpp"

#include "kernels/isa/activate.hpp"
#include "kernels/isa/exp_log.hpp"
#include "kernels/isa/loop_columns.hpp"
#include "kernels/isa/loop_lines.hpp"
#include "kernels/isa/loop_sums.hpp"

namespace langevin::LANGEVIN_ISA {
namespace {

// Functions of one number; without a derivative where nobody wants it.
void function(const LoopStep& s, const LoopFrame& frame) {
  Lines l = linesOf<1>(s, frame);
  Number* z = s.z.region < 0 ? nullptr : frame.regions[s.z.region] + s.z.offset;
  for (std::int64_t o = 0; o < l.m; ++o)
    activate(s.f, l.a + o * l.sa, l.y + o * l.so, z ? z + o * s.z.stride : nullptr, l.n, 1, l.n);
}

void step(const LoopStep& s, const LoopFrame& frame) {
  switch (s.code) {
    case LoopCode::Function:
      return function(s, frame);
    case LoopCode::Sum:
    case LoopCode::Dot:
      return s.order == LoopOrder::Rows ? sumRows(s, frame) : sumColumns(s, frame);
    case LoopCode::LogSum:
      return s.order == LoopOrder::Rows ? logSumRows(s, frame) : logSumColumns(s, frame);
    case LoopCode::Bands:
      return bands(s, frame);
    case LoopCode::Symmetric:
      return symmetric(s, frame);
    case LoopCode::Distances:
      return distances(s, frame);
    case LoopCode::DistanceSlopes:
      return distanceSlopes(s, frame);
    case LoopCode::Turn:
      return turn(s, frame);
    case LoopCode::TurnBack:
      return turnBack(s, frame);
    case LoopCode::Pick:
      return pick(s, frame);
    case LoopCode::Put:
      return put(s, frame);
    default:
      return line(s, frame);
  }
}

}  // namespace

void runLoops(const LoopStepOf<Number>* steps, std::int64_t count, const LoopFrameOf<Number>& frame);
void runLoops(const LoopStepOf<Number>* steps, std::int64_t count, const LoopFrameOf<Number>& frame) {
  for (std::int64_t i = 0; i < count; ++i) step(steps[i], frame);
}

}  // namespace langevin::LANGEVIN_ISA
