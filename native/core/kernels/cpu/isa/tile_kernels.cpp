// Inner loops of the tile executor, compiled once per instruction set. Loops are written so that the compiler
// vectorises them; transcendental functions are own polynomials because libm calls would stop it.
#include "kernels/cpu/tile_kernels.hpp"

#include "kernels/cpu/isa/philox.hpp"

namespace langevin::LANGEVIN_ISA {
namespace {

// e^x within 2 ulp: 2^k times a degree-6 polynomial on [-ln2/2, ln2/2]; saturates outside the float32 range. The
// comparisons are written so that NaN passes through.
inline float expFast(float x) {
  const float low = x < -87.0f ? -87.0f : x;
  const float c = low > 88.3762626f ? 88.3762626f : low;
  const float shifter = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const float k = (c * 1.44269504f + shifter) - shifter;
  const float r = (c - k * 0.693359375f) - k * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = p * r * r + r + 1.0f;
  return e * bitsToFloat(static_cast<std::uint32_t>(static_cast<std::int32_t>(k) + 127) << 23);
}

// ln(1 + u) for u in [0, 1]; the quotient restores what 1 + u rounds away.
inline float log1pUnit(float u) {
  const float w = 1.0f + u;
  const float l = logUnit(w);
  const float d = w - 1.0f;
  return d == 0.0f ? u : l * (u / d);
}

struct Pair {
  float y, d;
};

inline Pair sigmoid(float x) {
  const float s = 1.0f / (1.0f + expFast(-x));
  return {s, s * (1.0f - s)};
}

inline Pair silu(float x) {
  const float s = 1.0f / (1.0f + expFast(-x));
  return {x * s, s * (1.0f + x * (1.0f - s))};
}

inline Pair tanhPair(float x) {
  const float a = x < 0 ? -x : x;
  const float e = expFast(-2.0f * a);
  const float large = (1.0f - e) / (1.0f + e);
  const float z = a * a;  // below 0.3 the quotient cancels: Taylor series to a^9
  const float small = a * (1.0f + z * (-0.333333333f + z * (0.133333333f + z * (-0.0539682540f + z * 0.0218694885f))));
  const float m = a < 0.3f ? small : large;
  const float y = x < 0 ? -m : m;
  return {y, 1.0f - y * y};
}

// Phi by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7).
inline Pair gelu(float x) {
  const float a = (x < 0 ? -x : x) * 0.707106781f;
  const float t = 1.0f / (1.0f + 0.3275911f * a);
  const float g = expFast(-a * a);
  const float tail =
      0.5f * g * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float phi = x < 0 ? tail : 1.0f - tail;
  return {x * phi, phi + x * g * 0.398942280f};
}

inline Pair softplus(float x) {
  const float a = x < 0 ? -x : x;
  const float e = expFast(-a);
  const float s = 1.0f / (1.0f + e);
  const float m = (x > 0 ? x : 0.0f) + log1pUnit(e);
  return {x > 20.0f ? x : m, x > 20.0f ? 1.0f : (x < 0 ? e * s : s)};
}

// sin and cos of any moderate angle: whole turns are taken off in two parts. Beyond 1e5 float32 has no angle left to
// speak of.
inline void sinCos(float x, float& s, float& c) {
  const float shifter = 12582912.0f;
  const float k = (x * 0.636619772f + shifter) - shifter;
  const float a = ((x - k * 1.5703125f) - k * 4.83751297e-4f) - k * 7.54978942e-8f;
  const std::int32_t q = static_cast<std::int32_t>(k);
  const float z = a * a;
  const float sine = a + a * z * (-0.16666654611f + z * (0.0083321608736f + z * -0.00019515295891f));
  const float cosine = 1.0f - 0.5f * z + z * z * (0.041666645683f + z * (-0.001388731625f + z * 0.000024433157118f));
  const float u = (q & 1) ? cosine : sine;
  const float v = (q & 1) ? sine : cosine;
  s = (q & 2) ? -u : u;
  c = ((q + 1) & 2) ? -v : v;
}

template <class F>
void map(const float* x, float* y, float* d, std::int64_t n, F f) {
  if (d) {
    for (std::int64_t i = 0; i < n; ++i) {
      const Pair p = f(x[i]);
      y[i] = p.y;
      d[i] = p.d;
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i] = f(x[i]).y;
  }
}

void unary(Unary f, float argument, const float* x, float* y, float* d, std::int64_t n) {
  switch (f) {
    case Unary::Silu:
      return map(x, y, d, n, silu);
    case Unary::Gelu:
      return map(x, y, d, n, gelu);
    case Unary::Tanh:
      return map(x, y, d, n, tanhPair);
    case Unary::Sigmoid:
      return map(x, y, d, n, sigmoid);
    case Unary::Softplus:
      return map(x, y, d, n, softplus);
    case Unary::Relu:
      return map(x, y, d, n, [](float v) { return Pair{v > 0 ? v : v - v, v > 0 ? 1.0f : 0.0f}; });
    case Unary::LeakyRelu:
      return map(x, y, d, n, [argument](float v) { return v > 0 ? Pair{v, 1.0f} : Pair{argument * v, argument}; });
    case Unary::Exp:
      return map(x, y, d, n, [](float v) {
        const float e = __builtin_expf(v);
        return Pair{e, e};
      });
    case Unary::Log:
      return map(x, y, d, n, [](float v) { return Pair{__builtin_logf(v), 1.0f / v}; });
    case Unary::Sqrt:
      return map(x, y, d, n, [](float v) {
        const float r = __builtin_sqrtf(v);
        return Pair{r, 0.5f / r};
      });
    case Unary::Square:
      return map(x, y, d, n, [](float v) { return Pair{v * v, 2.0f * v}; });
    case Unary::Sin:
      return map(x, y, d, n, [](float v) {
        float s, c;
        sinCos(v, s, c);
        return Pair{s, c};
      });
    case Unary::Cos:
      return map(x, y, d, n, [](float v) {
        float s, c;
        sinCos(v, s, c);
        return Pair{c, -s};
      });
    case Unary::Abs:
      return map(x, y, d, n, [](float v) { return Pair{v < 0 ? -v : v, v > 0 ? 1.0f : (v < 0 ? -1.0f : 0.0f)}; });
    case Unary::Pow:
      return map(x, y, d, n, [argument](float v) {
        return Pair{__builtin_powf(v, argument),
                    argument == 0.0f ? 0.0f : argument * __builtin_powf(v, argument - 1.0f)};
      });
  }
}

void mul(const float* a, const float* b, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * b[i];
}

void mulAdd(const float* a, const float* b, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] += a[i] * b[i];
}

void axpy(float s, const float* a, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] += s * a[i];
}

void scale(float s, float shift, const float* a, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = s * a[i] + shift;
}

void div(const float* a, const float* b, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] / b[i];
}

// Sixteen partial sums in a fixed order: vectorises without letting the compiler reorder sums.
inline float dot(const float* a, const float* b, std::int64_t n) {
  float part[16] = {};
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; ++j) part[j] += a[i + j] * b[i + j];
  for (int j = 0; i < n; ++i, ++j) part[j] += a[i] * b[i];
  for (int width = 8; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) part[j] += part[j + width];
  return part[0];
}

void dotRows(const float* x, const float* w, float bias, float* out, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; ++r) out[r] = bias + dot(x + r * cols, w, cols);
}

void outer(const float* s, const float* w, float* out, std::int64_t rows, std::int64_t cols, bool add) {
  for (std::int64_t r = 0; r < rows; ++r) {
    float* o = out + r * cols;
    if (add)
      for (std::int64_t c = 0; c < cols; ++c) o[c] += s[r] * w[c];
    else
      for (std::int64_t c = 0; c < cols; ++c) o[c] = s[r] * w[c];
  }
}

void weightedSum(const float* s, const float* x, float* out, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float f = s ? s[r] : 1.0f;
    const float* in = x + r * cols;
    for (std::int64_t c = 0; c < cols; ++c) out[c] += f * in[c];
  }
}

void langevinUpdate(float* x, const float* g, const float* xi, float a, float b, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = x[i] - a * g[i] + b * xi[i];
}

}  // namespace

extern const TileKernels kernels;
const TileKernels kernels = {LANGEVIN_ISA_NAME, unary, mul,         mulAdd,         axpy,      scale, div,
                             dotRows,           outer, weightedSum, langevinUpdate, normalFill};

}  // namespace langevin::LANGEVIN_ISA
