// Instructions on whole rows: functions with their derivative, norms, log-sum-exp, selection of columns.
#pragma once

#include "executors/cuda/tile.hpp"

namespace langevin::cuda {

template <class Lanes>
LANGEVIN_HD void applyFunction(const Tile<Lanes>& tile, const Instruction& in) {
  const float* x = tile.rowOf(in.a);
  float *y = tile.rowOf(in.out), *d = tile.rowOf(in.keep);
  LANGEVIN_ROLLED
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) {
    const Pair p = activation(static_cast<Unary>(in.function), in.n0, x[c]);
    y[c] = p.y;
    d[c] = p.d;
  }
}

template <class Lanes>
LANGEVIN_HD void logSumExp(const Tile<Lanes>& tile, const Instruction& in) {
  const float* x = tile.rowOf(in.a);
  float most = x[0];
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) most = x[c] > most || x[c] != x[c] ? x[c] : most;
  most = tile.lanes.worstRow(most);
  float part = 0;
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) part += expf(x[c] - most);
  const float sum = tile.lanes.sumRow(part);
  if (tile.lane == 0) tile.rowOf(in.out)[0] = finite(most) ? most + logf(sum) : most;
}

template <class Lanes>
LANGEVIN_HD void norm(const Tile<Lanes>& tile, const Instruction& in) {
  const float* x = tile.rowOf(in.a);
  float part = 0;
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) part += x[c] * x[c];
  const float sum = tile.lanes.sumRow(part);
  if (tile.lane == 0) tile.rowOf(in.out)[0] = sqrtf(sum);
}

template <class Lanes>
LANGEVIN_HD void layerNorm(const Tile<Lanes>& tile, const Instruction& in) {
  const float* x = tile.rowOf(in.a);
  float *y = tile.rowOf(in.out), *kept = tile.rowOf(in.keep);
  const bool affine = in.b.width > 0;
  const auto gain = tile.view(in.b), shift = tile.view(in.c);
  const float count = static_cast<float>(in.columns);
  float part = 0;
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) part += x[c];
  const float mean = tile.lanes.sumRow(part) / count;
  part = 0;
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) part += (x[c] - mean) * (x[c] - mean);
  const float inverse = 1.0f / sqrtf(tile.lanes.sumRow(part) / count + in.n0);
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) {
    const float z = (x[c] - mean) * inverse;
    y[c] = affine ? z * gain.at(c) + shift.at(c) : z;
  }
  if (tile.lane == 0) {
    kept[0] = mean;
    kept[1] = inverse;
  }
}

template <class Lanes>
LANGEVIN_HD void layerNormBackward(const Tile<Lanes>& tile, const Instruction& in) {
  const float *g = tile.rowOf(in.a), *x = tile.rowOf(in.b), *kept = tile.rowOf(in.keep);
  float* out = tile.rowOf(in.out);
  const bool affine = in.c.width > 0, add = (in.flags & kAccumulate) != 0;
  const auto gain = tile.view(in.c);
  const float mean = kept[0], inverse = kept[1], count = static_cast<float>(in.columns);
  float sum = 0, dot = 0;
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) {
    const float z = (x[c] - mean) * inverse, v = affine ? g[c] * gain.at(c) : g[c];
    sum += v;
    dot += v * z;
  }
  sum = tile.lanes.sumRow(sum) / count;
  dot = tile.lanes.sumRow(dot) / count;
  for (int c = tile.lane; c < in.columns; c += tile.launch.lanes) {
    const float z = (x[c] - mean) * inverse, v = affine ? g[c] * gain.at(c) : g[c];
    const float d = inverse * (v - sum - z * dot);
    out[c] = add ? out[c] + d : d;
  }
}

template <class Lanes>
LANGEVIN_HD void select(const Tile<Lanes>& tile, const Instruction& in) {
  float* out = tile.rowOf(in.out);
  const float* list = tile.launch.arena + (in.weights >= 0 ? in.weights : 0);
  switch (in.operation) {
    case Operation::Gather:
      if (tile.lane == 0) out[0] = tile.rowOf(in.a)[tile.label];
      break;
    case Operation::GatherBackward:
      if (tile.lane == 0) out[tile.label] += tile.rowOf(in.a)[0];
      break;
    case Operation::Embedding:
      for (int c = tile.lane; c < in.columns; c += tile.launch.lanes)
        out[c] = readOnly(list + tile.label * in.weightStride + c);
      break;
    case Operation::Columns:
      for (int c = tile.lane; c < in.columns; c += tile.launch.lanes)
        out[c] = tile.rowOf(in.a)[static_cast<int>(readOnly(list + c))];
      break;
    case Operation::ColumnsBackward:
      // A column may be listed twice: each lane adds to columns of its own.
      for (int c = 0; c < in.columns; ++c) {
        const int source = static_cast<int>(readOnly(list + c));
        if (source % tile.launch.lanes == tile.lane) out[source] += tile.rowOf(in.a)[c];
      }
      break;
    default:
      break;
  }
}

template <class Lanes>
LANGEVIN_HD void rowwise(const Tile<Lanes>& tile, const Instruction& in) {
  switch (in.operation) {
    case Operation::Function:
      return applyFunction(tile, in);
    case Operation::LogSumExp:
      return logSumExp(tile, in);
    case Operation::Norm:
      return norm(tile, in);
    case Operation::LayerNorm:
      return layerNorm(tile, in);
    case Operation::LayerNormBackward:
      return layerNormBackward(tile, in);
    default:
      return select(tile, in);
  }
}

}  // namespace langevin::cuda
