// What each operation does with tangents, see tile_second.hpp. Letters: x value, t tangent, a = dE/dnode, s adjoint of
// the value.
#include <cmath>
#include <cstring>

#include "executors/cpu/convolution.hpp"
#include "executors/cpu/tile_second.hpp"
#include "program/ops.hpp"

namespace langevin {
namespace {

template <class T>
void nothing(SecondCallOf<T>&) {}

// Operations linear in their inputs treat tangents as values.
template <class T>
void linearTangent(SecondCallOf<T>& c) {
  c.tangents.node().op->forward(c.tangents);
}
template <class T>
void sameBackward(SecondCallOf<T>& c) {
  c.tangents.node().op->backward(c.tangents);
}

template <class T>
void scaleTangent(SecondCallOf<T>& c) {
  TileCallOf<T>& t = c.tangents;
  t.k.scale(static_cast<T>(t.node().numbers[0]), T(0), t.in(0), t.out(), t.size());
}

// f' t
template <class T>
void unaryTangent(SecondCallOf<T>& c) {
  c.values.k.mul(c.values.kept(), c.tangents.in(0), c.tangents.out(), c.values.size());
}
// f' s + f'' t a
template <class T>
void unarySecondBackward(SecondCallOf<T>& c) {
  TileCallOf<T>&v = c.values, &t = c.tangents;
  if (!t.wants(0)) return;
  const std::int64_t n = v.size();
  if (!v.node().dependsOnInput) {  // no tangent, and no dE/dnode was made
    T* bent = v.scratch(static_cast<std::size_t>(n), 0);
    v.k.mul(v.kept(), t.adjoint(), bent, n);
    return t.contribute(0, bent);
  }
  const BendOf<T> bend{v.in(0), v.kept(), t.in(0), v.adjoint(), t.adjoint(), t.adjointOf(0), t.adds(0)};
  v.k.bend(activationOf(v.node(), *v.node().op->unary), bend, n);
}

// W t, without the bias
template <class T>
void layerTangent(SecondCallOf<T>& c) {
  TileCallOf<T>& t = c.tangents;
  if (t.width() == 1) return t.k.dotRows(t.in(0), t.parameter(0), T(0), t.out(), t.rows(), t.inWidth(0));
  ProductOf<T> p{.rows = t.rows(), .cols = t.width(), .depth = t.inWidth(0), .a = t.in(0), .lda = t.inWidth(0)};
  p.packed = t.weights().forward.data();
  p.c = t.out();
  t.k.multiply(p);
}

// dW += s' x + a' t, db += sum s, W' s for the input
template <class T>
void layerBackward(SecondCallOf<T>& c) {
  TileCallOf<T>&v = c.values, &t = c.tangents;
  T *weight = t.parameterGradient(0), *bias = t.node().parameters.size() > 1 ? t.parameterGradient(1) : nullptr;
  addLayerGradient<T>(v, t.adjoint(), v.in(0), weight, bias);
  if (v.node().dependsOnInput) addLayerGradient<T>(v, v.adjoint(), t.in(0), weight, nullptr);
  if (!t.wants(0)) return;
  const std::int64_t rows = t.rows(), in = t.inWidth(0), out = t.width();
  if (out == 1) return t.k.outer(t.adjoint(), t.parameter(0), t.adjointOf(0), rows, in, t.adds(0));
  ProductOf<T> p{.rows = rows, .cols = in, .depth = out, .a = t.adjoint(), .lda = out};
  p.b = {t.parameter(0), in, 1};
  p.panel = t.scratch(static_cast<std::size_t>(t.k.packedFloats(out, 1)), 2);
  p.packed = in >= kThinInput ? t.weights().backward.data() : nullptr;
  p.c = t.adjointOf(0);
  p.add = t.adds(0);
  t.k.multiply(p);
}

// The same of a convolution
template <class T>
void convolutionTangent(SecondCallOf<T>& c) {
  TileCallOf<T>& t = c.tangents;
  convolve<T>(t, t.in(0), {}, t.out());
}
template <class T>
void convolutionBackward(SecondCallOf<T>& c) {
  TileCallOf<T>&v = c.values, &t = c.tangents;
  T *weight = t.parameterGradient(0), *bias = t.node().parameters.size() > 1 ? t.parameterGradient(1) : nullptr;
  addConvolutionGradient<T>(v, t.adjoint(), v.in(0), weight, bias);
  if (v.node().dependsOnInput) addConvolutionGradient<T>(v, v.adjoint(), t.in(0), weight, nullptr);
  if (t.wants(0)) convolveBack<T>(t, t.adjoint(), t.adjointOf(0), t.adds(0), nullptr);
}

template <class T>
void convTransposeTangent(SecondCallOf<T>& c) {
  convolveBack<T>(c.tangents, c.tangents.in(0), c.tangents.out(), false, nullptr);
}
template <class T>
void convTransposeBackward(SecondCallOf<T>& c) {
  TileCallOf<T>&v = c.values, &t = c.tangents;
  T *weight = t.parameterGradient(0), *bias = t.node().parameters.size() > 1 ? t.parameterGradient(1) : nullptr;
  if (bias) addBiasGradient<T>(t, t.adjoint(), bias);
  addConvolutionGradient<T>(v, v.in(0), t.adjoint(), weight, nullptr);
  if (v.node().dependsOnInput) addConvolutionGradient<T>(v, t.in(0), v.adjoint(), weight, nullptr);
  if (t.wants(0)) convolve<T>(t, t.adjoint(), {.adds = t.adds(0)}, t.adjointOf(0));
}

template <class T>
void embeddingTangent(SecondCallOf<T>& c) {
  std::memset(c.tangents.out(), 0, sizeof(T) * static_cast<std::size_t>(c.tangents.size()));
}

// One row of layer normalisation: y = gain z + shift, z = (x - mean) r, r = 1 / sqrt(variance + epsilon).
template <class T>
struct NormRowOf {
  const T *x, *gain;  // gain null: 1
  T mean, r;
  std::int64_t w;
  double z(std::int64_t i) const { return (static_cast<double>(x[i]) - mean) * r; }
  double weighted(const T* g, std::int64_t i) const { return gain ? static_cast<double>(g[i]) * gain[i] : g[i]; }
};

template <class T>
NormRowOf<T> normRow(TileCallOf<T>& v, std::int64_t r) {
  const T* kept = v.kept();
  return {v.in(0) + r * v.width(), v.node().parameters.empty() ? nullptr : v.parameter(0), kept[2 * r], kept[2 * r + 1],
          v.width()};
}

// Means over a row of t and of z t.
struct TangentMeans {
  double t = 0, zt = 0;
  template <class T>
  TangentMeans(const NormRowOf<T>& n, const T* tangent) {
    for (std::int64_t i = 0; i < n.w; ++i) {
      t += tangent[i];
      zt += n.z(i) * tangent[i];
    }
    t /= static_cast<double>(n.w);
    zt /= static_cast<double>(n.w);
  }
};
template <class T>
double tangentOfZ(const NormRowOf<T>& n, const TangentMeans& mean, const T* tangent, std::int64_t i) {
  return n.r * (tangent[i] - mean.t - n.z(i) * mean.zt);
}

template <class T>
void normTangent(SecondCallOf<T>& c) {
  const std::int64_t w = c.values.width();
  for (std::int64_t r = 0; r < c.values.rows(); ++r) {
    const NormRowOf<T> n = normRow(c.values, r);
    const T* t = c.tangents.in(0) + r * w;
    T* out = c.tangents.out() + r * w;
    const TangentMeans mean(n, t);
    for (std::int64_t i = 0; i < w; ++i) {
      const double d = tangentOfZ(n, mean, t, i);
      out[i] = static_cast<T>(n.gain ? d * n.gain[i] : d);
    }
  }
}

// The gradient of h = sum u dz + sum s y in x, with u = gain a: dz depends on x through z and through r.
template <class T>
void normInput(const NormRowOf<T>& n, const T* t, const T* a, const T* s, T* out) {
  const auto w = static_cast<double>(n.w);
  const TangentMeans mean(n, t);
  double ut = 0, uz = 0, u1 = 0;
  for (std::int64_t i = 0; i < n.w; ++i) {
    const double u = n.weighted(a, i);
    ut += u * t[i];
    uz += u * n.z(i);
    u1 += u;
  }
  const double along = ut - u1 * mean.t - uz * mean.zt;  // sum u dz / r
  double g1 = 0, gz = 0;
  const auto gradientOfZ = [&](std::int64_t i) {
    return n.weighted(s, i) - n.r * (mean.zt * n.weighted(a, i) + uz / w * t[i]);
  };
  for (std::int64_t i = 0; i < n.w; ++i) {
    g1 += gradientOfZ(i);
    gz += gradientOfZ(i) * n.z(i);
  }
  for (std::int64_t i = 0; i < n.w; ++i) {
    const double throughZ = n.r * (gradientOfZ(i) - g1 / w - n.z(i) * gz / w);
    out[i] = static_cast<T>(throughZ - static_cast<double>(n.r) * n.r / w * n.z(i) * along);
  }
}

template <class T>
void normBackward(SecondCallOf<T>& c) {
  TileCallOf<T>&v = c.values, &t = c.tangents;
  const std::int64_t w = v.width();
  T* dGain = v.node().parameters.empty() ? nullptr : t.parameterGradient(0);
  T* dShift = v.node().parameters.empty() ? nullptr : t.parameterGradient(1);
  T* rows = v.scratch(static_cast<std::size_t>(v.size()), 0);
  for (std::int64_t r = 0; r < v.rows(); ++r) {
    const NormRowOf<T> n = normRow(v, r);
    // Without a tangent dE/dnode was not made.
    const T* a = v.node().dependsOnInput ? v.adjoint() + r * w : t.pass.zeros;
    const T *s = t.adjoint() + r * w, *tangent = t.in(0) + r * w;
    normInput(n, tangent, a, s, rows + r * w);
    const TangentMeans mean(n, tangent);
    for (std::int64_t i = 0; i < w; ++i) {
      if (dGain) dGain[i] += static_cast<T>(a[i] * tangentOfZ(n, mean, tangent, i) + s[i] * n.z(i));
      if (dShift) dShift[i] += s[i];
    }
  }
  if (t.wants(0)) t.contribute(0, rows);
}

// y = log sum e^x: tangent q . t with q = e^(x - y)
template <class T>
void logSumExpTangent(SecondCallOf<T>& c) {
  const std::int64_t w = c.values.inWidth(0);
  const T *x = c.values.in(0), *y = c.values.out(), *t = c.tangents.in(0);
  for (std::int64_t r = 0; r < c.values.rows(); ++r) {
    double sum = 0;
    for (std::int64_t i = r * w; i < (r + 1) * w; ++i) sum += std::exp(static_cast<double>(x[i]) - y[r]) * t[i];
    c.tangents.out()[r] = static_cast<T>(sum);
  }
}
// q (s + a (t - q . t))
template <class T>
void logSumExpBackward(SecondCallOf<T>& c) {
  TileCallOf<T>&v = c.values, &t = c.tangents;
  if (!t.wants(0)) return;
  const std::int64_t w = v.inWidth(0);
  T* target = t.addableAdjoint(0);
  for (std::int64_t r = 0; r < v.rows(); ++r)
    for (std::int64_t i = r * w; i < (r + 1) * w; ++i) {
      const T q = std::exp(v.in(0)[i] - v.out()[r]);
      target[i] += q * (t.adjoint()[r] + v.adjoint()[r] * (t.in(0)[i] - t.out()[r]));
    }
}

// (x - m)' P (x - m) / 2 with buffers m, P: t' S (x - m), and S (x - m) was kept. Nothing to learn in it.
template <class T>
void quadraticTangent(SecondCallOf<T>& c) {
  const std::int64_t d = c.values.inWidth(0);
  c.values.k.rowDots(c.tangents.in(0), c.values.kept(), c.tangents.out(), c.values.rows(), d, false);
}

template <class T>
std::vector<SecondOpOf<T>> withActivations(std::vector<SecondOpOf<T>> table) {
  for (const SecondOpOf<T>& row : table) operation(row.name);  // refuses a name that is none
  for (const OpDefinition& row : activationOperations())
    if (row.traits.smooth) table.push_back({row.name, unaryTangent<T>, unarySecondBackward<T>});
  return table;
}

}  // namespace

template <class T>
const SecondOpOf<T>* findSecondOp(const std::string& name) {
  static const std::vector<SecondOpOf<T>> table = withActivations<T>({
      {"input", nothing<T>, nothing<T>},
      {"condition", nothing<T>, nothing<T>},
      {"constant", nothing<T>, nothing<T>},
      {"parameter", nothing<T>, nothing<T>},
      {"add", linearTangent<T>, sameBackward<T>},
      {"sub", linearTangent<T>, sameBackward<T>},
      {"neg", linearTangent<T>, sameBackward<T>},
      {"sum", linearTangent<T>, sameBackward<T>},
      {"mean", linearTangent<T>, sameBackward<T>},
      {"slice", linearTangent<T>, sameBackward<T>},
      {"columns", linearTangent<T>, sameBackward<T>},
      {"concat", linearTangent<T>, sameBackward<T>},
      {"dropout", linearTangent<T>, sameBackward<T>},
      {"gather", linearTangent<T>, sameBackward<T>},
      {"scale", scaleTangent<T>, sameBackward<T>},
      {"sumPool2d", linearTangent<T>, sameBackward<T>},
      {"upsample2d", linearTangent<T>, sameBackward<T>},
      {"transpose", linearTangent<T>, sameBackward<T>},
      {"linear", layerTangent<T>, layerBackward<T>},
      {"conv2d", convolutionTangent<T>, convolutionBackward<T>},
      {"convTranspose2d", convTransposeTangent<T>, convTransposeBackward<T>},
      {"embedding", embeddingTangent<T>, sameBackward<T>},
      {"layerNorm", normTangent<T>, normBackward<T>},
      {"logsumexp", logSumExpTangent<T>, logSumExpBackward<T>},
      {"quadratic", quadraticTangent<T>, nothing<T>, false},
      {"square", unaryTangent<T>, unarySecondBackward<T>},
      {"sin", unaryTangent<T>, unarySecondBackward<T>},
      {"cos", unaryTangent<T>, unarySecondBackward<T>},
  });
  for (const SecondOpOf<T>& row : table)
    if (name == row.name) return &row;
  return nullptr;
}

template const SecondOpOf<float>* findSecondOp(const std::string& name);
template const SecondOpOf<double>* findSecondOp(const std::string& name);

}  // namespace langevin
