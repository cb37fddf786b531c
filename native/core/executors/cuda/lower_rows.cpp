// Layers, reductions and column selection of the CUDA executor, forward and backward beside each other.
#include "executors/cuda/lower.hpp"

namespace langevin::cuda {
namespace {

using Source = ArenaEntry::Source;

constexpr std::int64_t kThin = 4;  // below so many columns of the result a sum per row beats the product

int parameterOf(Lowering& l, int i, int k) { return l.node(i).parameters[static_cast<std::size_t>(k)]; }

Ref rowOf(Ref matrix, std::int64_t row) {
  matrix.shift += static_cast<int>(row * strideOf(matrix.width));
  return matrix;
}
Ref columnOf(Ref value, std::int64_t column) {
  value.shift += static_cast<int>(column);
  value.width = 1;
  return value;
}

// out = a W' + bias; one column is a sum per row.
void linear(Lowering& l, int i) {
  const std::int64_t in = l.inWidth(i, 0), out = l.width(i);
  const Ref weights = l.entry(Source::Parameter, parameterOf(l, i, 0), out, in);
  const bool biased = l.node(i).parameters.size() > 1;
  const Ref bias = biased ? l.entry(Source::Parameter, parameterOf(l, i, 1), 1, out) : Ref{};
  if (out == 1) {
    Draft d = over(in, Operation::Mul, l.in(i, 0), weights);
    d.flags = kReduce;
    l.define(i, d);
    if (biased) l.define(i, over(1, Operation::Add, l.value(i), bias));
    return;
  }
  Draft d = over(out, Operation::Product, l.in(i, 0));
  d.flags = kByRows;
  d.weights = weights;
  d.bias = bias;
  l.define(i, d);
  l.productOf(i) = static_cast<int>(l.drafts().size()) - 1;
}

// A product that is the one writer of its target's adjoint multiplies by the derivative of the function there.
void giveProduct(Lowering& l, int to, Draft d) {
  const bool first = l.adjoint(to).kind == Ref::Kind::None;
  if (first && l.functionOfProduct(to) && l.readers(to) == 1) {
    d.flags |= kTimesKeep;
    d.keep = l.kept(to);
    l.setMultiplied(to);
  }
  l.give(to, d);
}

void linearBackward(Lowering& l, int i) {
  const int to = l.input(i, 0);
  const std::int64_t in = l.inWidth(i, 0), out = l.width(i);
  if (!l.wants(to)) return;
  const Ref weights = l.entry(Source::Parameter, parameterOf(l, i, 0), out, in);
  if (out == 1) {
    l.give(to, over(in, Operation::Mul, l.adjoint(i), weights));
    return;
  }
  if (in <= kThin) {
    const Ref columns = l.entry(Source::TransposedParameter, parameterOf(l, i, 0), in, out);
    const bool adds = l.adjoint(to).kind != Ref::Kind::None;
    if (!adds) l.setAdjoint(to, l.fresh(in));
    for (std::int64_t k = 0; k < in; ++k) {
      Draft d = over(out, Operation::Mul, l.adjoint(i), rowOf(columns, k));
      d.flags = kReduce | (adds ? kAccumulate : 0);
      d.out = columnOf(l.adjoint(to), k);
      l.push(d);
    }
    return;
  }
  Draft d = over(in, Operation::Product, l.adjoint(i));
  d.weights = weights;
  giveProduct(l, to, d);
}

// x C with a constant matrix C [in, out].
void matmul(Lowering& l, int i) {
  Draft d = over(l.width(i), Operation::Product, l.in(i, 0));
  d.weights = l.entry(Source::Constant, l.node(i).constants[0], l.inWidth(i, 0), l.width(i));
  l.define(i, d);
}
void matmulBackward(Lowering& l, int i) {
  Draft d = over(l.inWidth(i, 0), Operation::Product, l.adjoint(i));
  d.flags = kByRows;
  d.weights = l.entry(Source::Constant, l.node(i).constants[0], l.inWidth(i, 0), l.width(i));
  giveProduct(l, l.input(i, 0), d);
}

// (x - m)' P (x - m) / 2 = z' S z / 4 with S = P + P'; its gradient is S z / 2.
void quadratic(Lowering& l, int i) {
  if (!l.fixed(l.input(i, 1)) || !l.fixed(l.input(i, 2)))
    return l.refuse("operation 'quadratic' has a fused form only where mean and precision are the same for all rows");
  const std::int64_t d = l.inWidth(i, 0);
  const Ref z = l.fresh(d);
  l.kept(i) = l.fresh(d);
  Draft difference = over(d, Operation::Sub, l.in(i, 0), l.in(i, 1));
  difference.out = z;
  l.push(difference);
  Draft product = over(d, Operation::Product, z);
  product.weights = l.entry(Source::Symmetric, l.input(i, 2), d, d);
  product.out = l.kept(i);
  l.push(product);
  Draft energy = over(d, Operation::Mul, z, l.kept(i));
  energy.flags = kReduce;
  energy.n0 = 0.25;
  l.define(i, energy);
}
void quadraticBackward(Lowering& l, int i) {
  Draft d = over(l.inWidth(i, 0), Operation::Mul, l.adjoint(i), l.kept(i));
  d.n0 = 0.5;
  l.give(l.input(i, 0), d);
}

// Part of the columns of a value, from column `first` on.
Ref part(Ref ref, std::int64_t first, std::int64_t width) {
  ref.shift += static_cast<int>(first);
  ref.width = width;
  return ref;
}

// |(x - m_k) s_k|^2; the differences are kept side by side.
void distances(Lowering& l, int i) {
  const std::int64_t count = l.width(i), d = l.inWidth(i, 0);
  const Ref centres = l.entry(Source::Constant, l.node(i).constants[0], count, d);
  l.kept(i) = l.fresh(count * d);
  l.setValue(i, l.fresh(count));
  for (std::int64_t k = 0; k < count; ++k) {
    const double s = l.node(i).numbers[static_cast<std::size_t>(k)];
    const Ref apart = part(l.kept(i), k * d, d);
    Draft difference = over(d, Operation::Sub, l.in(i, 0), rowOf(centres, k));
    difference.out = apart;
    l.push(difference);
    Draft square = over(d, Operation::Mul, apart, apart);
    square.flags = kReduce;
    square.n0 = s * s;
    square.out = columnOf(l.value(i), k);
    l.push(square);
  }
}
void distancesBackward(Lowering& l, int i) {
  const std::int64_t count = l.width(i), d = l.inWidth(i, 0);
  for (std::int64_t k = 0; k < count; ++k) {
    const double s = l.node(i).numbers[static_cast<std::size_t>(k)];
    Draft slope = over(d, Operation::Mul, part(l.kept(i), k * d, d), columnOf(l.adjoint(i), k));
    slope.n0 = 2 * s * s;
    l.give(l.input(i, 0), slope);
  }
}

void blockSums(Lowering& l, int i) {
  const std::int64_t count = l.width(i), w = l.inWidth(i, 0) / count;
  l.setValue(i, l.fresh(count));
  for (std::int64_t k = 0; k < count; ++k) {
    Draft sum = over(w, Operation::Affine, part(l.in(i, 0), k * w, w));
    sum.flags = kReduce;
    sum.out = columnOf(l.value(i), k);
    l.push(sum);
  }
}
void blockSumsBackward(Lowering& l, int i) {
  if (!l.wants(l.input(i, 0))) return;
  const std::int64_t count = l.width(i), w = l.inWidth(i, 0) / count;
  for (std::int64_t k = 0; k < count; ++k) {
    Draft d = over(w, Operation::Affine, columnOf(l.adjoint(i), k));
    d.flags = kAccumulate;
    d.out = part(l.addable(l.input(i, 0)), k * w, w);
    l.push(d);
  }
}

void layerNorm(Lowering& l, int i) {
  l.kept(i) = l.fresh(2);
  Draft d = over(l.width(i), Operation::LayerNorm, l.in(i, 0));
  if (!l.node(i).parameters.empty()) {
    d.b = l.entry(Source::Parameter, parameterOf(l, i, 0), 1, l.width(i));
    d.c = l.entry(Source::Parameter, parameterOf(l, i, 1), 1, l.width(i));
  }
  d.keep = l.kept(i);
  d.n0 = l.node(i).numbers[0];
  l.define(i, d);
}
void layerNormBackward(Lowering& l, int i) {
  Draft d = over(l.width(i), Operation::LayerNormBackward, l.adjoint(i), l.in(i, 0));
  if (!l.node(i).parameters.empty()) d.c = l.entry(Source::Parameter, parameterOf(l, i, 0), 1, l.width(i));
  d.keep = l.kept(i);
  l.give(l.input(i, 0), d);
}

template <bool Mean>
Draft total(Lowering& l, int i, Ref from) {
  Draft d = over(l.inWidth(i, 0), Operation::Affine, from);
  d.n0 = Mean ? 1.0 / static_cast<double>(l.inWidth(i, 0)) : 1.0;
  return d;
}
template <bool Mean>
void sum(Lowering& l, int i) {
  Draft d = total<Mean>(l, i, l.in(i, 0));
  d.flags = kReduce;
  l.define(i, d);
}
template <bool Mean>
void sumBackward(Lowering& l, int i) {
  l.give(l.input(i, 0), total<Mean>(l, i, l.adjoint(i)));
}

template <Operation O>
void rowNumber(Lowering& l, int i) {
  l.define(i, over(l.inWidth(i, 0), O, l.in(i, 0)));
}
template <Operation O>
void rowNumberBackward(Lowering& l, int i) {
  l.give(l.input(i, 0), over(l.inWidth(i, 0), O, l.adjoint(i), l.in(i, 0), l.value(i)));
}

void logSoftmax(Lowering& l, int i) {
  Draft sum = over(l.width(i), Operation::LogSumExp, l.in(i, 0));
  sum.out = l.fresh(1);
  const Ref log = l.push(sum).out;
  l.define(i, over(l.width(i), Operation::Sub, l.in(i, 0), log));
}
void logSoftmaxBackward(Lowering& l, int i) {
  if (!l.wants(l.input(i, 0))) return;
  Draft sum = over(l.width(i), Operation::Affine, l.adjoint(i));
  sum.flags = kReduce;
  sum.out = l.fresh(1);
  const Ref all = l.push(sum).out;
  l.give(l.input(i, 0), over(l.width(i), Operation::SoftmaxBackward, l.adjoint(i), l.value(i), all));
}

void slice(Lowering& l, int i) {
  l.define(i, over(l.width(i), Operation::Affine, part(l.in(i, 0), l.node(i).integers[0], l.width(i))));
}
void sliceBackward(Lowering& l, int i) {
  if (!l.wants(l.input(i, 0))) return;
  Draft d = over(l.width(i), Operation::Affine, l.adjoint(i));
  d.flags = kAccumulate;
  d.out = part(l.addable(l.input(i, 0)), l.node(i).integers[0], l.width(i));
  l.push(d);
}

void columns(Lowering& l, int i) {
  Draft d = over(l.width(i), Operation::Columns, l.in(i, 0));
  d.weights = l.entry(Source::List, i, 1, l.width(i));
  l.define(i, d);
}
void columnsBackward(Lowering& l, int i) {
  if (!l.wants(l.input(i, 0))) return;
  Draft d = over(l.width(i), Operation::ColumnsBackward, l.adjoint(i));
  d.weights = l.entry(Source::List, i, 1, l.width(i));
  d.out = l.addable(l.input(i, 0));
  l.push(d);
}

void concat(Lowering& l, int i) {
  const Ref whole = l.fresh(l.width(i));
  l.setValue(i, whole);
  std::int64_t first = 0;
  for (int k = 0; k < static_cast<int>(l.node(i).inputs.size()); ++k) {
    Draft d = over(l.inWidth(i, k), Operation::Affine, l.in(i, k));
    d.out = part(whole, first, l.inWidth(i, k));
    l.push(d);
    first += l.inWidth(i, k);
  }
}
void concatBackward(Lowering& l, int i) {
  std::int64_t first = 0;
  for (int k = 0; k < static_cast<int>(l.node(i).inputs.size()); ++k) {
    l.give(l.input(i, k), over(l.inWidth(i, k), Operation::Affine, part(l.adjoint(i), first, l.inWidth(i, k))));
    first += l.inWidth(i, k);
  }
}

void gather(Lowering& l, int i) {
  if (l.fixed(l.input(i, 0))) return l.refuse("operation 'gather' of a value that does not depend on the rows");
  l.define(i, over(l.inWidth(i, 0), Operation::Gather, l.in(i, 0)));
}
void gatherBackward(Lowering& l, int i) {
  if (!l.wants(l.input(i, 0))) return;
  Draft d = over(l.inWidth(i, 0), Operation::GatherBackward, l.adjoint(i));
  d.out = l.addable(l.input(i, 0));
  l.push(d);
}

void embedding(Lowering& l, int i) {
  Draft d = over(l.width(i), Operation::Embedding);
  d.weights = l.entry(Source::Parameter, parameterOf(l, i, 0), l.parameter(i, 0).shape[0], l.width(i));
  l.define(i, d);
}

}  // namespace

const std::vector<CudaOp>& rowCudaOps() {
  static const std::vector<CudaOp> table = {
      {"linear", linear, linearBackward},
      {"matmul", matmul, matmulBackward},
      {"quadratic", quadratic, quadraticBackward},
      {"distances", distances, distancesBackward},
      {"blockSums", blockSums, blockSumsBackward},
      {"layerNorm", layerNorm, layerNormBackward},
      {"sum", sum<false>, sumBackward<false>},
      {"mean", sum<true>, sumBackward<true>},
      {"logsumexp", rowNumber<Operation::LogSumExp>, rowNumberBackward<Operation::ExpDifference>},
      {"norm", rowNumber<Operation::Norm>, rowNumberBackward<Operation::NormBackward>},
      {"logSoftmax", logSoftmax, logSoftmaxBackward},
      {"slice", slice, sliceBackward},
      {"columns", columns, columnsBackward},
      {"concat", concat, concatBackward},
      {"gather", gather, gatherBackward},
      {"embedding", embedding, nullptr},
  };
  return table;
}

}  // namespace langevin::cuda
