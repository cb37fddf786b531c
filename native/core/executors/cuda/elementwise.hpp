// Elementwise instructions, and sums of them over the columns.
#pragma once

#include "executors/cuda/tile.hpp"

namespace langevin::cuda {

// value(c) of every column goes to `out`, or their sum into its one column.
template <class Lanes, class Value>
LANGEVIN_HD void emit(const Tile<Lanes>& tile, const Instruction& in, Value value) {
  float* out = tile.rowOf(in.out);
  const bool add = (in.flags & kAccumulate) != 0;
  if (in.flags & kReduce) {
    float part = 0;
    LANGEVIN_ROLLED
    for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) part += value(c);
    const float sum = tile.lanes.sumRow(part);
    if (tile.lane == 0) out[0] = add ? out[0] + sum : sum;
    return;
  }
  LANGEVIN_ROLLED
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) {
    const float v = value(c);
    out[c] = add ? out[c] + v : v;
  }
}

LANGEVIN_HD float selectShare(const Instruction& in, float a, float b) {
  if (a == b) return 0.5f;
  const bool first = in.n0 == 0.0f ? a >= b : a <= b;
  return first == (in.n1 == 0.0f) ? 1.0f : 0.0f;
}

/// False when the operation is not an elementwise one.
template <class Lanes>
LANGEVIN_HD bool elementwise(const Tile<Lanes>& tile, const Instruction& in) {
  const auto a = tile.view(in.a), b = tile.view(in.b), c = tile.view(in.c);
  switch (in.operation) {
    case Operation::Fill:
      emit(tile, in, [&](int) { return in.n0; });
      return true;
    case Operation::Affine:
      emit(tile, in, [&](int i) { return in.n0 * a.at(i) + in.n1; });
      return true;
    case Operation::Add:
      emit(tile, in, [&](int i) { return a.at(i) + b.at(i); });
      return true;
    case Operation::Sub:
      emit(tile, in, [&](int i) { return a.at(i) - b.at(i); });
      return true;
    case Operation::Mul:
      emit(tile, in, [&](int i) { return in.n0 * (a.at(i) * b.at(i)); });
      return true;
    case Operation::Div:
      emit(tile, in, [&](int i) { return a.at(i) / b.at(i); });
      return true;
    case Operation::DivBackward:
      emit(tile, in, [&](int i) { return -(a.at(i) / c.at(i)) * b.at(i); });
      return true;
    case Operation::Maximum:
      emit(tile, in, [&](int i) { return a.at(i) >= b.at(i) ? a.at(i) : b.at(i); });
      return true;
    case Operation::Minimum:
      emit(tile, in, [&](int i) { return a.at(i) <= b.at(i) ? a.at(i) : b.at(i); });
      return true;
    case Operation::SelectBackward:
      emit(tile, in, [&](int i) { return a.at(i) * selectShare(in, b.at(i), c.at(i)); });
      return true;
    case Operation::Greater:
      emit(tile, in, [&](int i) { return a.at(i) > b.at(i) ? 1.0f : 0.0f; });
      return true;
    case Operation::GreaterEqual:
      emit(tile, in, [&](int i) { return a.at(i) >= b.at(i) ? 1.0f : 0.0f; });
      return true;
    case Operation::Less:
      emit(tile, in, [&](int i) { return a.at(i) < b.at(i) ? 1.0f : 0.0f; });
      return true;
    case Operation::LessEqual:
      emit(tile, in, [&](int i) { return a.at(i) <= b.at(i) ? 1.0f : 0.0f; });
      return true;
    case Operation::Where:
      emit(tile, in, [&](int i) { return a.at(i) != 0.0f ? b.at(i) : c.at(i); });
      return true;
    case Operation::WhereBackward:
      emit(tile, in, [&](int i) { return (a.at(i) != 0.0f) == (in.n0 != 0.0f) ? b.at(i) : 0.0f; });
      return true;
    case Operation::ExpDifference:
      emit(tile, in, [&](int i) { return a.at(i) * expf(b.at(i) - c.at(i)); });
      return true;
    case Operation::SoftmaxBackward:
      emit(tile, in, [&](int i) { return a.at(i) - expf(b.at(i)) * c.at(i); });
      return true;
    case Operation::NormBackward:
      emit(tile, in, [&](int i) { return c.at(i) != 0.0f ? a.at(i) * b.at(i) / c.at(i) : 0.0f; });
      return true;
    default:
      return false;
  }
}

}  // namespace langevin::cuda
