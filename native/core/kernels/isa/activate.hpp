// Activations applied in place, with their derivatives beside them.
#pragma once

#include "kernels/isa/functions.hpp"
#include "kernels/tile_kernels.hpp"

namespace langevin::LANGEVIN_ISA {

using Activation = ActivationOf<Number>;
using Bend = BendOf<Number>;

template <class F>
static void activateRows(const Number* x, Number* y, Number* d, std::int64_t ld, std::int64_t rows, std::int64_t width,
                         Number argument) {
  const Vec a = all(argument);
  for (std::int64_t r = 0; r < rows; ++r, x += ld, y += ld, d += d ? ld : 0) {
    std::int64_t i = 0;
    for (; i + kWidth <= width; i += kWidth) {
      const Pair p = F::at(load(x + i), a);
      store(y + i, p.y);
      if (d) store(d + i, p.d);
    }
    if (const int rest = static_cast<int>(width - i)) {
      const Pair p = F::at(loadPart(x + i, rest), a);
      storePart(y + i, p.y, rest);
      if (d) storePart(d + i, p.d, rest);
    }
  }
}

static Number powerOf(Number v, Number e) { return sizeof v == 8 ? __builtin_pow(v, e) : __builtin_powf(v, e); }

// Powers, a number at a time.
static void powerRows(Number argument, const Number* x, Number* y, Number* d, std::int64_t ld, std::int64_t rows,
                      std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = r * ld; i < r * ld + width; ++i) {
      const Number v = x[i];
      y[i] = powerOf(v, argument);
      if (d) d[i] = argument == 0 ? 0 : argument * powerOf(v, argument - 1);
    }
}

// y <- f(x), d <- f'(x) where d is given, for rows ld apart; x and y may be the same.
static void activate(const Activation& a, const Number* x, Number* y, Number* d, std::int64_t ld, std::int64_t rows,
                     std::int64_t width) {
  switch (a.f) {
    case Unary::Silu:
      return activateRows<Silu>(x, y, d, ld, rows, width, a.argument);
    case Unary::Gelu:
      return activateRows<Gelu>(x, y, d, ld, rows, width, a.argument);
    case Unary::Tanh:
      return activateRows<Tanh>(x, y, d, ld, rows, width, a.argument);
    case Unary::Sigmoid:
      return activateRows<Sigmoid>(x, y, d, ld, rows, width, a.argument);
    case Unary::Softplus:
      return activateRows<Softplus>(x, y, d, ld, rows, width, a.argument);
    case Unary::Relu:
      return activateRows<Relu>(x, y, d, ld, rows, width, a.argument);
    case Unary::LeakyRelu:
      return activateRows<LeakyRelu>(x, y, d, ld, rows, width, a.argument);
    case Unary::Sqrt:
      return activateRows<SquareRoot>(x, y, d, ld, rows, width, a.argument);
    case Unary::Square:
      return activateRows<Square>(x, y, d, ld, rows, width, a.argument);
    case Unary::Sin:
      return activateRows<Sin>(x, y, d, ld, rows, width, a.argument);
    case Unary::Cos:
      return activateRows<Cos>(x, y, d, ld, rows, width, a.argument);
    case Unary::Abs:
      return activateRows<Abs>(x, y, d, ld, rows, width, a.argument);
    case Unary::Exp:
      return activateRows<Exp>(x, y, d, ld, rows, width, a.argument);
    case Unary::Log:
      return activateRows<Log>(x, y, d, ld, rows, width, a.argument);
    case Unary::Pow:
      return powerRows(a.argument, x, y, d, ld, rows, width);
  }
}

template <class F>
static bool bendAll(const Bend& b, std::int64_t n) {
  const auto one = [&b](std::int64_t i, auto read, auto write) {
    Vec bent = F::bend(read(b.x + i)) * read(b.t + i);
    if (b.a) bent = bent * read(b.a + i);
    const Vec sum = fma(read(b.slope + i), read(b.s + i), bent);
    write(b.out + i, b.add ? sum + read(b.out + i) : sum);
  };
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) one(i, load, store);
  if (const int rest = static_cast<int>(n - i))
    one(
        i, [rest](const Number* p) { return loadPart(p, rest); }, [rest](Number* p, Vec v) { storePart(p, v, rest); });
  return true;
}

[[maybe_unused]] static bool bend(const Activation& a, const Bend& b, std::int64_t n) {
  switch (a.f) {
    case Unary::Silu:
      return bendAll<Silu>(b, n);
    case Unary::Gelu:
      return bendAll<Gelu>(b, n);
    case Unary::Tanh:
      return bendAll<Tanh>(b, n);
    case Unary::Sigmoid:
      return bendAll<Sigmoid>(b, n);
    case Unary::Softplus:
      return bendAll<Softplus>(b, n);
    case Unary::Square:
      return bendAll<Square>(b, n);
    case Unary::Sin:
      return bendAll<Sin>(b, n);
    case Unary::Cos:
      return bendAll<Cos>(b, n);
    default:
      return false;
  }
}

}  // namespace langevin::LANGEVIN_ISA
