// Every instruction set this processor runs against double precision: matrix products with what follows them,
// activations, bfloat16 products, normals.
#include <cmath>
#include <functional>

#include "base/error.hpp"
#include "check.hpp"
#include "kernels/tile_choice.hpp"
#include "tensors/random.hpp"

namespace langevin::tile_kernels_test {
namespace {

std::vector<float> numbers(std::int64_t n, std::uint64_t seed, float low = -1, float high = 1) {
  std::vector<float> v(static_cast<std::size_t>(n));
  fillUniform(v.data(), n, 1, seed, 0, 0, Stream::User);
  for (float& x : v) x = low + (high - low) * x;
  return v;
}

double silu(double x) { return x / (1 + std::exp(-x)); }
double siluSlope(double x) {
  const double s = 1 / (1 + std::exp(-x));
  return s + x * s * (1 - s);
}

enum class After { Bias, Add, Activation, Factor };

struct Shape {
  std::int64_t rows, cols, depth;
};

// The largest error of C and of the slope.
double productError(const TileKernels& k, const Shape& s, bool turned, bool packed, After after) {
  const auto a = numbers(s.rows * s.depth, 1), b = numbers(s.depth * s.cols, 2), bias = numbers(s.cols, 3),
             factor = numbers(s.rows * s.cols, 4);
  auto c = numbers(s.rows * s.cols, 5);
  const auto before = c;
  std::vector<float> slope(c.size()), panel(static_cast<std::size_t>(k.packedFloats(s.depth, 1))),
      whole(static_cast<std::size_t>(k.packedFloats(s.depth, s.cols)));
  const Activation activation{Unary::Silu, 0};
  Product p{.rows = s.rows, .cols = s.cols, .depth = s.depth, .a = a.data(), .lda = turned ? s.rows : s.depth};
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
  double worst = 0;
  for (std::int64_t i = 0; i < s.rows; ++i)
    for (std::int64_t j = 0; j < s.cols; ++j) {
      const auto at = static_cast<std::size_t>(i * s.cols + j);
      double sum = after == After::Bias ? bias[static_cast<std::size_t>(j)] : after == After::Add ? before[at] : 0.0;
      for (std::int64_t q = 0; q < s.depth; ++q)
        sum += static_cast<double>(a[static_cast<std::size_t>(turned ? q * s.rows + i : i * s.depth + q)]) *
               b[static_cast<std::size_t>(q * s.cols + j)];
      if (after == After::Activation) worst = std::max(worst, std::abs(siluSlope(sum) - slope[at]));
      if (after == After::Activation) sum = silu(sum);
      if (after == After::Factor) sum *= factor[at];
      worst = std::max(worst, std::abs(sum - c[at]));
    }
  return worst;
}

}  // namespace

TEST(products_with_all_that_may_follow) {
  for (const TileKernels* k : runnableTileKernels())
    for (std::int64_t rows : {1, 5, 6, 12, 13, 25})
      for (std::int64_t cols : {1, 3, 15, 17, 32, 33, 130})
        for (std::int64_t depth : {1, 2, 33})
          for (const bool turned : {false, true})
            for (const After after : {After::Bias, After::Add, After::Activation, After::Factor})
              // 33 products of numbers below 1: rounding of float32 sums stays below 33 x 33 x 6e-8.
              CHECK_NEAR(productError(*k, {rows, cols, depth}, turned, after != After::Add, after), 0.0, 2e-5);
}

TEST(a_row_of_a_product_does_not_depend_on_its_neighbours) {
  for (const TileKernels* k : runnableTileKernels()) {
    const auto a = numbers(25 * 40, 1), b = numbers(40 * 50, 2);
    std::vector<float> whole(static_cast<std::size_t>(k->packedFloats(40, 50))), all(25 * 50), one(50);
    k->pack({b.data(), 50, 1}, 40, 50, whole.data());
    Product p{.rows = 25, .cols = 50, .depth = 40, .a = a.data(), .lda = 40};
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

TEST(bfloat16_products_round_their_factors_and_nothing_else) {
  const auto rounded = [](float x) { return at::tensor(x).to(at::kBFloat16).to(at::kDouble).item<double>(); };
  for (const TileKernels* k : runnableTileKernels())
    for (const Shape& s : {Shape{1, 1, 1}, Shape{13, 33, 7}, Shape{12, 32, 64}, Shape{5, 130, 97}}) {
      const auto a = numbers(s.rows * s.depth, 1), b = numbers(s.depth * s.cols, 2);
      std::vector<float> c(static_cast<std::size_t>(s.rows * s.cols)),
          panel(static_cast<std::size_t>(s.rows * (s.depth + 1) / 2 + s.rows));
      std::vector<std::uint32_t> packed(static_cast<std::size_t>(k->packedHalfWords(s.depth, s.cols)));
      k->packHalf({b.data(), s.cols, 1}, s.depth, s.cols, packed.data());
      Product p{.rows = s.rows, .cols = s.cols, .depth = s.depth, .a = a.data(), .lda = s.depth};
      p.panel = panel.data();
      p.c = c.data();
      k->multiplyHalf(p, packed.data());
      double unrounded = 0;
      for (std::int64_t i = 0; i < s.rows; ++i)
        for (std::int64_t j = 0; j < s.cols; ++j) {
          double sum = 0, exact = 0;
          for (std::int64_t q = 0; q < s.depth; ++q) {
            const float x = a[static_cast<std::size_t>(i * s.depth + q)],
                        y = b[static_cast<std::size_t>(q * s.cols + j)];
            sum += rounded(x) * rounded(y);
            exact += static_cast<double>(x) * y;
          }
          const double got = c[static_cast<std::size_t>(i * s.cols + j)];
          CHECK_NEAR(got, sum, 1e-4);  // 97 float32 sums of numbers below 97
          unrounded = std::max(unrounded, std::abs(got - exact));
        }
      if (s.depth > 1) CHECK(unrounded > 1e-4);  // control: float32 products would not pass for bfloat16 ones
    }
}

TEST(activations_and_their_derivatives_in_every_instruction_set) {
  struct Row {
    Unary f;
    std::function<double(double)> value, slope;
  };
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto normal = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  const std::vector<Row> rows = {
      {Unary::Silu, silu, siluSlope},
      {Unary::Gelu, [&](double x) { return x * normal(x); },
       [&](double x) { return normal(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }},
      {Unary::Tanh, [](double x) { return std::tanh(x); }, [](double x) { return 1 - std::tanh(x) * std::tanh(x); }},
      {Unary::Sigmoid, sigmoid, [&](double x) { return sigmoid(x) * (1 - sigmoid(x)); }},
      {Unary::Softplus, [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); },
       sigmoid},
      {Unary::Sin, [](double x) { return std::sin(x); }, [](double x) { return std::cos(x); }},
      {Unary::Exp, [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }},
  };
  const auto x = numbers(4003, 9, -12, 12);
  for (const TileKernels* k : runnableTileKernels())
    for (const Row& row : rows) {
      std::vector<float> y(x.size()), d(x.size());
      k->unary({row.f, 0}, x.data(), y.data(), d.data(), static_cast<std::int64_t>(x.size()));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double value = row.value(x[i]), slope = row.slope(x[i]);
        // A few float32 roundings; gelu's Phi is an approximation good to 1.5e-7.
        CHECK_NEAR(y[i], value, 6e-7 * std::max(1.0, std::abs(value)));
        CHECK_NEAR(d[i], slope, 6e-7 * std::max(1.0, std::abs(slope)));
      }
    }
}

TEST(distances_and_their_slopes_in_every_instruction_set) {
  for (const TileKernels* k : runnableTileKernels())
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{13, 2, 3}, Shape{7, 70, 33}, Shape{5, 17, 130}}) {
      const auto [rows, cols, count] = shape;
      const auto x = numbers(rows * cols, 1), m = numbers(count * cols, 2), s = numbers(count, 3, 0.5, 2),
                 g = numbers(rows * count, 4), before = numbers(rows * cols, 5);
      std::vector<float> packed(static_cast<std::size_t>(k->packedFloats(cols, count))), out(g.size()), fresh = before,
                                                                                                        added = before;
      k->pack({m.data(), 1, cols}, cols, count, packed.data());
      const Distances d{rows, cols, count, x.data(), m.data(), packed.data(), s.data()};
      k->distances(d, out.data());
      k->distanceSlopes(d, g.data(), fresh.data(), false);
      k->distanceSlopes(d, g.data(), added.data(), true);
      for (std::int64_t r = 0; r < rows; ++r) {
        std::vector<double> slope(static_cast<std::size_t>(cols));
        for (std::int64_t j = 0; j < count; ++j) {
          const double scale = s[static_cast<std::size_t>(j)];
          double sum = 0;
          for (std::int64_t c = 0; c < cols; ++c) {
            const double z = (static_cast<double>(x[static_cast<std::size_t>(r * cols + c)]) -
                              m[static_cast<std::size_t>(j * cols + c)]) *
                             scale;
            sum += z * z;
            slope[static_cast<std::size_t>(c)] += 2 * g[static_cast<std::size_t>(r * count + j)] * z * scale;
          }
          CHECK_NEAR(out[static_cast<std::size_t>(r * count + j)] / std::max(1.0, sum), sum / std::max(1.0, sum), 2e-6);
        }
        for (std::int64_t c = 0; c < cols; ++c) {
          const auto at = static_cast<std::size_t>(r * cols + c);
          // 130 terms of numbers below 16 in float32.
          CHECK_NEAR(fresh[at], slope[static_cast<std::size_t>(c)], 2e-4);
          CHECK_NEAR(added[at], slope[static_cast<std::size_t>(c)] + before[at], 2e-4);
        }
      }
    }
}

TEST(sums_over_rows_in_every_instruction_set) {
  for (const TileKernels* k : runnableTileKernels())
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{37, 33, 2}, Shape{128, 70, 7}, Shape{5, 16, 3}}) {
      const auto [rows, cols, count] = shape;
      const auto s = numbers(rows * count, 1), x = numbers(rows * cols, 2), before = numbers(cols * count, 3);
      auto out = before;
      std::vector<float> ones(static_cast<std::size_t>(cols), 1.0f);
      k->weightedColumns(s.data(), x.data(), out.data(), ones.data(), rows, cols, count);
      double square = 0;
      for (float v : x) square += static_cast<double>(v) * v;
      CHECK_NEAR(k->squares(x.data(), rows * cols) / square, 1.0, 1e-6);  // float32 sums of up to 4,096 numbers
      for (std::int64_t c = 0; c < cols; ++c) {
        double plain = 1;
        for (std::int64_t r = 0; r < rows; ++r) plain += x[static_cast<std::size_t>(r * cols + c)];
        CHECK_NEAR(ones[static_cast<std::size_t>(c)], plain, 2e-5);  // 128 float32 sums of numbers below 128
        for (std::int64_t j = 0; j < count; ++j) {
          double sum = before[static_cast<std::size_t>(c * count + j)];
          for (std::int64_t r = 0; r < rows; ++r)
            sum += static_cast<double>(s[static_cast<std::size_t>(r * count + j)]) *
                   x[static_cast<std::size_t>(r * cols + c)];
          CHECK_NEAR(out[static_cast<std::size_t>(c * count + j)], sum, 2e-5);
        }
      }
    }
}

TEST(second_derivatives_of_activations_in_every_instruction_set) {
  const auto x = numbers(203, 1, -6, 6), t = numbers(203, 2), a = numbers(203, 3), s = numbers(203, 4),
             before = numbers(203, 5);
  const auto bent = [](double v) {  // silu'' by central differences of the exact slope
    return (siluSlope(v + 1e-5) - siluSlope(v - 1e-5)) / 2e-5;
  };
  for (const TileKernels* k : runnableTileKernels())
    for (const bool add : {false, true}) {
      std::vector<float> y(x.size()), slope(x.size()), out = before;
      k->unary({Unary::Silu, 0}, x.data(), y.data(), slope.data(), 203);
      CHECK(k->bend({Unary::Silu, 0}, {x.data(), slope.data(), t.data(), a.data(), s.data(), out.data(), add}, 203));
      CHECK(!k->bend({Unary::Relu, 0}, {x.data(), slope.data(), t.data(), a.data(), s.data(), y.data(), add}, 203));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = siluSlope(x[i]) * s[i] + bent(x[i]) * t[i] * a[i] + (add ? before[i] : 0.0f);
        CHECK_NEAR(out[i], exact, 1e-6);  // a few float32 roundings of numbers below 2
      }
    }
}

TEST(no_activation_hides_a_number_that_is_none) {
  for (const TileKernels* k : runnableTileKernels())
    for (int f = 0; f <= static_cast<int>(Unary::Pow); ++f) {
      std::vector<float> x(19, std::nanf("")), y(19);
      k->unary({static_cast<Unary>(f), 2.0f}, x.data(), y.data(), nullptr, 19);
      for (float v : y) CHECK(std::isnan(v));
    }
}

TEST(normals_are_the_same_bits_in_every_instruction_set) {
  // Across the place where the lower word of a chain's number wraps, for rows of every remainder by four.
  for (std::int64_t cols : {1, 2, 3, 4, 7, 8, 64, 257}) {
    std::vector<float> first;
    for (const TileKernels* k : runnableTileKernels()) {
      std::vector<float> z(static_cast<std::size_t>(131 * cols));
      k->normal(z.data(), 131, cols, 0x123456789ABCDEFull, (1ull << 32) - 50, 1ull << 33, 2);
      if (first.empty()) first = z;
      CHECK(z == first);
    }
    // A row's numbers do not depend on where the call begins.
    std::vector<float> late(static_cast<std::size_t>(cols));
    tileKernels().normal(late.data(), 1, cols, 0x123456789ABCDEFull, (1ull << 32) + 3, 1ull << 33, 2);
    for (std::int64_t c = 0; c < cols; ++c)
      CHECK(late[static_cast<std::size_t>(c)] == first[static_cast<std::size_t>(53 * cols + c)]);
  }
}

TEST(an_instruction_set_is_taken_by_name_or_refused) {
  const auto& all = runnableTileKernels();
  CHECK(&chooseTileKernels("", all) == all.back());
  for (const TileKernels* k : all) CHECK(&chooseTileKernels(k->name, all) == k);
  const std::vector<const TileKernels*> lowest{all.front()};  // a processor that has nothing better
  const auto refusal = [&](const std::string& wish) {
    try {
      chooseTileKernels(wish, lowest);
    } catch (const langevin::Error& error) {
      return std::string(codeName(error.code)) + " " + error.what();
    }
    return std::string();
  };
  CHECK(refusal("avx512").rfind("ERR_LANGEVIN_UNSUPPORTED LANGEVIN_ISA=avx512: ", 0) == 0);
  CHECK(refusal("avx512").find("use one of default, or unset") != std::string::npos);
  CHECK(refusal("sse9").rfind("ERR_LANGEVIN_INVALID_OPTION LANGEVIN_ISA: unknown instruction set 'sse9'", 0) == 0);
  CHECK(refusal("sse9").find("default, avx2, avx512, avx512_bf16") != std::string::npos);
}

}  // namespace langevin::tile_kernels_test
