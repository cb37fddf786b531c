// Elementwise operations of the tile executor: forward and backward beside each other.
#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

constexpr auto kDerivative = TileKeep::Derivative;

template <class T>
void unaryForward(TileCallOf<T>& c) {
  if (c.node().applied) return;
  c.k.unary(activationOf(c.node(), *c.node().op->unary), c.in(0), c.out(), c.pass.derivatives ? c.kept() : nullptr,
            c.size());
}

template <class T>
void unaryBackward(TileCallOf<T>& c) {
  if (!c.wants(0) || c.node().multiplied) return;
  T* target = c.adjointOf(0);
  if (c.node().inPlace || !c.adds(0))
    c.k.mul(c.adjoint(), c.kept(), target, c.size());
  else
    c.k.mulAdd(c.adjoint(), c.kept(), target, c.size());
}

template <class T>
void addForward(TileCallOf<T>& c) {
  const T *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  T* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = a[i] + b[i];
}
template <class T>
void addBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.contribute(0, c.adjoint());
  if (c.wants(1)) c.contribute(1, c.adjoint());
}

template <class T>
void subForward(TileCallOf<T>& c) {
  const T *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  T* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = a[i] - b[i];
}
template <class T>
void subBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.contribute(0, c.adjoint());
  if (!c.wants(1)) return;
  if (c.sameSize(1) && c.adds(1)) return c.k.axpy(T(-1), c.adjoint(), c.adjointOf(1), c.size());
  T* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
  c.k.scale(T(-1), T(0), c.adjoint(), t, c.size());
  c.contribute(1, t);
}

template <class T>
void mulForward(TileCallOf<T>& c) {
  c.k.mul(c.expanded(0, 0), c.expanded(1, 1), c.out(), c.size());
}
template <class T>
void mulBackward(TileCallOf<T>& c) {
  for (int i = 0; i < 2; ++i) {
    if (!c.wants(i)) continue;
    const T* other = c.expanded(1 - i, 0);
    if (c.sameSize(i)) {
      (c.adds(i) ? c.k.mulAdd : c.k.mul)(c.adjoint(), other, c.adjointOf(i), c.size());
      continue;
    }
    T* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
    c.k.mul(c.adjoint(), other, t, c.size());
    c.contribute(i, t);
  }
}

template <class T>
void divForward(TileCallOf<T>& c) {
  c.k.div(c.expanded(0, 0), c.expanded(1, 1), c.out(), c.size());
}
template <class T>
void divBackward(TileCallOf<T>& c) {
  const T* b = c.expanded(1, 1);
  T* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
  c.k.div(c.adjoint(), b, t, c.size());
  if (c.wants(0)) c.contribute(0, t);
  if (!c.wants(1)) return;
  const T* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) t[i] = -t[i] * o[i];
  c.contribute(1, t);
}

template <class T>
void scaleForward(TileCallOf<T>& c) {
  c.k.scale(static_cast<T>(c.node().numbers[0]), static_cast<T>(c.node().numbers[1]), c.in(0), c.out(), c.size());
}
template <class T>
void scaleBackward(TileCallOf<T>& c) {
  if (!c.wants(0)) return;
  const auto s = static_cast<T>(c.node().numbers[0]);
  if (c.adds(0))
    c.k.axpy(s, c.adjoint(), c.adjointOf(0), c.size());
  else
    c.k.scale(s, T(0), c.adjoint(), c.adjointOf(0), c.size());
}

template <class T>
void negForward(TileCallOf<T>& c) {
  c.k.scale(T(-1), T(0), c.in(0), c.out(), c.size());
}
template <class T>
void negBackward(TileCallOf<T>& c) {
  if (c.wants(0)) c.k.axpy(T(-1), c.adjoint(), c.addableAdjoint(0), c.size());
}

template <class T, class Take>
void selectForward(TileCallOf<T>& c, Take take) {
  const T *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  T* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = take(a[i], b[i]) ? a[i] : b[i];
}
// Ties share the adjoint half and half, as ATen does.
template <class T, class Take>
void selectBackward(TileCallOf<T>& c, Take take) {
  for (int side = 0; side < 2; ++side) {
    if (!c.wants(side)) continue;
    const T *a = c.expanded(0, 0), *b = c.expanded(1, 1), *g = c.adjoint();
    T* t = c.scratch(static_cast<std::size_t>(c.size()), 2);
    for (std::int64_t i = 0; i < c.size(); ++i) {
      const T share = a[i] == b[i] ? T(0.5) : (take(a[i], b[i]) == (side == 0) ? T(1) : T(0));
      t[i] = g[i] * share;
    }
    c.contribute(side, t);
  }
}

template <class T, class Compare>
void compareForward(TileCallOf<T>& c, Compare compare) {
  const T *a = c.expanded(0, 0), *b = c.expanded(1, 1);
  T* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = compare(a[i], b[i]) ? T(1) : T(0);
}
// A comparison has derivative zero; what it feeds must still find a defined adjoint.
template <class T>
void zeroBackward(TileCallOf<T>& c) {
  for (int i = 0; i < static_cast<int>(c.node().inputs.size()); ++i)
    if (c.wants(i)) c.addableAdjoint(i);
}

template <class T>
void whereForward(TileCallOf<T>& c) {
  const T* m = c.expanded(0, 2);
  const T *a = c.expanded(1, 0), *b = c.expanded(2, 1);
  T* o = c.out();
  for (std::int64_t i = 0; i < c.size(); ++i) o[i] = m[i] != T(0) ? a[i] : b[i];
}
template <class T>
void whereBackward(TileCallOf<T>& c) {
  const T *m = c.expanded(0, 0), *g = c.adjoint();
  T* t = c.scratch(static_cast<std::size_t>(c.size()), 1);
  if (c.wants(0)) c.addableAdjoint(0);
  for (int side = 1; side <= 2; ++side) {
    if (!c.wants(side)) continue;
    for (std::int64_t i = 0; i < c.size(); ++i) t[i] = (m[i] != T(0)) == (side == 1) ? g[i] : T(0);
    c.contribute(side, t);
  }
}

template <class T>
bool larger(T a, T b) {
  return a >= b;
}
template <class T>
bool smaller(T a, T b) {
  return a <= b;
}

// The functions of one value: every operation that names one.
template <class T>
std::vector<TileOpOf<T>> withUnaries(std::vector<TileOpOf<T>> table) {
  for (const NamedTraits& row : operationTraits())
    if (row.traits.unary)
      table.push_back(
          // Powers go through the C library, see powerRows() of kernels/isa/activate.hpp.
          {row.name, unaryForward<T>, unaryBackward<T>, kDerivative, row.traits.unary, row.traits.unary == Unary::Pow});
  return table;
}

}  // namespace

template <class T>
const std::vector<TileOpOf<T>>& elementwiseTileOps() {
  static const std::vector<TileOpOf<T>> table = withUnaries<T>({
      {"add", addForward<T>, addBackward<T>},
      {"sub", subForward<T>, subBackward<T>},
      {"mul", mulForward<T>, mulBackward<T>},
      {"div", divForward<T>, divBackward<T>},
      {"scale", scaleForward<T>, scaleBackward<T>},
      {"neg", negForward<T>, negBackward<T>},
      {"maximum", [](TileCallOf<T>& c) { selectForward(c, larger<T>); },
       [](TileCallOf<T>& c) { selectBackward(c, larger<T>); }},
      {"minimum", [](TileCallOf<T>& c) { selectForward(c, smaller<T>); },
       [](TileCallOf<T>& c) { selectBackward(c, smaller<T>); }},
      {"gt", [](TileCallOf<T>& c) { compareForward(c, [](T a, T b) { return a > b; }); }, zeroBackward<T>},
      {"ge", [](TileCallOf<T>& c) { compareForward(c, [](T a, T b) { return a >= b; }); }, zeroBackward<T>},
      {"lt", [](TileCallOf<T>& c) { compareForward(c, [](T a, T b) { return a < b; }); }, zeroBackward<T>},
      {"le", [](TileCallOf<T>& c) { compareForward(c, [](T a, T b) { return a <= b; }); }, zeroBackward<T>},
      {"where", whereForward<T>, whereBackward<T>},
  });
  return table;
}

template const std::vector<TileOpOf<float>>& elementwiseTileOps();
template const std::vector<TileOpOf<double>>& elementwiseTileOps();

}  // namespace langevin
