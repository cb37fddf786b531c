// Elementwise functions with their derivatives: the formulas of the CPU kernels (kernels/), for one number.
#pragma once

#include "executors/cuda/normals.hpp"
#include "kernels/tile_kernels.hpp"

namespace langevin::cuda {

struct Pair {
  float y, d;  // f(x), f'(x)
};

// e^x within 2 ulp; saturates outside the float32 range, NaN passes through.
LANGEVIN_HD float exponential(float x) {
  const float low = x < -87.0f ? -87.0f : x;
  const float c = low > 88.3762626f ? 88.3762626f : low;
  const float shifter = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const float k = (c * 1.44269504f + shifter) - shifter;
  const float r = (c - k * 0.693359375f) - k * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = multiplyAdd(p, r, 1.3981999507e-3f);
  p = multiplyAdd(p, r, 8.3334519073e-3f);
  p = multiplyAdd(p, r, 4.1665795894e-2f);
  p = multiplyAdd(p, r, 1.6666665459e-1f);
  p = multiplyAdd(p, r, 5.0000001201e-1f);
  const float e = multiplyAdd(p * r, r, r) + 1.0f;
  // A NaN has no whole number: its exponent bits are never looked at, the product keeps it.
  const std::int32_t whole = k == k ? static_cast<std::int32_t>(k) : 0;
  return e * floatOf(static_cast<std::uint32_t>(whole + 127) << 23);
}

// x where it is within +- limit, else the limit: exponential() ends at 2e-38, which is no 0 beside 3e38.
LANGEVIN_HD float bounded(float limit, float x) {
  const float above = x < -limit ? -limit : x;
  return above > limit ? limit : above;
}

// ln(1 + u) for u in [0, 1]; the quotient restores what 1 + u rounds away.
LANGEVIN_HD float log1pUnit(float u) {
  const float w = 1.0f + u;
  const float d = w - 1.0f;
  return d == 0.0f ? u : logUnit(w) * (u / d);
}

LANGEVIN_HD Pair tanhPair(float x) {
  const float a = x < 0 ? -x : x;
  const float e = exponential(-2.0f * a);
  const float large = (1.0f - e) / (1.0f + e);
  const float z = a * a;  // below 0.3 the quotient cancels: Taylor series to a^9
  const float small = a * (1.0f + z * (-0.333333333f + z * (0.133333333f + z * (-0.0539682540f + z * 0.0218694885f))));
  const float m = a < 0.3f ? small : large;
  const float y = x < 0 ? -m : m;
  return {y, 1.0f - y * y};
}

// Phi by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7).
LANGEVIN_HD Pair geluPair(float x) {
  const float c = bounded(1e4f, x);
  const float half = (x < 0 ? -x : x) * 0.707106781f, a = half > 1e18f ? 1e18f : half;
  const float t = 1.0f / (1.0f + 0.3275911f * a);
  const float g = exponential(-a * a);
  const float tail =
      0.5f * g * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float phi = x < 0 ? tail : 1.0f - tail;
  return {x * phi, phi + c * g * 0.398942280f};
}

LANGEVIN_HD Pair softplusPair(float x) {
  const float a = x < 0 ? -x : x;
  const float e = exponential(-a);
  const float s = 1.0f / (1.0f + e);
  const float m = (x > 0 ? x : 0.0f) + log1pUnit(e);
  return {x > 20.0f ? x : m, x > 20.0f ? 1.0f : (x < 0 ? e * s : s)};
}

// sin and cos of any angle: whole turns are taken off in parts, which are no longer exact far out.
LANGEVIN_HD void sinCos(float x, float& s, float& c) {
  if (x > 8192.0f || x < -8192.0f) {
    s = sinf(x);
    c = cosf(x);
    return;
  }
  const float shifter = 12582912.0f;
  const float k = (x * 0.636619772f + shifter) - shifter;
  const float a = ((x - k * 1.5703125f) - k * 4.83751297e-4f) - k * 7.54978942e-8f;
  const std::int32_t q = k > -1e9f && k < 1e9f ? static_cast<std::int32_t>(k) : 0;
  const float z = a * a;
  const float sine = a + a * z * (-0.16666654611f + z * (0.0083321608736f + z * -0.00019515295891f));
  const float cosine = 1.0f - 0.5f * z + z * z * (0.041666645683f + z * (-0.001388731625f + z * 0.000024433157118f));
  const float u = (q & 1) ? cosine : sine;
  const float v = (q & 1) ? sine : cosine;
  s = (q & 2) ? -u : u;
  c = ((q + 1) & 2) ? -v : v;
}

LANGEVIN_HD Pair activation(Unary function, float argument, float x) {
  switch (function) {
    case Unary::Silu: {
      const float s = 1.0f / (1.0f + exponential(-x));
      return {(x < -88.0f ? -88.0f : x) * s, s * (1.0f + bounded(88.0f, x) * (1.0f - s))};
    }
    case Unary::Gelu:
      return geluPair(x);
    case Unary::Tanh:
      return tanhPair(x);
    case Unary::Sigmoid: {
      const float s = 1.0f / (1.0f + exponential(-x));
      return {s, s * (1.0f - s)};
    }
    case Unary::Softplus:
      return softplusPair(x);
    case Unary::Relu:
      return {x > 0 ? x : (x < 0 ? 0.0f : x), x > 0 ? 1.0f : 0.0f};  // NaN stays
    case Unary::LeakyRelu:
      return x > 0 ? Pair{x, 1.0f} : Pair{argument * x, argument};
    case Unary::Exp: {
      const float e = expf(x);
      return {e, e};
    }
    case Unary::Log:
      return {logf(x), 1.0f / x};
    case Unary::Sqrt: {
      const float r = sqrtf(x);
      return {r, 0.5f / r};
    }
    case Unary::Square:
      return {x * x, 2.0f * x};
    case Unary::Sin: {
      float s, c;
      sinCos(x, s, c);
      return {s, c};
    }
    case Unary::Cos: {
      float s, c;
      sinCos(x, s, c);
      return {c, -s};
    }
    case Unary::Abs:
      return {x < 0 ? -x : x, x > 0 ? 1.0f : (x < 0 ? -1.0f : 0.0f)};
    case Unary::Pow:
      return {powf(x, argument), argument == 0.0f ? 0.0f : argument * powf(x, argument - 1.0f)};
  }
  return {x, 1.0f};
}

}  // namespace langevin::cuda
