// Elementwise operations of the CUDA executor, forward and backward beside each other.
#include "executors/cuda/lower.hpp"
#include "program/ops.hpp"

namespace langevin::cuda {
namespace {

template <Operation O>
void binary(Lowering& l, int i) {
  l.define(i, over(l.width(i), O, l.in(i, 0), l.in(i, 1)));
}

void addBackward(Lowering& l, int i) {
  for (int k : {0, 1}) l.give(l.input(i, k), over(l.width(i), Operation::Affine, l.adjoint(i)));
}

void subBackward(Lowering& l, int i) {
  l.give(l.input(i, 0), over(l.width(i), Operation::Affine, l.adjoint(i)));
  Draft minus = over(l.width(i), Operation::Affine, l.adjoint(i));
  minus.n0 = -1;
  l.give(l.input(i, 1), minus);
}

void mulBackward(Lowering& l, int i) {
  for (int k : {0, 1}) l.give(l.input(i, k), over(l.width(i), Operation::Mul, l.adjoint(i), l.in(i, 1 - k)));
}

void divBackward(Lowering& l, int i) {
  l.give(l.input(i, 0), over(l.width(i), Operation::Div, l.adjoint(i), l.in(i, 1)));
  l.give(l.input(i, 1), over(l.width(i), Operation::DivBackward, l.adjoint(i), l.value(i), l.in(i, 1)));
}

Draft affine(Lowering& l, int i, Ref from, double factor, double shift) {
  Draft d = over(l.width(i), Operation::Affine, from);
  d.n0 = factor;
  d.n1 = shift;
  return d;
}

void scale(Lowering& l, int i) { l.define(i, affine(l, i, l.in(i, 0), l.node(i).numbers[0], l.node(i).numbers[1])); }
void scaleBackward(Lowering& l, int i) { l.give(l.input(i, 0), affine(l, i, l.adjoint(i), l.node(i).numbers[0], 0)); }

void neg(Lowering& l, int i) { l.define(i, affine(l, i, l.in(i, 0), -1, 0)); }
void negBackward(Lowering& l, int i) { l.give(l.input(i, 0), affine(l, i, l.adjoint(i), -1, 0)); }

// Dropout is the identity outside training; training goes through the plain path.
void copy(Lowering& l, int i) { l.define(i, affine(l, i, l.in(i, 0), 1, 0)); }
void copyBackward(Lowering& l, int i) { l.give(l.input(i, 0), affine(l, i, l.adjoint(i), 1, 0)); }

template <int Which>
void selectBackward(Lowering& l, int i) {
  for (int side : {0, 1}) {
    Draft d = over(l.width(i), Operation::SelectBackward, l.adjoint(i), l.in(i, 0), l.in(i, 1));
    d.n0 = Which;
    d.n1 = side;
    l.give(l.input(i, side), d);
  }
}

void where(Lowering& l, int i) { l.define(i, over(l.width(i), Operation::Where, l.in(i, 0), l.in(i, 1), l.in(i, 2))); }
void whereBackward(Lowering& l, int i) {
  for (int side : {1, 2}) {
    Draft d = over(l.width(i), Operation::WhereBackward, l.in(i, 0), l.adjoint(i));
    d.n0 = side == 1 ? 1 : 0;
    l.give(l.input(i, side), d);
  }
}

// A function of a linear layer that is not read elsewhere is applied where the product leaves its registers.
void function(Lowering& l, int i) {
  const Unary f = *l.node(i).op->traits.unary;
  const double argument = l.node(i).numbers.empty() ? 0.0 : l.node(i).numbers[0];
  const int from = l.input(i, 0);
  l.kept(i) = l.fresh(l.width(i));
  if (l.productOf(from) >= 0 && l.readers(from) == 1) {
    Draft& product = l.draft(l.productOf(from));
    product.flags |= kFunction;
    product.function = f;
    product.n0 = argument;
    product.keep = l.kept(i);
    l.setValue(i, l.value(from));
    l.setFunctionOfProduct(i);
    return;
  }
  Draft d = over(l.width(i), Operation::Function, l.in(i, 0));
  d.function = f;
  d.n0 = argument;
  d.keep = l.kept(i);
  l.define(i, d);
}
void functionBackward(Lowering& l, int i) {
  const int from = l.input(i, 0);
  Draft d = over(l.width(i), Operation::Mul, l.adjoint(i), l.kept(i));
  if (!l.functionOfProduct(i)) {
    l.give(from, d);
    return;
  }
  l.setAdjoint(from, l.adjoint(i));  // in place: the layer has no other reader
  if (l.multiplied(i)) return;
  d.out = l.adjoint(i);
  l.push(d);
}

// The functions of one value: every operation that names one.
std::vector<CudaOp> withUnaries(std::vector<CudaOp> table) {
  for (const auto* operations : {&activationOperations(), &elementwiseOperations()})
    for (const OpDefinition& row : *operations)
      if (row.traits.unary) table.push_back({row.name, function, functionBackward});
  return table;
}

}  // namespace

const std::vector<CudaOp>& elementwiseCudaOps() {
  static const std::vector<CudaOp> table = withUnaries({
      {"add", binary<Operation::Add>, addBackward},
      {"sub", binary<Operation::Sub>, subBackward},
      {"mul", binary<Operation::Mul>, mulBackward},
      {"div", binary<Operation::Div>, divBackward},
      {"scale", scale, scaleBackward},
      {"neg", neg, negBackward},
      {"dropout", copy, copyBackward},
      {"maximum", binary<Operation::Maximum>, selectBackward<0>},
      {"minimum", binary<Operation::Minimum>, selectBackward<1>},
      // A comparison has derivative zero.
      {"gt", binary<Operation::Greater>, nullptr},
      {"ge", binary<Operation::GreaterEqual>, nullptr},
      {"lt", binary<Operation::Less>, nullptr},
      {"le", binary<Operation::LessEqual>, nullptr},
      {"where", where, whereBackward},
  });
  return table;
}

}  // namespace langevin::cuda
