// Elementwise functions of the kernels in float64, and those of float32 that promise it, within a few units in the last
// place of long double, over random bits of the whole range: denormals, huge numbers, far angles.
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>

#include "check.hpp"
#include "kernels/tile_kernels.hpp"

namespace langevin::number_range_test {
namespace {

using Wide = long double;

// `floor`: of this size are the terms that may cancel in f; errors are counted in units of numbers no smaller.
struct Function {
  const char* name;
  Unary f;
  Wide (*at)(Wide x);
  double units, floor;
};

Wide sigmoid(Wide x) {
  const Wide e = std::exp(-std::abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}
Wide sigmoidSlope(Wide x) {
  const Wide e = std::exp(-std::abs(x));
  return e / (1 + e) / (1 + e);
}
Wide normal(Wide x) { return std::erfc(-x / std::sqrt(Wide{2})) / 2; }
Wide density(Wide x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(Wide{-1})); }

// A denormal factor has lost digits before x multiplies it.
constexpr double kTiny = 0x1p-1000;

// Values: the error is at most 0.5 where a number is rounded well, 2 after three or four roundings.
const std::vector<Function>& values() {
  static const std::vector<Function> table = {
      {"exp", Unary::Exp, [](Wide x) { return std::exp(x); }, 1.5, 0},
      {"log", Unary::Log, [](Wide x) { return std::log(x); }, 1.5, 0},
      {"sigmoid", Unary::Sigmoid, sigmoid, 2.5, 0},
      {"silu", Unary::Silu, [](Wide x) { return x * sigmoid(x); }, 3, kTiny},
      {"tanh", Unary::Tanh, [](Wide x) { return std::tanh(x); }, 3, 0},
      {"gelu", Unary::Gelu, [](Wide x) { return x < -1e4L ? Wide{0} : x * normal(x); }, 6, kTiny},
      {"softplus", Unary::Softplus, [](Wide x) { return x > 20 ? x : std::log1p(std::exp(x)); }, 3, 0},
      {"sin", Unary::Sin, [](Wide x) { return std::sin(x); }, 2, 0},
      {"cos", Unary::Cos, [](Wide x) { return std::cos(x); }, 2, 0},
      {"sqrt", Unary::Sqrt, [](Wide x) { return std::sqrt(x); }, 0.501, 0},
      {"square", Unary::Square, [](Wide x) { return x * x; }, 0.501, 0},
      {"abs", Unary::Abs, [](Wide x) { return std::abs(x); }, 0, 0},
      {"relu", Unary::Relu, [](Wide x) { return x > 0 ? x : 0; }, 0, 0},
  };
  return table;
}

const std::vector<Function>& slopes() {
  static const std::vector<Function> table = {
      {"exp", Unary::Exp, [](Wide x) { return std::exp(x); }, 1.5, 0},
      {"log", Unary::Log, [](Wide x) { return 1 / x; }, 0.501, 0},
      {"sigmoid", Unary::Sigmoid, sigmoidSlope, 4.5, 0},
      {"silu", Unary::Silu, [](Wide x) { return sigmoid(x) + x * sigmoidSlope(x); }, 4, 1},
      {"tanh", Unary::Tanh, [](Wide x) { return 4 * sigmoidSlope(2 * x); }, 6, 0},
      {"gelu", Unary::Gelu, [](Wide x) { return std::abs(x) > 1e4L ? Wide(x > 0) : normal(x) + x * density(x); }, 3, 1},
      {"softplus", Unary::Softplus, [](Wide x) { return x > 20 ? Wide{1} : sigmoid(x); }, 2.5, 0},
      {"sin", Unary::Sin, [](Wide x) { return std::cos(x); }, 2, 0},
      {"cos", Unary::Cos, [](Wide x) { return -std::sin(x); }, 2, 0},
      {"sqrt", Unary::Sqrt, [](Wide x) { return 1 / (2 * std::sqrt(x)); }, 1.5, 0},
      {"square", Unary::Square, [](Wide x) { return 2 * x; }, 0, 0},
      {"abs", Unary::Abs, [](Wide x) { return Wide((x > 0) - (x < 0)); }, 0, 0},
      {"relu", Unary::Relu, [](Wide x) { return Wide(x > 0); }, 0, 0},
  };
  return table;
}

// Terms of size 1 cancel in them.
const std::vector<Function>& seconds() {
  static const std::vector<Function> table = {
      {"sigmoid", Unary::Sigmoid, [](Wide x) { return sigmoidSlope(x) * (1 - 2 * sigmoid(x)); }, 4, 1},
      {"silu", Unary::Silu, [](Wide x) { return sigmoidSlope(x) * (2 + x * (1 - 2 * sigmoid(x))); }, 4, 1},
      {"tanh", Unary::Tanh, [](Wide x) { return -2 * std::tanh(x) * 4 * sigmoidSlope(2 * x); }, 4, 1},
      {"gelu", Unary::Gelu, [](Wide x) { return std::abs(x) > 1e4L ? Wide{0} : density(x) * (2 - x * x); }, 4, 1},
      {"softplus", Unary::Softplus, sigmoidSlope, 4.5, 0},
      {"sin", Unary::Sin, [](Wide x) { return -std::sin(x); }, 2, 0},
      {"cos", Unary::Cos, [](Wide x) { return -std::cos(x); }, 2, 0},
      {"square", Unary::Square, [](Wide) { return Wide{2}; }, 0, 0},
  };
  return table;
}

// Distance of neighbours among the numbers of type T at `x`.
template <class T>
Wide unit(Wide x) {
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::ldexp(Wide{1}, std::max(exponent, std::numeric_limits<T>::min_exponent) - std::numeric_limits<T>::digits);
}

template <class T>
double unitsApart(T got, Wide want, double floor) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) == std::isnan(got) ? 0.0 : INFINITY;
  const auto rounded = static_cast<T>(want);
  if (got == rounded) return 0.0;
  if (std::isinf(got) || std::isinf(rounded)) return INFINITY;
  return static_cast<double>(std::abs(got - want) / unit<T>(std::max(std::abs(want), Wide{floor})));
}

// A third of each: any bits that are a number, numbers where functions bend, multiples of pi / 2 and their neighbours.
template <class T>
std::vector<T> numbers() {
  std::mt19937_64 random(1);
  std::vector<T> x;
  for (int i = 0; i < 20000; ++i) {
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    const auto any = __builtin_bit_cast(T, static_cast<Bits>(random()));
    x.push_back(std::isfinite(any) ? any : T{0});
    const double u = std::ldexp(static_cast<double>(random() >> 11), -53) - 0.5;
    x.push_back(static_cast<T>(u * (i % 3 == 0 ? 4 : i % 3 == 1 ? 90 : 1600)));
    const auto turn = static_cast<T>(std::acos(Wide{-1}) / 2 * static_cast<Wide>(random() >> (35 + i % 29)));
    x.push_back(i % 2 ? turn : std::nextafter(turn, T{0}));
  }
  return x;
}

// f(kernels, function, x, out) computes what is compared.
template <class T, class Compute>
void compare(const std::vector<Function>& table, const char* what, Compute compute) {
  const std::vector<T> x = numbers<T>();
  for (const Function& row : table) {
    std::vector<Wide> want;
    for (T v : x) want.push_back(row.at(v));
    for (const auto* k : runnableKernelsOf<T>()) {
      std::vector<T> got(x.size());
      compute(*k, row.f, x, got);
      double worst = 0;
      std::size_t at = 0;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (const double apart = unitsApart(got[i], want[i], row.floor); !(apart <= worst)) worst = apart, at = i;
      if (worst <= row.units) continue;
      std::ostringstream text;
      text.precision(20);
      text << k->name << ": " << what << " of " << row.name << " at " << x[at] << " is " << got[at] << ", not "
           << want[at] << ": " << worst << " units in the last place, at most " << row.units;
      test::fail(__FILE__, __LINE__, text.str());
    }
  }
}

template <class T>
void value(const TileKernelsOf<T>& k, Unary f, const std::vector<T>& x, std::vector<T>& out) {
  k.unary({f, 0}, x.data(), out.data(), nullptr, static_cast<std::int64_t>(x.size()));
}

template <class T>
void slope(const TileKernelsOf<T>& k, Unary f, const std::vector<T>& x, std::vector<T>& out) {
  std::vector<T> y(x.size());
  k.unary({f, 0}, x.data(), y.data(), out.data(), static_cast<std::int64_t>(x.size()));
}

}  // namespace

TEST(values_of_float64) { compare<double>(values(), "value", value<double>); }

TEST(slopes_of_float64) { compare<double>(slopes(), "slope", slope<double>); }

TEST(second_derivatives_of_float64) {
  compare<double>(seconds(), "second derivative", [](const auto& k, Unary f, const auto& x, auto& out) {
    const std::vector<double> zeros(x.size()), ones(x.size(), 1.0);
    const BendOf<double> bend{x.data(), zeros.data(), ones.data(), nullptr, zeros.data(), out.data(), false};
    CHECK(k.bend({f, 0}, bend, static_cast<std::int64_t>(x.size())));
  });
}

TEST(exponentials_and_logarithms_of_float32) {
  const std::vector<Function> table(values().begin(), values().begin() + 2);
  compare<float>(table, "value", value<float>);
}

TEST(limits_and_what_is_no_number) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity(),
                   kNone = std::numeric_limits<double>::quiet_NaN();
  struct Limit {
    Unary f;
    double low, high, zero, below;  // at -inf, inf, 0, -1
  };
  const Limit limits[] = {{Unary::Exp, 0, kInfinity, 1, std::exp(-1)},
                          {Unary::Log, kNone, kInfinity, -kInfinity, kNone},
                          {Unary::Sqrt, kNone, kInfinity, 0, kNone},
                          {Unary::Sigmoid, 0, 1, 0.5, 1 / (1 + std::exp(1))},
                          {Unary::Silu, 0, kInfinity, 0, -1 / (1 + std::exp(1))},
                          {Unary::Gelu, 0, kInfinity, 0, -0.15865525393145705},
                          {Unary::Tanh, -1, 1, 0, std::tanh(-1)},
                          {Unary::Softplus, 0, kInfinity, std::log(2.0), std::log1p(std::exp(-1))},
                          {Unary::Sin, kNone, kNone, 0, std::sin(-1)},
                          {Unary::Cos, kNone, kNone, 1, std::cos(-1)}};
  const double x[] = {-kInfinity, kInfinity, 0, -1, kNone};
  for (const auto* k : runnableKernelsOf<double>())
    for (const Limit& row : limits) {
      double y[5], d[5];
      k->unary({row.f, 0}, x, y, d, 5);
      const double want[] = {row.low, row.high, row.zero, row.below, kNone};
      for (int i = 0; i < 5; ++i) CHECK(unitsApart(y[i], Wide{want[i]}, 0) <= 3);
    }
}

TEST(a_function_of_float32_would_not_pass_for_one_of_float64) {
  const double x = 0.3, right = std::exp(x), wrong = static_cast<double>(std::exp(0.3f));
  CHECK(unitsApart(right, std::exp(Wide{x}), 0) <= 1.5);
  CHECK(unitsApart(wrong, std::exp(Wide{x}), 0) > 1e6);
  CHECK(unitsApart(std::nextafter(right, 2.0), Wide{right}, 0) == 1.0);
  CHECK(std::isinf(unitsApart(0.0, Wide{NAN}, 0)) && std::isinf(unitsApart(INFINITY, Wide{1}, 0)));
}

}  // namespace langevin::number_range_test
