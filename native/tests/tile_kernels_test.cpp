// Every instruction set this processor runs against long double, in float32 and in float64: matrix products with what
// follows them, activations, sums over rows, distances, updates.
#include <cmath>
#include <functional>

#include "kernel_numbers.hpp"

namespace langevin::tile_kernels_test {
namespace {

using test::kUnits, test::numbers, test::Wide;

Wide silu(Wide x) { return x / (1 + std::exp(-x)); }
Wide siluSlope(Wide x) {
  const Wide s = 1 / (1 + std::exp(-x));
  return s + x * s * (1 - s);
}

enum class After { Bias, Add, Activation, Factor };

struct Shape {
  std::int64_t rows, cols, depth;
};

// The largest error of C and of the slope.
template <class T>
double productError(const TileKernelsOf<T>& k, const Shape& s, bool turned, bool packed, After after) {
  const auto a = numbers<T>(s.rows * s.depth, 1), b = numbers<T>(s.depth * s.cols, 2), bias = numbers<T>(s.cols, 3),
             factor = numbers<T>(s.rows * s.cols, 4);
  auto c = numbers<T>(s.rows * s.cols, 5);
  const auto before = c;
  std::vector<T> slope(c.size()), panel(static_cast<std::size_t>(k.packedFloats(s.depth, 1))),
      whole(static_cast<std::size_t>(k.packedFloats(s.depth, s.cols)));
  const ActivationOf<T> activation{Unary::Silu, 0};
  ProductOf<T> p{.rows = s.rows, .cols = s.cols, .depth = s.depth, .a = a.data(), .lda = turned ? s.rows : s.depth};
  p.turned = turned;
  p.b = {b.data(), s.cols, 1};
  p.panel = panel.data();
  p.c = c.data();
  if (packed) {
    k.pack(p.b, s.depth, s.cols, whole.data());
    p.packed = whole.data();
  }
  if (after == After::Bias) p.bias = bias.data();
  if (after == After::Add) p.add = true;
  if (after == After::Factor) p.factor = factor.data();
  if (after == After::Activation) {
    p.activation = &activation;
    p.slope = slope.data();
  }
  k.multiply(p);
  Wide worst = 0;
  for (std::int64_t i = 0; i < s.rows; ++i)
    for (std::int64_t j = 0; j < s.cols; ++j) {
      const auto at = static_cast<std::size_t>(i * s.cols + j);
      Wide sum = after == After::Bias  ? Wide{bias[static_cast<std::size_t>(j)]}
                 : after == After::Add ? Wide{before[at]}
                                       : Wide{0};
      for (std::int64_t q = 0; q < s.depth; ++q)
        sum += static_cast<Wide>(a[static_cast<std::size_t>(turned ? q * s.rows + i : i * s.depth + q)]) *
               b[static_cast<std::size_t>(q * s.cols + j)];
      if (after == After::Activation) worst = std::max(worst, std::abs(siluSlope(sum) - slope[at]));
      if (after == After::Activation) sum = silu(sum);
      if (after == After::Factor) sum *= factor[at];
      worst = std::max(worst, std::abs(sum - c[at]));
    }
  return static_cast<double>(worst);
}

}  // namespace

TEST_BOTH(products_with_all_that_may_follow) {
  for (const auto* k : runnableKernelsOf<T>())
    for (std::int64_t rows : {1, 5, 6, 12, 13, 25})
      for (std::int64_t cols : {1, 3, 15, 17, 32, 33, 130})
        for (std::int64_t depth : {1, 2, 33})
          for (const bool turned : {false, true})
            for (const After after : {After::Bias, After::Add, After::Activation, After::Factor})
              // 33 products of numbers below 1: rounding of float32 sums stays below 33 x 33 x 6e-8.
              CHECK_NEAR(productError(*k, {rows, cols, depth}, turned, after != After::Add, after), 0.0,
                         2e-5 * kUnits<T>);
}

TEST_BOTH(a_row_of_a_product_does_not_depend_on_its_neighbours) {
  for (const auto* k : runnableKernelsOf<T>()) {
    const auto a = numbers<T>(25 * 40, 1), b = numbers<T>(40 * 50, 2);
    std::vector<T> whole(static_cast<std::size_t>(k->packedFloats(40, 50))), all(25 * 50), one(50);
    k->pack({b.data(), 50, 1}, 40, 50, whole.data());
    ProductOf<T> p{.rows = 25, .cols = 50, .depth = 40, .a = a.data(), .lda = 40};
    p.packed = whole.data();
    p.c = all.data();
    k->multiply(p);
    for (std::int64_t i = 0; i < 25; ++i) {
      p.rows = 1;
      p.a = a.data() + i * 40;
      p.c = one.data();
      k->multiply(p);
      for (std::size_t j = 0; j < 50; ++j) CHECK(one[j] == all[static_cast<std::size_t>(i) * 50 + j]);
    }
  }
}

TEST_BOTH(activations_and_their_derivatives_in_every_instruction_set) {
  struct Row {
    Unary f;
    std::function<Wide(Wide)> value, slope;
  };
  const auto sigmoid = [](Wide x) { return 1 / (1 + std::exp(-x)); };
  const auto normal = [](Wide x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  const std::vector<Row> rows = {
      {Unary::Silu, silu, siluSlope},
      {Unary::Gelu, [&](Wide x) { return x * normal(x); },
       [&](Wide x) { return normal(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }},
      {Unary::Tanh, [](Wide x) { return std::tanh(x); }, [](Wide x) { return 1 - std::tanh(x) * std::tanh(x); }},
      {Unary::Sigmoid, sigmoid, [&](Wide x) { return sigmoid(x) * (1 - sigmoid(x)); }},
      {Unary::Softplus, [](Wide x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, sigmoid},
      {Unary::Sin, [](Wide x) { return std::sin(x); }, [](Wide x) { return std::cos(x); }},
      {Unary::Exp, [](Wide x) { return std::exp(x); }, [](Wide x) { return std::exp(x); }},
  };
  const auto x = numbers<T>(4003, 9, -12, 12);
  for (const auto* k : runnableKernelsOf<T>())
    for (const Row& row : rows) {
      std::vector<T> y(x.size()), d(x.size());
      k->unary({row.f, 0}, x.data(), y.data(), d.data(), static_cast<std::int64_t>(x.size()));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Wide value = row.value(x[i]), slope = row.slope(x[i]);
        // A few roundings; gelu's Phi of float32 is an approximation good to 1.5e-7.
        CHECK_NEAR(y[i], value, 6e-7 * kUnits<T> * std::max(1.0L, std::abs(value)));
        CHECK_NEAR(d[i], slope, 6e-7 * kUnits<T> * std::max(1.0L, std::abs(slope)));
      }
    }
}

TEST_BOTH(distances_and_their_slopes_in_every_instruction_set) {
  for (const auto* k : runnableKernelsOf<T>())
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{13, 2, 3}, Shape{7, 70, 33}, Shape{5, 17, 130}}) {
      const auto [rows, cols, count] = shape;
      const auto x = numbers<T>(rows * cols, 1), m = numbers<T>(count * cols, 2), s = numbers<T>(count, 3, 0.5, 2),
                 g = numbers<T>(rows * count, 4), before = numbers<T>(rows * cols, 5);
      std::vector<T> packed(static_cast<std::size_t>(k->packedFloats(cols, count))), out(g.size()), fresh = before,
                                                                                                    added = before;
      k->pack({m.data(), 1, cols}, cols, count, packed.data());
      const DistancesOf<T> d{rows, cols, count, x.data(), m.data(), packed.data(), s.data()};
      k->distances(d, out.data());
      k->distanceSlopes(d, g.data(), fresh.data(), false);
      k->distanceSlopes(d, g.data(), added.data(), true);
      for (std::int64_t r = 0; r < rows; ++r) {
        std::vector<Wide> slope(static_cast<std::size_t>(cols));
        for (std::int64_t j = 0; j < count; ++j) {
          const Wide scale = s[static_cast<std::size_t>(j)];
          Wide sum = 0;
          for (std::int64_t c = 0; c < cols; ++c) {
            const Wide z = (static_cast<Wide>(x[static_cast<std::size_t>(r * cols + c)]) -
                            m[static_cast<std::size_t>(j * cols + c)]) *
                           scale;
            sum += z * z;
            slope[static_cast<std::size_t>(c)] += 2 * g[static_cast<std::size_t>(r * count + j)] * z * scale;
          }
          CHECK_NEAR(out[static_cast<std::size_t>(r * count + j)] / std::max(1.0L, sum), sum / std::max(1.0L, sum),
                     2e-6 * kUnits<T>);
        }
        for (std::int64_t c = 0; c < cols; ++c) {
          const auto at = static_cast<std::size_t>(r * cols + c);
          // 130 terms of numbers below 16 in float32.
          CHECK_NEAR(fresh[at], slope[static_cast<std::size_t>(c)], 2e-4 * kUnits<T>);
          CHECK_NEAR(added[at], slope[static_cast<std::size_t>(c)] + before[at], 2e-4 * kUnits<T>);
        }
      }
    }
}

TEST_BOTH(sums_over_rows_in_every_instruction_set) {
  for (const auto* k : runnableKernelsOf<T>())
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{37, 33, 2}, Shape{128, 70, 7}, Shape{5, 16, 3}}) {
      const auto [rows, cols, count] = shape;
      const auto s = numbers<T>(rows * count, 1), x = numbers<T>(rows * cols, 2), before = numbers<T>(cols * count, 3);
      auto out = before;
      std::vector<T> ones(static_cast<std::size_t>(cols), 1.0f);
      k->weightedColumns(s.data(), x.data(), out.data(), ones.data(), rows, cols, count);
      Wide square = 0;
      for (T v : x) square += static_cast<Wide>(v) * v;
      CHECK_NEAR(k->squares(x.data(), rows * cols) / square, 1.0,
                 1e-6 * kUnits<T>);  // float32 sums of up to 4,096 numbers
      for (std::int64_t c = 0; c < cols; ++c) {
        Wide plain = 1;
        for (std::int64_t r = 0; r < rows; ++r) plain += x[static_cast<std::size_t>(r * cols + c)];
        CHECK_NEAR(ones[static_cast<std::size_t>(c)], plain,
                   2e-5 * kUnits<T>);  // 128 float32 sums of numbers below 128
        for (std::int64_t j = 0; j < count; ++j) {
          Wide sum = before[static_cast<std::size_t>(c * count + j)];
          for (std::int64_t r = 0; r < rows; ++r)
            sum += static_cast<Wide>(s[static_cast<std::size_t>(r * count + j)]) *
                   x[static_cast<std::size_t>(r * cols + c)];
          CHECK_NEAR(out[static_cast<std::size_t>(c * count + j)], sum, 2e-5 * kUnits<T>);
        }
      }
    }
}

TEST_BOTH(second_derivatives_of_activations_in_every_instruction_set) {
  const auto x = numbers<T>(203, 1, -6, 6), t = numbers<T>(203, 2), a = numbers<T>(203, 3), s = numbers<T>(203, 4),
             before = numbers<T>(203, 5);
  const auto bent = [](Wide v) {
    const Wide q = 1 / (1 + std::exp(-v));
    return q * (1 - q) * (2 + v * (1 - 2 * q));
  };
  for (const auto* k : runnableKernelsOf<T>())
    for (const bool add : {false, true}) {
      std::vector<T> y(x.size()), slope(x.size()), out = before;
      k->unary({Unary::Silu, 0}, x.data(), y.data(), slope.data(), 203);
      CHECK(k->bend({Unary::Silu, 0}, {x.data(), slope.data(), t.data(), a.data(), s.data(), out.data(), add}, 203));
      CHECK(!k->bend({Unary::Relu, 0}, {x.data(), slope.data(), t.data(), a.data(), s.data(), y.data(), add}, 203));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Wide exact = siluSlope(x[i]) * s[i] + bent(x[i]) * t[i] * a[i] + (add ? before[i] : 0.0f);
        CHECK_NEAR(out[i], exact, 1e-6 * kUnits<T>);  // a few float32 roundings of numbers below 2
      }
    }
}

TEST_BOTH(no_activation_hides_a_number_that_is_none) {
  for (const auto* k : runnableKernelsOf<T>())
    for (int f = 0; f <= static_cast<int>(Unary::Pow); ++f) {
      std::vector<T> x(19, std::nanf("")), y(19);
      k->unary({static_cast<Unary>(f), 2.0f}, x.data(), y.data(), nullptr, 19);
      for (float v : y) CHECK(std::isnan(v));
    }
}

}  // namespace langevin::tile_kernels_test
