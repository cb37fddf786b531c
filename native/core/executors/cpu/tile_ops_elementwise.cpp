// Elementwise operations of the tile executor: forward and backward beside each other.
#include "executors/cpu/tile_ops.hpp"
#include "program/ops.hpp"

namespace langevin {
namespace {

constexpr auto kDerivative = TileOp::Keep::Derivative;

void unaryForward(TileCall& c) {
  if (c.node().applied) return;
  c.k.unary(activationOf(c.node(), *c.node().op->unary), c.in(0), c.out(), c.pass.derivatives ? c.kept() : nullptr,
            c.size());
}

void unaryBackward(TileCall& c) {
  if (!c.wants(0) || c.node().multiplied) return;
  float* target = c.adjointOf(0);
  if (c.node().inPlace || !c.adds(0))
    c.k.mul(c.adjoint(), c.kept(), target, c.size());
  else
    c.k.mulAdd(c.adjoint(), c.kept(), target, c.size());
}

void addForward(TileCall& c) {
  const float *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  float* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = a[i] + b[i];
}
void addBackward(TileCall& c) {
  if (c.wants(0)) c.contribute(0, c.adjoint());
  if (c.wants(1)) c.contribute(1, c.adjoint());
}

void subForward(TileCall& c) {
  const float *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  float* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = a[i] - b[i];
}
void subBackward(TileCall& c) {
  if (c.wants(0)) c.contribute(0, c.adjoint());
  if (!c.wants(1)) return;
  float* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
  c.k.scale(-1.0f, 0.0f, c.adjoint(), t, c.size());
  c.contribute(1, t);
}

void mulForward(TileCall& c) { c.k.mul(c.expanded(0, 0), c.expanded(1, 1), c.out(), c.size()); }
void mulBackward(TileCall& c) {
  for (int i = 0; i < 2; ++i) {
    if (!c.wants(i)) continue;
    float* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
    c.k.mul(c.adjoint(), c.expanded(1 - i, 0), t, c.size());
    c.contribute(i, t);
  }
}

void divForward(TileCall& c) { c.k.div(c.expanded(0, 0), c.expanded(1, 1), c.out(), c.size()); }
void divBackward(TileCall& c) {
  const float* b = c.expanded(1, 1);
  float* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
  c.k.div(c.adjoint(), b, t, c.size());
  if (c.wants(0)) c.contribute(0, t);
  if (!c.wants(1)) return;
  const float* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) t[i] = -t[i] * o[i];
  c.contribute(1, t);
}

void scaleForward(TileCall& c) {
  c.k.scale(static_cast<float>(c.node().numbers[0]), static_cast<float>(c.node().numbers[1]), c.in(0), c.out(),
            c.size());
}
void scaleBackward(TileCall& c) {
  if (!c.wants(0)) return;
  const auto s = static_cast<float>(c.node().numbers[0]);
  if (c.adds(0))
    c.k.axpy(s, c.adjoint(), c.adjointOf(0), c.size());
  else
    c.k.scale(s, 0.0f, c.adjoint(), c.adjointOf(0), c.size());
}

void negForward(TileCall& c) { c.k.scale(-1.0f, 0.0f, c.in(0), c.out(), c.size()); }
void negBackward(TileCall& c) {
  if (c.wants(0)) c.k.axpy(-1.0f, c.adjoint(), c.addableAdjoint(0), c.size());
}

template <class Take>
void selectForward(TileCall& c, Take take) {
  const float *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  float* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = take(a[i], b[i]) ? a[i] : b[i];
}
// Ties share the adjoint half and half, as ATen does.
template <class Take>
void selectBackward(TileCall& c, Take take) {
  for (int side = 0; side < 2; ++side) {
    if (!c.wants(side)) continue;
    const float *a = c.expanded(0, 0), *b = c.expanded(1, 1), *g = c.adjoint();
    float* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
    for (std::int64_t i = 0; i < c.size(); ++i) {
      const float share = a[i] == b[i] ? 0.5f : (take(a[i], b[i]) == (side == 0) ? 1.0f : 0.0f);
      t[i] = g[i] * share;
    }
    c.contribute(side, t);
  }
}

template <class Compare>
void compareForward(TileCall& c, Compare compare) {
  const float *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  float* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = compare(a[i], b[i]) ? 1.0f : 0.0f;
}
// A comparison has derivative zero; what it feeds must still find a defined adjoint.
void zeroBackward(TileCall& c) {
  for (int i = 0; i < static_cast<int>(c.node().inputs.size()); ++i)
    if (c.wants(i)) c.addableAdjoint(i);
}

void whereForward(TileCall& c) {
  const float* m = c.expanded(0, 2);
  const float *a = c.expanded(1, 0), *b = c.expanded(2, 1);
  float* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = m[i] != 0.0f ? a[i] : b[i];
}
void whereBackward(TileCall& c) {
  const float *m = c.expanded(0, 0), *g = c.adjoint();
  float* t = c.scratch(static_cast<std::size_t>(c.size()), 1);
  if (c.wants(0)) c.addableAdjoint(0);
  for (int side = 1; side <= 2; ++side) {
    if (!c.wants(side)) continue;
    for (std::int64_t i = 0; i < c.size(); ++i) t[i] = (m[i] != 0.0f) == (side == 1) ? g[i] : 0.0f;
    c.contribute(side, t);
  }
}

bool larger(float a, float b) { return a >= b; }
bool smaller(float a, float b) { return a <= b; }

// Functions of the C library, see libraryRows() of kernels/isa/activate.hpp.
bool ofLibrary(Unary f) { return f == Unary::Exp || f == Unary::Log || f == Unary::Pow; }

// The functions of one value: every operation that names one.
std::vector<TileOp> withUnaries(std::vector<TileOp> table) {
  for (const auto* operations : {&activationOperations(), &elementwiseOperations()})
    for (const OpDefinition& row : *operations)
      if (row.traits.unary)
        table.push_back(
            {row.name, unaryForward, unaryBackward, kDerivative, row.traits.unary, ofLibrary(*row.traits.unary)});
  return table;
}

}  // namespace

const std::vector<TileOp>& elementwiseTileOps() {
  static const std::vector<TileOp> table = withUnaries({
      {"add", addForward, addBackward},
      {"sub", subForward, subBackward},
      {"mul", mulForward, mulBackward},
      {"div", divForward, divBackward},
      {"scale", scaleForward, scaleBackward},
      {"neg", negForward, negBackward},
      {"maximum", [](TileCall& c) { selectForward(c, larger); }, [](TileCall& c) { selectBackward(c, larger); }},
      {"minimum", [](TileCall& c) { selectForward(c, smaller); }, [](TileCall& c) { selectBackward(c, smaller); }},
      {"gt", [](TileCall& c) { compareForward(c, [](float a, float b) { return a > b; }); }, zeroBackward},
      {"ge", [](TileCall& c) { compareForward(c, [](float a, float b) { return a >= b; }); }, zeroBackward},
      {"lt", [](TileCall& c) { compareForward(c, [](float a, float b) { return a < b; }); }, zeroBackward},
      {"le", [](TileCall& c) { compareForward(c, [](float a, float b) { return a <= b; }); }, zeroBackward},
      {"where", whereForward, whereBackward},
  });
  return table;
}

}  // namespace langevin
