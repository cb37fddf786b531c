// Loops over arrays and rows in every instruction set this processor runs against long double, in float32 and in float64:
// elementwise arithmetic, dot and outer products, updates, log of a sum of exponentials, softmax, layer normalisation.
#include <cmath>

#include "kernel_numbers.hpp"

namespace langevin::tile_rows_test {
namespace {

using test::at, test::kUnits, test::numbers, test::Wide;

struct Shape {
  std::int64_t rows, cols;
};
// One row, one column, and every kind of rest behind whole vectors of 2 to 16 numbers.
constexpr Shape kShapes[] = {{1, 1}, {1, 2}, {3, 1}, {17, 3}, {5, 8}, {33, 10}, {7, 31}, {2, 64}, {19, 67}, {3, 130}};

// Every number within `tolerance` times the size of the largest it is made of.
template <class T, class Want>
void compare(const char* what, const char* name, const std::vector<T>& got, Want want, double tolerance) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Wide right = want(static_cast<std::int64_t>(i));
    if (std::abs(got[i] - right) <= tolerance * kUnits<T> * std::max(Wide{1}, std::abs(right))) continue;
    std::ostringstream text;
    text.precision(18);
    text << name << ": number " << i << " of " << what << " is " << got[i] << ", not " << right;
    test::fail(__FILE__, __LINE__, text.str());
  }
}

Wide logSumExp(const auto* x, std::int64_t n) {
  Wide sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(Wide{x[i]});
  return std::log(sum);
}

}  // namespace

TEST_BOTH(elementwise_arithmetic) {
  for (const std::int64_t n : {1, 2, 3, 7, 8, 15, 16, 17, 33, 200}) {
    const auto a = numbers<T>(n, 1), b = numbers<T>(n, 2, 0.5, 2), before = numbers<T>(n, 3);
    for (const auto* k : runnableKernelsOf<T>()) {
      std::vector<T> out(at(n));
      const auto check = [&](const char* what, auto want) { compare(what, k->name, out, want, 3e-7); };
      k->mul(a.data(), b.data(), out.data(), n);
      check("mul", [&](std::int64_t i) { return Wide{a[at(i)]} * b[at(i)]; });
      k->div(a.data(), b.data(), out.data(), n);
      check("div", [&](std::int64_t i) { return Wide{a[at(i)]} / b[at(i)]; });
      k->scale(T{3}, T{-2}, a.data(), out.data(), n);
      check("scale", [&](std::int64_t i) { return Wide{3} * a[at(i)] - 2; });
      out = before;
      k->mulAdd(a.data(), b.data(), out.data(), n);
      check("mulAdd", [&](std::int64_t i) { return before[at(i)] + Wide{a[at(i)]} * b[at(i)]; });
      out = before;
      k->axpy(T{3}, a.data(), out.data(), n);
      check("axpy", [&](std::int64_t i) { return before[at(i)] + Wide{3} * a[at(i)]; });
      out = before;
      k->langevin(out.data(), a.data(), b.data(), T{0.25}, T{0.5}, n);
      check("langevin", [&](std::int64_t i) { return before[at(i)] - Wide{a[at(i)]} / 4 + Wide{b[at(i)]} / 2; });
    }
  }
}

TEST_BOTH(rows_with_numbers_of_their_own) {
  for (const auto& [rows, cols] : kShapes) {
    const auto a = numbers<T>(rows * cols, 1), b = numbers<T>(rows * cols, 2), before = numbers<T>(rows * cols, 3);
    const auto s = numbers<T>(rows, 4), row = numbers<T>(cols, 5), sums = numbers<T>(rows, 6);
    const auto dot = [&](std::int64_t r, const auto& x, const auto& y) {
      Wide sum = 0;
      for (std::int64_t i = r * cols; i < (r + 1) * cols; ++i) sum += Wide{x[at(i)]} * y[at(i)];
      return sum;
    };
    const std::vector<T> ones(at(rows * cols), T{1});
    const double ofSums = 3e-7 * std::sqrt(static_cast<double>(cols));
    for (const auto* k : runnableKernelsOf<T>())
      for (const bool add : {false, true}) {
        std::vector<T> out = sums, wide = before;
        k->rowDots(a.data(), b.data(), out.data(), rows, cols, add);
        compare(
            "rowDots", k->name, out, [&](std::int64_t r) { return (add ? Wide{sums[at(r)]} : 0) + dot(r, a, b); },
            ofSums);
        k->rowSums(a.data(), out.data(), rows, cols);
        compare(
            "rowSums", k->name, out, [&](std::int64_t r) { return dot(r, a, ones); }, ofSums);
        k->scaleRows(T{-2}, s.data(), a.data(), wide.data(), rows, cols, add);
        const auto scaled = [&](const auto& x, std::int64_t i) {
          return (add ? Wide{before[at(i)]} : 0) - 2 * Wide{s[at(i / cols)]} * x[at(i)];
        };
        compare(
            "scaleRows", k->name, wide, [&](std::int64_t i) { return scaled(a, i); }, 3e-7);
        wide = before;
        k->scaleRows(T{-2}, s.data(), nullptr, wide.data(), rows, cols, add);
        compare(
            "scaleRows of ones", k->name, wide, [&](std::int64_t i) { return scaled(ones, i); }, 3e-7);
        k->subtractRow(a.data(), row.data(), wide.data(), rows, cols);
        compare(
            "subtractRow", k->name, wide, [&](std::int64_t i) { return Wide{a[at(i)]} - row[at(i % cols)]; }, 3e-7);
      }
  }
}

TEST_BOTH(a_step_of_adam) {
  constexpr std::int64_t n = 21;
  const auto g = numbers<T>(n, 1), m0 = numbers<T>(n, 2), v0 = numbers<T>(n, 3, 0.5, 1), p0 = numbers<T>(n, 4);
  const AdamStepOf<T> step{T(0.9), T(0.99), T(1e-3), T(0.1), T(1.5)};
  for (const auto* k : runnableKernelsOf<T>()) {
    auto m = m0, v = v0, p = p0;
    k->adam(step, g.data(), m.data(), v.data(), p.data(), n);
    const auto mean = [&](std::int64_t i) { return m0[at(i)] + (1 - Wide{step.beta1}) * (g[at(i)] - Wide{m0[at(i)]}); };
    const auto square = [&](std::int64_t i) {
      return Wide{step.beta2} * v0[at(i)] + (1 - Wide{step.beta2}) * g[at(i)] * g[at(i)];
    };
    compare("m", k->name, m, mean, 3e-7);
    compare("v", k->name, v, square, 3e-7);
    compare(
        "p", k->name, p,
        [&](std::int64_t i) {
          return p0[at(i)] - step.rate * mean(i) / (std::sqrt(square(i)) * step.inverseRoot + step.epsilon);
        },
        3e-7);
  }
}

TEST_BOTH(dot_and_outer_products_of_rows) {
  for (const auto& [rows, cols] : kShapes)
    for (const auto* k : runnableKernelsOf<T>()) {
      const auto x = numbers<T>(rows * cols, 1), w = numbers<T>(7 * cols, 2), s = numbers<T>(rows, 3),
                 before = numbers<T>(rows * cols, 4);
      const auto dot = [&, c = cols](std::int64_t r, std::int64_t j) {
        Wide sum = 0;
        for (std::int64_t i = 0; i < c; ++i) sum += Wide{x[at(r * c + i)]} * w[at(j * c + i)];
        return sum;
      };
      std::vector<T> out(at(rows));
      k->dotRows(x.data(), w.data(), T{2}, out.data(), rows, cols);
      // 130 products of numbers below 1.
      compare(
          "dotRows", k->name, out, [&](std::int64_t r) { return 2 + dot(r, 0); }, 1e-5);
      for (std::int64_t count = 1; count <= 7; ++count) {
        out.assign(at(rows * count), T{0});
        k->dotColumns(x.data(), w.data(), out.data(), rows, cols, count);
        compare(
            "dotColumns", k->name, out, [&](std::int64_t i) { return dot(i / count, i % count); }, 1e-5);
      }
      const auto product = [&, c = cols](std::int64_t i) { return Wide{s[at(i / c)]} * w[at(i % c)]; };
      out = before;
      k->outer(s.data(), w.data(), out.data(), rows, cols, false);
      compare("outer", k->name, out, product, 3e-7);
      out = before;
      k->outer(s.data(), w.data(), out.data(), rows, cols, true);
      compare(
          "outer, added", k->name, out, [&](std::int64_t i) { return before[at(i)] + product(i); }, 3e-7);
      k->outerTimes(s.data(), w.data(), x.data(), out.data(), rows, cols);
      compare(
          "outerTimes", k->name, out, [&](std::int64_t i) { return product(i) * x[at(i)]; }, 3e-7);
      for (const bool weighted : {false, true}) {
        out.assign(at(cols), T{1});
        k->weightedSum(weighted ? s.data() : nullptr, x.data(), out.data(), rows, cols);
        compare(
            "weightedSum", k->name, out,
            [&, n = rows, c = cols](std::int64_t i) {
              Wide sum = 1;
              for (std::int64_t r = 0; r < n; ++r) sum += (weighted ? Wide{s[at(r)]} : 1) * x[at(r * c + i)];
              return sum;
            },
            1e-5);
      }
    }
}

TEST_BOTH(sums_of_exponentials_and_softmax) {
  for (const auto& [rows, cols] : kShapes)
    for (const auto* k : runnableKernelsOf<T>()) {
      const auto n = rows * cols, c = cols;
      const auto x = numbers<T>(n, 1, -20, 20), g = numbers<T>(rows, 2), h = numbers<T>(n, 3),
                 before = numbers<T>(n, 4);
      std::vector<T> y(at(rows)), soft(at(n)), out = before;
      const auto level = [&](std::int64_t r) { return logSumExp(x.data() + r * c, c); };
      k->logSumExp(x.data(), y.data(), rows, cols);
      compare("logSumExp", k->name, y, level, 1e-6);
      k->logSumExpSlopes(x.data(), y.data(), g.data(), out.data(), rows, cols);
      // Exponents of numbers up to 20 carry their rounding.
      compare(
          "logSumExpSlopes", k->name, out,
          [&](std::int64_t i) { return before[at(i)] + g[at(i / c)] * std::exp(x[at(i)] - level(i / c)); }, 5e-6);
      k->logSoftmax(x.data(), soft.data(), rows, cols);
      compare(
          "logSoftmax", k->name, soft, [&](std::int64_t i) { return x[at(i)] - level(i / c); }, 5e-6);
      out = before;
      k->logSoftmaxSlopes(soft.data(), h.data(), out.data(), rows, cols);
      compare(
          "logSoftmaxSlopes", k->name, out,
          [&](std::int64_t i) {
            Wide sum = 0;
            for (std::int64_t j = i / c * c; j < i / c * c + c; ++j) sum += h[at(j)];
            return before[at(i)] + h[at(i)] - std::exp(x[at(i)] - level(i / c)) * sum;
          },
          5e-5);
    }
}

TEST_BOTH(rows_of_huge_numbers_infinities_and_none) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity(), kNone = std::numeric_limits<T>::quiet_NaN();
  const T most = std::numeric_limits<T>::max();
  // Each five numbers: the answer beside them.
  const std::vector<std::pair<std::vector<T>, T>> cases = {
      {{most, 0, -most, 1, 2}, most},
      {{-most, -most / 2, -most, -most, -most}, -most / 2},
      {{1000, -1000, 0, 0, 0}, 1000},
      {{-kInfinity, 3, -kInfinity, -kInfinity, -kInfinity}, 3},
      {{-kInfinity, -kInfinity, -kInfinity, -kInfinity, -kInfinity}, -kInfinity},
      {{1, kInfinity, 2, -kInfinity, 0}, kInfinity},
      {{1, 2, kNone, 3, 4}, kNone},
      {{kNone, kInfinity, -kInfinity, 3, 4}, kNone}};
  for (const auto* k : runnableKernelsOf<T>())
    for (const auto& [x, want] : cases) {
      T y = 0;
      k->logSumExp(x.data(), &y, 1, 5);
      CHECK(std::isnan(want) ? std::isnan(y) : y == want);
    }
}

TEST_BOTH(layer_normalisation) {
  for (const double centre : {0.0, 100.0})
    for (const auto& [rows, cols] : kShapes)
      for (const bool affine : {false, true})
        for (const auto* k : runnableKernelsOf<T>()) {
          const auto n = rows * cols, c = cols, count = rows;
          const auto x = numbers<T>(n, 1, centre - 1, centre + 1), gain = numbers<T>(c, 2), shift = numbers<T>(c, 3),
                     g = numbers<T>(n, 4), before = numbers<T>(n, 5);
          LayerNormOf<T> norm{count, c, 1e-2, x.data()};
          if (affine) norm.gain = gain.data(), norm.shift = shift.data();
          std::vector<T> y(at(n)), kept(at(2 * count)), dx = before, dGain(at(c), T{1}), dShift(at(c), T{2});
          k->layerNorm(norm, y.data(), kept.data());
          k->layerNormSlopes(norm, kept.data(), g.data(), {dx.data(), dGain.data(), dShift.data()});
          std::vector<Wide> z(at(n)), inverse(at(count)), mean(at(count)), sum(at(count)), along(at(count));
          const auto weighted = [&](std::int64_t i) {
            return affine ? Wide{g[at(i)]} * gain[at(i % c)] : Wide{g[at(i)]};
          };
          for (std::int64_t r = 0; r < count; ++r) {
            Wide square = 0;
            for (std::int64_t i = r * c; i < (r + 1) * c; ++i) mean[at(r)] += Wide{x[at(i)]} / c;
            for (std::int64_t i = r * c; i < (r + 1) * c; ++i) square += std::pow(x[at(i)] - mean[at(r)], 2) / c;
            inverse[at(r)] = 1 / std::sqrt(square + norm.epsilon);
            for (std::int64_t i = r * c; i < (r + 1) * c; ++i) {
              z[at(i)] = (x[at(i)] - mean[at(r)]) * inverse[at(r)];
              sum[at(r)] += weighted(i) / c;
              along[at(r)] += weighted(i) * z[at(i)] / c;
            }
          }
          // A mean of 100 is rounded to 4e-6, which 1 / sqrt(variance + 0.01) makes 10 times as much.
          const double tolerance = centre == 0 ? 2e-5 : 2e-4;
          compare(
              "layerNorm", k->name, y,
              [&](std::int64_t i) { return affine ? z[at(i)] * gain[at(i % c)] + shift[at(i % c)] : z[at(i)]; },
              tolerance);
          compare(
              "kept", k->name, kept, [&](std::int64_t i) { return i % 2 ? inverse[at(i / 2)] : mean[at(i / 2)]; },
              1e-5);
          compare(
              "slope of x", k->name, dx,
              [&](std::int64_t i) {
                const auto r = at(i / c);
                return before[at(i)] + inverse[r] * (weighted(i) - sum[r] - z[at(i)] * along[r]);
              },
              tolerance * 10);
          compare(
              "slope of gain", k->name, dGain,
              [&](std::int64_t j) {
                Wide total = 1;
                for (std::int64_t i = j; i < n; i += c) total += g[at(i)] * z[at(i)];
                return total;
              },
              tolerance * 10);
          compare(
              "slope of shift", k->name, dShift,
              [&](std::int64_t j) {
                Wide total = 2;
                for (std::int64_t i = j; i < n; i += c) total += g[at(i)];
                return total;
              },
              1e-5);
        }
}

TEST_BOTH(what_nobody_wants_of_a_normalisation_is_not_touched) {
  const auto x = numbers<T>(15, 1), g = numbers<T>(15, 2);
  for (const auto* k : runnableKernelsOf<T>()) {
    const LayerNormOf<T> norm{3, 5, 1e-5, x.data()};
    std::vector<T> y(15), kept(6), dx(15), only(15);
    k->layerNorm(norm, y.data(), kept.data());
    std::vector<T> dGain(5), dShift(5);
    k->layerNormSlopes(norm, kept.data(), g.data(), {dx.data(), dGain.data(), dShift.data()});
    k->layerNormSlopes(norm, kept.data(), g.data(), {only.data(), nullptr, nullptr});
    CHECK(dx == only);
  }
}

TEST(a_wrong_number_would_be_seen) {
  const std::vector<double> right{1, 2, 3};
  const auto want = [](std::int64_t i) { return Wide(i + 1); };
  compare("right", "control", right, want, 3e-7);
  const auto refused = [&](double first) {
    try {
      compare("wrong", "control", std::vector<double>{first, 2, 3}, want, 3e-7);
    } catch (const test::Failure&) {
      return true;
    }
    return false;
  };
  CHECK(refused(1 + 1e-7));  // as near as float32 comes
  CHECK(refused(NAN) && refused(INFINITY));
}

}  // namespace langevin::tile_rows_test
