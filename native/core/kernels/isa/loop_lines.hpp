// Steps that go number by number. Included only by the per-instruction-set sources.
#pragma once

#include "kernels/isa/vector.hpp"
#include "kernels/loop_steps.hpp"

namespace langevin::LANGEVIN_ISA {

using LoopStep = LoopStepOf<Number>;
using LoopFrame = LoopFrameOf<Number>;

LANGEVIN_INLINE Number* at(const LoopView& v, const LoopFrame& frame) { return frame.regions[v.region] + v.offset; }

// m passes over n numbers each.
struct Lines {
  const Number *a, *b, *c;
  Number* y;
  std::int64_t sa, sb, sc, so, m, n;
  bool ka, kb, kc;  // one number for the whole pass
};

// Whether passes follow each other in memory, so that they are one.
LANGEVIN_INLINE bool continues(bool single, std::int64_t stride, std::int64_t n) { return stride == (single ? 0 : n); }

// Of a step that reads K views; the others are the first one again.
template <int K>
LANGEVIN_INLINE Lines linesOf(const LoopStep& s, const LoopFrame& frame) {
  Lines l;
  l.m = s.order == LoopOrder::Rows ? frame.rows : s.width;
  l.n = s.order == LoopOrder::Rows ? s.width : frame.rows;
  const LoopView &b = K > 1 ? s.b : s.a, &c = K > 2 ? s.c : s.a;
  l.a = at(s.a, frame), l.b = at(b, frame), l.c = at(c, frame), l.y = at(s.y, frame);
  l.sa = s.a.stride, l.sb = b.stride, l.sc = c.stride, l.so = s.y.stride;
  l.ka = s.a.single, l.kb = b.single, l.kc = c.single;
  const bool whole = l.so == l.n && continues(l.ka, l.sa, l.n) && continues(l.kb, l.sb, l.n) &&
                     continues(l.kc, l.sc, l.n) && (s.z.region < 0 || s.z.stride == l.n);
  if (whole) l.n *= l.m, l.m = 1;
  return l;
}

template <bool Single>
struct Reader {
  const Number* p;
  Vec v;
  LANGEVIN_INLINE Reader of(const Number* from) { return {from, Single ? all(*from) : Vec{}}; }
  [[gnu::always_inline]] Vec at(std::int64_t i) const {
    if constexpr (Single) return v;
    return load(p + i);
  }
  [[gnu::always_inline]] Vec part(std::int64_t i, int rest) const {
    if constexpr (Single) return v;
    return loadPart(p + i, rest);
  }
};

template <bool A, bool B, bool C, class F>
LANGEVIN_INLINE void along(const Lines& l, F f) {
  for (std::int64_t o = 0; o < l.m; ++o) {
    const auto a = Reader<A>::of(l.a + o * l.sa);
    const auto b = Reader<B>::of(l.b + o * l.sb);
    const auto c = Reader<C>::of(l.c + o * l.sc);
    Number* y = l.y + o * l.so;
    std::int64_t i = 0;
    for (; i + kWidth <= l.n; i += kWidth) store(y + i, f(a.at(i), b.at(i), c.at(i)));
    if (const int rest = static_cast<int>(l.n - i))
      storePart(y + i, f(a.part(i, rest), b.part(i, rest), c.part(i, rest)), rest);
  }
}

template <class F>
static void one(const LoopStep& s, const LoopFrame& frame, F f) {
  const Lines l = linesOf<1>(s, frame);
  const auto g = [f](Vec a, Vec, Vec) { return f(a); };
  l.ka ? along<true, true, true>(l, g) : along<false, false, false>(l, g);
}

template <class F>
static void two(const LoopStep& s, const LoopFrame& frame, F f) {
  const Lines l = linesOf<2>(s, frame);
  const auto g = [f](Vec a, Vec b, Vec) { return f(a, b); };
  if (l.ka)
    l.kb ? along<true, true, true>(l, g) : along<true, false, true>(l, g);
  else
    l.kb ? along<false, true, false>(l, g) : along<false, false, false>(l, g);
}

template <bool A, class F>
LANGEVIN_INLINE void threeWith(const Lines& l, F f) {
  if (l.kb)
    l.kc ? along<A, true, true>(l, f) : along<A, true, false>(l, f);
  else
    l.kc ? along<A, false, true>(l, f) : along<A, false, false>(l, f);
}

template <class F>
static void three(const LoopStep& s, const LoopFrame& frame, F f) {
  const Lines l = linesOf<3>(s, frame);
  l.ka ? threeWith<true>(l, f) : threeWith<false>(l, f);
}

LANGEVIN_INLINE Vec oneWhere(Int holds) { return holds ? all(1) : Vec{}; }

static void line(const LoopStep& step, const LoopFrame& frame) {
  const Vec s = all(step.s), t = all(step.t);
  switch (step.code) {
    case LoopCode::Affine:
      return one(step, frame, [s, t](Vec a) { return fma(s, a, t); });
    case LoopCode::Add:
      return two(step, frame, [s, t](Vec a, Vec b) { return fma(s, a, t * b); });
    case LoopCode::Product:
      return two(step, frame, [s, t](Vec a, Vec b) { return fma(s * a, b, t); });
    case LoopCode::ProductAdd:
      return three(step, frame, [s, t](Vec a, Vec b, Vec c) { return fma(s * a, b, t * c); });
    case LoopCode::Quotient:
      return two(step, frame, [s](Vec a, Vec b) { return s * a / b; });
    case LoopCode::SafeQuotient:
      return two(step, frame, [s](Vec a, Vec b) { return b == 0 ? Vec{} : s * a / b; });
    // Comparisons as those of the plain path: what is not a number fails them.
    case LoopCode::Maximum:
      return two(step, frame, [](Vec a, Vec b) { return a >= b ? a : b; });
    case LoopCode::Minimum:
      return two(step, frame, [](Vec a, Vec b) { return a <= b ? a : b; });
    case LoopCode::MaximumShare:
      return two(step, frame, [](Vec a, Vec b) { return a == b ? all(0.5f) : oneWhere(a >= b); });
    case LoopCode::MinimumShare:
      return two(step, frame, [](Vec a, Vec b) { return a == b ? all(0.5f) : oneWhere(a <= b); });
    case LoopCode::Greater:
      return two(step, frame, [](Vec a, Vec b) { return oneWhere(a > b); });
    case LoopCode::GreaterEqual:
      return two(step, frame, [](Vec a, Vec b) { return oneWhere(a >= b); });
    case LoopCode::Less:
      return two(step, frame, [](Vec a, Vec b) { return oneWhere(a < b); });
    case LoopCode::LessEqual:
      return two(step, frame, [](Vec a, Vec b) { return oneWhere(a <= b); });
    case LoopCode::Where:
      return three(step, frame, [](Vec a, Vec b, Vec c) { return a != 0 ? b : c; });
    default:
      return;
  }
}

}  // namespace langevin::LANGEVIN_ISA
