// Programs without products as loops over a few rows (executors/cpu/loop_program.hpp): against plain ATen in float64, in
// rows that lie as they are and in rows that are turned, and every loop in every instruction set against long double.
#include <cmath>

#include "energies/energy.hpp"
#include "energies/registry.hpp"
#include "executors/cpu/loop_program.hpp"
#include "kernel_numbers.hpp"
#include "program/builder.hpp"
#include "program/plain.hpp"
#include "tensors/random.hpp"

namespace langevin::loop_program_test {

using namespace langevin::test;

namespace {

// Every operation there is a loop for, over d columns.
Program everything(std::int64_t d) {
  Builder b("expression");
  const int x = b.input(d);
  const int c = b.constant(Random(3).normal(1, d, 0, Stream::User, at::kDouble).squeeze(0));
  const int p = b.parameterValue("p", Random(4).normal(1, d, 0, Stream::User, at::kDouble).squeeze(0), true);
  const int s = b.sum(x);
  const int u = b.mul(b.sub(x, c), b.apply("exp", {b.scale(p, 0.1)}));
  const int v = b.apply("div", {b.affine(u, 0.5, -0.25), b.affine(b.square(s), 0.1, 2.0)});
  const int w = b.apply("where", {b.apply("gt", {x, c}), b.apply("sin", {v}), b.apply("cos", {u})});
  const int m = b.apply("minimum", {b.apply("maximum", {w, b.apply("tanh", {u})}), s});
  const int soft = b.mul(b.apply("logSoftmax", {u}), c);
  const int log = b.apply("log", {b.affine(b.square(x), 1.0, 1.0)});
  const int root = b.apply("sqrt", {b.affine(b.square(v), 1.0, 0.5)});
  const int parts = b.concat({b.slice(x, d / 2, d - d / 2), m, b.slice(u, 0, 1)});
  const int far = b.apply("columns", {u}, 3, {}, {d - 1, 0, d / 2});
  int e = b.add(b.apply("logsumexp", {parts}, 1), b.apply("mean", {b.apply("softplus", {u})}, 1));
  e = b.add(e, b.add(b.sum(soft), b.apply("norm", {u}, 1)));
  e = b.add(e, b.apply("neg", {b.sum(b.add(log, b.mul(root, x)))}, 1));
  e = b.add(e, b.sum(b.mul(b.apply("abs", {far}), b.apply("le", {far, s}))));
  for (const int t : {b.apply("ge", {x, c}), b.apply("lt", {v, u})}) e = b.add(e, b.sum(b.mul(t, b.square(x))));
  b.setEnergy(b.sub(e, b.scale(b.apply("mean", {b.square(b.affine(x, 2.0, 1.0))}, 1), 0.25)));
  return b.finish();
}

// A mixture of k components whose precisions have a few diagonals, and a walk.
Program bandedMixture(std::int64_t k, std::int64_t d) {
  List means, precisions;
  for (std::int64_t i = 0; i < k; ++i) {
    List mean, matrix;
    for (std::int64_t r = 0; r < d; ++r) {
      List row;
      for (std::int64_t c = 0; c < d; ++c)
        row.emplace_back(r == c ? 2.0 + 0.1 * static_cast<double>(i) : std::abs(r - c) == 1 ? 0.5 : 0.0);
      matrix.emplace_back(std::move(row));
      mean.emplace_back(std::sin(static_cast<double>(1 + i + 7 * r)) / static_cast<double>(d));
    }
    means.emplace_back(std::move(mean));
    precisions.emplace_back(std::move(matrix));
  }
  const Value spec{Map{{"kind", "gaussianMixture"}, {"means", means}, {"precisions", precisions}}};
  return lower(Spec(spec, "energy"));
}

Program kind(const char* name, std::int64_t d) {
  const Value spec{Map{{"kind", name}, {"input", static_cast<double>(d)}}};
  return lower(Spec(spec, "energy"));
}

// The largest difference, of the largest number wanted.
double apartFrom(const at::Tensor& got, const at::Tensor& want) {
  return (got.to(at::kDouble) - want).abs().max().item<double>() / std::max(1.0, want.abs().max().item<double>());
}

template <class T>
void compare(const Program& program, std::int64_t n) {
  constexpr auto type = c10::CppTypeToScalarType<T>::value;
  constexpr double bound = std::is_same_v<T, float> ? 1e-5 : 1e-12;
  Energy energy(program, type, at::kCPU, 5);
  CHECK(LoopProgramOf<T>::compile(plain(energy.program())) != nullptr);
  Batch rows{Random(6).normal(n, energy.inputWidth(), 0, Stream::User, type), {}};
  Batch exact{rows.x.to(at::kDouble, false, true).requires_grad_(true), {}};
  std::vector<at::Tensor> leaves, constants;
  for (const at::Tensor& t : energy.parameters().tensors()) leaves.push_back(t.detach().to(at::kDouble));
  for (const at::Tensor& c : energy.program().constants) constants.push_back(c.to(at::kDouble));
  const at::Tensor e = evaluate(energy.program(), leaves, constants, exact, {}).energy;
  const at::Tensor g = torch::autograd::grad({e.sum()}, {exact.x})[0];
  const EnergyAndGradient got = energy.energyAndGradient(rows);
  CHECK_NEAR(apartFrom(got.energy, e.detach()), 0.0, bound);
  CHECK_NEAR(apartFrom(got.gradient, g), 0.0, bound);
  // Energies alone are the same bits, and so is a row wherever it lies.
  CHECK(energy.energyOf(rows).equal(got.energy));
  for (const std::int64_t row : {std::int64_t{0}, n / 2, n - 1}) {
    const EnergyAndGradient one = energy.energyAndGradient({rows.x.slice(0, row, row + 1).contiguous(), {}});
    CHECK(one.energy.equal(got.energy.slice(0, row, row + 1)));
    CHECK(one.gradient.equal(got.gradient.slice(0, row, row + 1)));
  }
}

void compareBoth(const Program& program, std::int64_t n) {
  compare<float>(program, n);
  compare<double>(program, n);
}

}  // namespace

TEST(every_operation_in_rows_of_every_width) {
  for (const std::int64_t d : {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 130})
    for (const std::int64_t n : {1, 5, 16, 100, 700}) compareBoth(everything(d), n);
}

TEST(formulas_of_the_package) {
  for (const char* name : {"doubleWell", "rosenbrock", "rastrigin", "ackley", "funnel"})
    for (const std::int64_t d : {2, 3, 4, 8, 31, 200})
      for (const std::int64_t n : {1, 37, 600}) compareBoth(kind(name, d), n);
}

TEST(mixtures_of_precisions_with_a_few_diagonals) {
  for (const std::int64_t d : {2, 5, 40, 100})
    for (const std::int64_t n : {1, 50}) compareBoth(bandedMixture(4, d), n);
}

TEST(gradients_that_are_one_number_or_nothing) {
  for (const std::int64_t d : {2, 20}) {
    Builder b("expression");
    const int x = b.input(d);
    b.setEnergy(b.scale(b.sum(x), 3.0));
    compareBoth(b.finish(), 50);
    Builder c("expression");
    const int y = c.input(d);
    c.setEnergy(c.add(c.slice(y, 1, 1), c.sum(c.apply("gt", {y, c.constant(at::zeros({d}, at::kDouble))}))));
    compareBoth(c.finish(), 50);
  }
}

// Products of a hundred centres: those that cancel are differences, within the tolerance of all others.
TEST(distances_that_are_products_and_those_that_would_cancel) {
  for (const double apart : {0.0, 1.0, 1000.0}) {
    List means;
    for (std::int64_t k = 0; k < 12; ++k) {
      List mean;
      for (std::int64_t j = 0; j < 20; ++j)
        mean.emplace_back(std::sin(static_cast<double>(1 + k + 7 * j)) + (k % 2 ? apart : -apart));
      means.emplace_back(std::move(mean));
    }
    const Value spec{Map{{"kind", "gaussianMixture"}, {"means", means}, {"sigmas", 0.5}}};
    const Program program = lower(Spec(spec, "energy"));
    Energy energy(program, at::kFloat, at::kCPU, 5);
    Batch rows{Random(6).normal(60, 20, 0, Stream::User, at::kFloat).mul_(0.5), {}};
    for (std::int64_t r = 0; r < 60; ++r) rows.x[r].add_(r % 3 == 0 ? apart : r % 3 == 1 ? -apart : 0.25 * apart);
    Batch exact{rows.x.to(at::kDouble, false, true).requires_grad_(true), {}};
    std::vector<at::Tensor> constants;
    for (const at::Tensor& c : energy.program().constants) constants.push_back(c.to(at::kFloat).to(at::kDouble));
    const at::Tensor e = evaluate(energy.program(), {}, constants, exact, {}).energy;
    const at::Tensor g = torch::autograd::grad({e.sum()}, {exact.x})[0];
    const EnergyAndGradient got = energy.energyAndGradient(rows);
    // Of each row: near a component a thousand away from the others its numbers are small.
    CHECK_NEAR(((got.energy.to(at::kDouble) - e).abs() / (1 + e.abs())).max().item<double>(), 0, 1e-5);
    const at::Tensor size = 1 + g.abs().amax(1, true);
    CHECK_NEAR(((got.gradient.to(at::kDouble) - g) / size).abs().max().item<double>(), 0, 2e-5);
  }
}

// ---- The loops by themselves

namespace {

struct Shape {
  LoopOrder order;
  std::int64_t rows, width;
};
constexpr Shape kLoops[] = {{LoopOrder::Rows, 1, 1},     {LoopOrder::Rows, 3, 17},   {LoopOrder::Rows, 5, 64},
                            {LoopOrder::Columns, 33, 1}, {LoopOrder::Columns, 7, 3}, {LoopOrder::Columns, 48, 5}};

struct Case {
  LoopCode code;
  Wide (*right)(Wide a, Wide b, Wide c, Wide s, Wide t);
};
#define LANGEVIN_RIGHT(expression)                                    \
  [](Wide a, Wide b, Wide c, Wide s, Wide t) -> Wide {                \
    return (void)a, (void)b, (void)c, (void)s, (void)t, (expression); \
  }
const Case kCases[] = {
    {LoopCode::Affine, LANGEVIN_RIGHT(s* a + t)},
    {LoopCode::Add, LANGEVIN_RIGHT(s* a + t * b)},
    {LoopCode::Product, LANGEVIN_RIGHT(s* a* b + t)},
    {LoopCode::ProductAdd, LANGEVIN_RIGHT(s* a* b + t * c)},
    {LoopCode::Quotient, LANGEVIN_RIGHT(s* a / b)},
    {LoopCode::SafeQuotient, LANGEVIN_RIGHT(s* a / b)},
    {LoopCode::Maximum, LANGEVIN_RIGHT(std::max(a, b))},
    {LoopCode::Minimum, LANGEVIN_RIGHT(std::min(a, b))},
    {LoopCode::MaximumShare, LANGEVIN_RIGHT(a == b  ? 0.5L
                                            : a > b ? 1
                                                    : 0)},
    {LoopCode::MinimumShare, LANGEVIN_RIGHT(a == b  ? 0.5L
                                            : a < b ? 1
                                                    : 0)},
    {LoopCode::Greater, LANGEVIN_RIGHT(a > b)},
    {LoopCode::GreaterEqual, LANGEVIN_RIGHT(a >= b)},
    {LoopCode::Less, LANGEVIN_RIGHT(a < b)},
    {LoopCode::LessEqual, LANGEVIN_RIGHT(a <= b)},
    {LoopCode::Where, LANGEVIN_RIGHT(a != 0 ? b : c)},
};
#undef LANGEVIN_RIGHT

}  // namespace

// Each view by itself: a number for each, one for the inner loop, or the same ones in every pass.
TEST_BOTH(loops_number_by_number) {
  for (const auto* k : runnableKernelsOf<T>())
    for (const Shape& shape : kLoops)
      for (const Case& of : kCases)
        for (int kinds = 0; kinds < 27; ++kinds) {
          const std::int64_t m = shape.order == LoopOrder::Rows ? shape.rows : shape.width,
                             n = shape.order == LoopOrder::Rows ? shape.width : shape.rows;
          const std::int64_t stride = n + kinds % 2;  // rows that do not follow each other, too
          std::vector<std::vector<T>> given;
          LoopStepOf<T> step;
          step.code = of.code;
          step.order = shape.order;
          step.width = shape.width;
          step.s = T(1.5);
          step.t = T(-0.25);
          LoopView* views[] = {&step.a, &step.b, &step.c};
          int rest = kinds;
          for (int i = 0; i < 3; ++i, rest /= 3) {
            const int form = rest % 3;
            *views[i] = {i, form == 1, 0, form == 0 ? stride : form == 1 ? 1 : 0};
            // As long as they are read, for a tool that sees what goes beyond.
            const std::int64_t count = form == 0 ? (m - 1) * stride + n : form == 1 ? m : n;
            given.push_back(numbers<T>(count, static_cast<std::uint64_t>(10 + i), 0.5, 2));
          }
          given[1][0] = given[0][0];
          step.y = {3, false, 0, n};
          given.emplace_back(at(m * n));
          T* regions[] = {given[0].data(), given[1].data(), given[2].data(), given[3].data()};
          k->loops(&step, 1, {regions, nullptr, shape.rows});
          const auto read = [&](int i, std::int64_t o, std::int64_t j) -> Wide {
            const LoopView& v = *views[i];
            return given[at(i)][at(o * v.stride + (v.single ? 0 : j))];
          };
          for (std::int64_t o = 0; o < m; ++o)
            for (std::int64_t j = 0; j < n; ++j) {
              const Wide right = of.right(read(0, o, j), read(1, o, j), read(2, o, j), step.s, step.t);
              CHECK_NEAR(static_cast<double>(given[3][at(o * n + j)] - right), 0,
                         1e-6 * kUnits<T>);  // of numbers up to 7
            }
        }
}

TEST_BOTH(loops_over_the_numbers_of_a_row) {
  for (const auto* k : runnableKernelsOf<T>())
    for (const Shape& shape : kLoops)
      for (const LoopCode code : {LoopCode::Sum, LoopCode::Dot, LoopCode::LogSum}) {
        const bool rows = shape.order == LoopOrder::Rows;
        const std::int64_t stride = rows ? shape.width : shape.rows;
        auto a = numbers<T>(shape.rows * shape.width, 1), b = numbers<T>(shape.rows * shape.width, 2);
        std::vector<T> y(at(shape.rows)), z(a.size());
        LoopStepOf<T> step;
        step.code = code;
        step.order = shape.order;
        step.width = shape.width;
        step.s = code == LoopCode::LogSum ? T(1) : T(2);
        step.t = code == LoopCode::LogSum ? T(0) : T(0.5);
        step.a = {0, false, 0, stride};
        step.b = {1, false, 0, stride};
        step.y = {2, false, 0, 1};
        if (code == LoopCode::LogSum) step.z = {3, false, 0, stride};
        T* regions[] = {a.data(), b.data(), y.data(), z.data()};
        k->loops(&step, 1, {regions, nullptr, shape.rows});
        for (std::int64_t r = 0; r < shape.rows; ++r) {
          const auto index = [&](std::int64_t c) { return at(rows ? r * shape.width + c : c * shape.rows + r); };
          Wide sum = 0;
          for (std::int64_t c = 0; c < shape.width; ++c) {
            const Wide v = a[index(c)];
            sum += code == LoopCode::Sum ? v : code == LoopCode::Dot ? v * b[index(c)] : std::exp(v);
          }
          const Wide right = code == LoopCode::LogSum ? std::log(sum) : 2 * sum + 0.5L;
          CHECK_NEAR(static_cast<double>(y[at(r)] - right), 0, 1e-5 * kUnits<T>);
          for (std::int64_t c = 0; code == LoopCode::LogSum && c < shape.width; ++c)
            CHECK_NEAR(static_cast<double>(z[index(c)] - std::exp(Wide{a[index(c)]} - right)), 0, 1e-6 * kUnits<T>);
        }
      }
}

TEST_BOTH(rows_turned_and_turned_back_are_what_they_were) {
  for (const auto* k : runnableKernelsOf<T>())
    for (std::int64_t d = 1; d < kNarrowRow; ++d)
      for (const std::int64_t n : {1, 7, 16, 33, 64}) {
        auto x = numbers<T>(n * d, 1);
        std::vector<T> columns(at(n * d)), back(at(n * d));
        LoopStepOf<T> steps[2];
        steps[0].code = LoopCode::Turn;
        steps[1].code = LoopCode::TurnBack;
        for (auto& s : steps) s.width = d;
        steps[0].a = {0, false, 0, d};
        steps[0].y = steps[1].a = {1, false, 0, n};
        steps[1].y = {2, false, 0, d};
        T* regions[] = {x.data(), columns.data(), back.data()};
        k->loops(steps, 2, {regions, nullptr, n});
        for (std::int64_t r = 0; r < n; ++r)
          for (std::int64_t c = 0; c < d; ++c) CHECK(columns[at(c * n + r)] == x[at(r * d + c)]);
        CHECK(back == x);
      }
}

}  // namespace langevin::loop_program_test
