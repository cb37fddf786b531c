// Loops between the products of a layer with tangents, compiled once per instruction set.
#include "kernels/jet_kernels.hpp"

#include "kernels/isa/jets.hpp"

namespace langevin::LANGEVIN_ISA {
namespace {

// A whole vector in memory, or the first `count` numbers of one.
struct Whole {
  Vec get(const float* p) const { return load(p); }
  void put(float* p, Vec v) const { store(p, v); }
};
struct Part {
  int count;
  Vec get(const float* p) const { return loadPart(p, count); }
  void put(float* p, Vec v) const { storePart(p, v, count); }
};

// f(i, lane) for every vector of n numbers.
template <class F>
LANGEVIN_INLINE void each(std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) f(i, Whole{});
  if (i < n) f(i, Part{static_cast<int>(n - i)});
}

template <class F>
void valuesOf(const JetLayer& l, float* value, float* tangents) {
  const std::int64_t size = l.rows * l.width;
  each(size, [&](std::int64_t i, auto lane) {
    const Jet f = F::at(lane.get(l.sums + i));
    lane.put(l.slope + i, f.d1);
    lane.put(l.second + i, f.d2);
    lane.put(l.third + i, f.d3);
    if (value) lane.put(value + i, f.y);
    if (!tangents) return;
    for (std::int64_t k = i; k < l.directions * size; k += size)
      lane.put(tangents + k, f.d1 * lane.get(l.tangents + k));
  });
}

bool values(Unary f, const JetLayer& layer, float* value, float* tangents) {
  switch (f) {
    case Unary::Silu:
      valuesOf<SiluJet>(layer, value, tangents);
      return true;
    case Unary::Gelu:
      valuesOf<GeluJet>(layer, value, tangents);
      return true;
    case Unary::Tanh:
      valuesOf<TanhJet>(layer, value, tangents);
      return true;
    case Unary::Sigmoid:
      valuesOf<SigmoidJet>(layer, value, tangents);
      return true;
    case Unary::Softplus:
      valuesOf<SoftplusJet>(layer, value, tangents);
      return true;
    default:
      return false;
  }
}

void products(const JetLayer& l, PerDirection<float> curvature) {
  const std::int64_t size = l.rows * l.width;
  for (std::int64_t r = 0; r < l.rows; ++r) {
    const std::int64_t row = r * l.width;
    const float* adjoint = l.adjoint + r * l.adjointStride;
    each(l.width, [&](std::int64_t i, auto lane) {
      lane.put(l.product + row + i, lane.get(adjoint + i) * lane.get(l.slope + row + i));
    });
    for (std::int64_t k = 0; k < l.directions; ++k) {
      const float* tangents = l.tangents + k * size + row;
      Vec sum{};
      each(l.width, [&](std::int64_t i, auto lane) {
        const Vec t = lane.get(tangents + i);
        sum = fma(lane.get(adjoint + i) * lane.get(l.second + row + i), t * t, sum);
      });
      curvature.data[r * curvature.stride + k] += total(sum);
    }
  }
}

// sum_k c_k z'_k^2 of one vector; `at` is where the first z' lies.
template <class Lane>
LANGEVIN_INLINE Vec squares(const JetLayer& l, const float* c, std::int64_t at, Lane lane) {
  Vec sum{};
  for (std::int64_t k = 0; k < l.directions; ++k, at += l.rows * l.width) {
    const Vec t = lane.get(l.tangents + at);
    sum = fma(all(c[k]) * t, t, sum);
  }
  return sum;
}

void curve(const JetLayer& l, PerDirection<const float> c, float* b) {
  for (std::int64_t r = 0; r < l.rows; ++r)
    each(l.width, [&](std::int64_t i, auto lane) {
      const std::int64_t at = r * l.width + i;
      const Vec bent = lane.get(l.second + at) * squares(l, c.data + r * c.stride, at, lane);
      lane.put(b + at, fma(lane.get(l.slope + at), lane.get(l.sums + at), bent));
    });
}

// One vector of reverse(): g = dE/da, `at` its place in the arrays. The adjoint of z.
template <bool Last, class Lane>
LANGEVIN_INLINE Vec reverseAt(const JetLayer& l, const float* c, const float* above, Vec g, std::int64_t at,
                              Lane lane) {
  const std::int64_t size = l.rows * l.width;
  const Vec slope = lane.get(l.slope + at), second = lane.get(l.second + at), bend = g * second;
  Vec turned{}, square{};  // sum_k of above'_k z'_k and of c_k z'_k^2
  for (std::int64_t k = 0; k < l.directions; ++k) {
    float* place = l.tangents + k * size + at;
    const Vec t = lane.get(place), weighted = all(c[k]) * t;
    square = fma(weighted, t, square);
    Vec adjoint = 2.0f * bend * weighted;
    if constexpr (!Last) {
      const Vec from = lane.get(above + k * size + at);
      turned = fma(from, t, turned);
      adjoint = fma(slope, from, adjoint);
    }
    lane.put(place, adjoint);
  }
  Vec z = fma(g * lane.get(l.third + at), square, bend * lane.get(l.sums + at));
  if constexpr (!Last) z = fma(second, turned, fma(slope, lane.get(above + l.directions * size + at), z));
  lane.put(l.sums + at, z);
  return z;
}

template <class Lane>
LANGEVIN_INLINE void addTo(float* sums, Vec v, Lane lane) {
  if (sums) lane.put(sums, lane.get(sums) + v);
}

template <bool Last>
void reverseOf(const JetLayer& l, PerDirection<const float> weights, const float* above, float* bias, float* top) {
  for (std::int64_t r = 0; r < l.rows; ++r) {
    const float *c = weights.data + r * weights.stride, *adjoint = l.adjoint + r * l.adjointStride;
    each(l.width, [&](std::int64_t i, auto lane) {
      const std::int64_t at = r * l.width + i;
      if constexpr (Last) {
        const Vec bent = lane.get(l.second + at) * squares(l, c, at, lane);
        addTo(top ? top + i : nullptr, fma(lane.get(l.slope + at), lane.get(l.sums + at), bent), lane);
      }
      const Vec z = reverseAt<Last>(l, c, above, lane.get(adjoint + i), at, lane);
      addTo(bias ? bias + i : nullptr, z, lane);
    });
  }
}

void reverse(const JetLayer& layer, PerDirection<const float> c, const float* above, float* bias, float* top) {
  above ? reverseOf<false>(layer, c, above, bias, top) : reverseOf<true>(layer, c, above, bias, top);
}

}  // namespace

extern const JetKernels jets;
const JetKernels jets = {
    .name = LANGEVIN_ISA_NAME, .values = values, .products = products, .curve = curve, .reverse = reverse};

}  // namespace langevin::LANGEVIN_ISA
