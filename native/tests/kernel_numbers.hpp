// What tests of the kernels share: tests of both number types, and numbers with all their digits.
#pragma once

#include <limits>
#include <random>
#include <vector>

#include "check.hpp"
#include "kernels/tile_kernels.hpp"

namespace langevin::test {

using Wide = long double;

/// A tolerance of float32 times this is one of T.
template <class T>
constexpr double kUnits = std::numeric_limits<T>::epsilon() / std::numeric_limits<float>::epsilon();

template <class T>
std::vector<T> numbers(std::int64_t n, std::uint64_t seed, double low = -1, double high = 1) {
  std::mt19937_64 random(seed);
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& x : v) x = static_cast<T>(low + (high - low) * std::ldexp(static_cast<double>(random() >> 11), -53));
  return v;
}

/// Index of an array.
inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace langevin::test

// A test whose body is a template on the number type T.
#define TEST_BOTH(name)                    \
  template <class T>                       \
  static void name();                      \
  TEST(name##_float32) { name<float>(); }  \
  TEST(name##_float64) { name<double>(); } \
  template <class T>                       \
  static void name()
