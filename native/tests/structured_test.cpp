// Structured losses on a fixed table of energies against numbers from closed forms.
#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "objectives/structured_losses.hpp"
#include "training_support.hpp"

namespace langevin::test::structured_test {
namespace {

// Five rows, four answers at 0, 0.25, 0.5 and 0.75. Row 0 puts hinge exactly on its kink (1 + 0.5 - 1.5) when the ball
// has radius 0.25; row 1 has two most offending answers outside that ball and a lower one inside; row 2 three that tie,
// at the margin of squareSquare; row 4 an offending answer that ties with the right one.
constexpr double kEnergies[5][4] = {
    {0.5, 1.25, 2, 1.5}, {1.5, 0.25, 0.75, 0.75}, {1, 2, 1, 1}, {0.5, 0.5, 3, 0.5}, {0.25, 1.5, 2.25, 0.25}};
constexpr int kRight[5] = {0, 0, 1, 2, 3};

struct Expected {
  const char* loss;
  double epsilon;
  double value[5];
  double gradient[5][4];
};

// margin 1, beta 1.5, gamma 0.5, delta 2, cap 2. Most are plain fractions (2.3125 = 1.5^2 + (1 - 0.75)^2); the others
// come from scripts/reference/structured.py, closed forms in 40-digit decimal arithmetic.
constexpr Expected kExpected[] = {
    {"energy", 0, {0.5, 1.5, 2, 3, 0.25}, {{1, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}},
    {"perceptron",
     0,
     {0, 1.25, 1, 2.5, 0},
     {{0, 0, 0, 0},
      {1, -1, 0, 0},
      {-0.3333333333333333, 1, -0.3333333333333333, -0.3333333333333333},
      {-0.3333333333333333, -0.3333333333333333, 1, -0.3333333333333333},
      {-0.5, 0, 0, 0.5}}},
    {"nll",
     0,
     {0.335134550759016, 1.7440176588509948, 1.78023532453242, 3.2376139800153254, 0.526589692855847},
     {{0.3951058688742019, -0.1963803721605755, -0.0637553723626818, -0.13497012435094463},
      {0.926907278646866, -0.4766244149564775, -0.22514143184519422, -0.22514143184519422},
      {-0.310257405166023, 0.930772215498069, -0.310257405166023, -0.310257405166023},
      {-0.3307405757318891, -0.3307405757318891, 0.9922217271956673, -0.3307405757318891},
      {-0.4538971995527352, -0.06960738998841559, -0.02259821090611401, 0.5461028004472648}}},
    {"mee",
     0,
     {0.3951058688742019, 0.926907278646866, 0.930772215498069, 0.9922217271956673, 0.5461028004472648},
     {{0.35849583188304585, -0.17818400188234826, -0.057847875854889194, -0.12246395414580837},
      {0.10162526315749071, -0.05225666332877151, -0.0246842999143596, -0.0246842999143596},
      {-0.032217649177442596, 0.0966529475323278, -0.032217649177442596, -0.032217649177442596},
      {-0.00385888563825704, -0.00385888563825704, 0.01157665691477112, -0.00385888563825704},
      {-0.30903400164272327, -0.0473918990758754, -0.015385896967780843, 0.3718117976863795}}},
    {"hinge",
     0,
     {0.25, 2.25, 2, 3.5, 1},
     {{1, -1, 0, 0},
      {1, -1, 0, 0},
      {-0.3333333333333333, 1, -0.3333333333333333, -0.3333333333333333},
      {-0.3333333333333333, -0.3333333333333333, 1, -0.3333333333333333},
      {-1, 0, 0, 1}}},
    {"hinge",
     0.25,
     {0, 1.75, 2, 3.5, 1},
     {{0, 0, 0, 0}, {1, 0, -0.5, -0.5}, {0, 1, 0, -1}, {-1, 0, 1, 0}, {-1, 0, 0, 1}}},
    {"log",
     0,
     {0.38687100611489994, 1.501929081345373, 1.3132616875182228, 2.5788897342925496, 0.6931471805599453},
     {{0.320821300824607, -0.320821300824607, 0, 0},
      {0.7772998611746912, -0.7772998611746912, 0, 0},
      {-0.2436861928766683, 0.7310585786300049, -0.2436861928766683, -0.2436861928766683},
      {-0.30804727332625215, -0.30804727332625215, 0.9241418199787564, -0.30804727332625215},
      {-0.5, 0, 0, 0.5}}},
    {"log",
     0.25,
     {0.3132616875182228, 1.1368710061148999, 1.3132616875182228, 2.5788897342925496, 0.6931471805599453},
     {{0.2689414213699951, 0, 0, -0.2689414213699951},
      {0.679178699175393, 0, -0.3395893495876965, -0.3395893495876965},
      {0, 0.7310585786300049, 0, -0.7310585786300049},
      {-0.9241418199787564, 0, 0.9241418199787564, 0},
      {-0.5, 0, 0, 0.5}}},
    {"lvq2",
     0,
     {0, 2, 0.5, 2, 0},
     {{0, 0, 0, 0},
      {0, 0, 0, 0},
      {-0.3333333333333333, 0.5, -0.3333333333333333, -0.3333333333333333},
      {0, 0, 0, 0},
      {0, 0, 0, 0}}},
    {"lvq2",
     0.25,
     {0, 0.5, 0.5, 2, 0},
     {{0, 0, 0, 0},
      {0.6666666666666666, 0, -0.6666666666666666, -0.6666666666666666},
      {0, 0.5, 0, -1},
      {0, 0, 0, 0},
      {0, 0, 0, 0}}},
    {"mce",
     0,
     {0.320821300824607, 0.7772998611746912, 0.7310585786300049, 0.9241418199787564, 0.5},
     {{0.21789499376181404, -0.21789499376181404, 0, 0},
      {0.173104786992497, -0.173104786992497, 0, 0},
      {-0.06553731108049395, 0.19661193324148185, -0.06553731108049395, -0.06553731108049395},
      {-0.023367905515036053, -0.023367905515036053, 0.07010371654510816, -0.023367905515036053},
      {-0.25, 0, 0, 0.25}}},
    {"mce",
     0.25,
     {0.2689414213699951, 0.679178699175393, 0.7310585786300049, 0.9241418199787564, 0.5},
     {{0.19661193324148185, 0, 0, -0.19661193324148185},
      {0.21789499376181404, 0, -0.10894749688090702, -0.10894749688090702},
      {0, 0.19661193324148185, 0, -0.19661193324148185},
      {-0.07010371654510816, 0, 0.07010371654510816, 0},
      {-0.25, 0, 0, 0.25}}},
    {"squareSquare",
     0,
     {0.25, 2.8125, 4, 9.25, 0.625},
     {{1, 0, 0, 0},
      {3, -1.5, 0, 0},
      {0, 4, 0, 0},
      {-0.3333333333333333, -0.3333333333333333, 6, -0.3333333333333333},
      {-1.5, 0, 0, 0.5}}},
    {"squareSquare",
     0.25,
     {0.25, 2.3125, 4, 9.25, 0.625},
     {{1, 0, 0, 0}, {3, 0, -0.25, -0.25}, {0, 4, 0, 0}, {-1, 0, 6, 0}, {-1.5, 0, 0, 0.5}}},
    {"squareExponential",
     0,
     {0.3932523984300951, 2.6394003915357023, 4.183939720585721, 9.303265329856316, 0.45190039153570244},
     {{1, -0.14325239843009505, 0, 0},
      {3, -0.38940039153570244, 0, 0},
      {-0.061313240195240384, 4, -0.061313240195240384, -0.061313240195240384},
      {-0.10108844328543891, -0.10108844328543891, 6, -0.10108844328543891},
      {-0.38940039153570244, 0, 0, 0.5}}},
    {"squareExponential",
     0.25,
     {0.3615650800742149, 2.4861832763705074, 4.183939720585721, 9.303265329856316, 0.45190039153570244},
     {{1, 0, 0, -0.11156508007421491},
      {3, 0, -0.11809163818525367, -0.11809163818525367},
      {0, 4, 0, -0.18393972058572117},
      {-0.3032653298563167, 0, 6, 0},
      {-0.38940039153570244, 0, 0, 0.5}}},
};

const StructuredLoss& lossNamed(const std::string& name) {
  for (const StructuredLoss& loss : structuredLosses())
    if (name == loss.name) return loss;
  throw Failure{"no loss " + name};
}

StructuredOptions tableOptions() {
  StructuredOptions o;
  o.beta = 1.5;
  o.gamma = 0.5;
  o.delta = 2;
  o.cap = 2;
  return o;
}

// The table as the objective sees it: the right answer apart and among the candidates.
AnswerEnergies answersOf(const at::Tensor& table, const int* right, double epsilon) {
  const std::int64_t n = table.size(0), m = table.size(1);
  at::Tensor index = at::empty({n, 1}, at::kLong), distance = at::empty({n, m}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i) {
    index[i][0] = right[i];
    for (std::int64_t j = 0; j < m; ++j) distance[i][j] = 0.25 * std::abs(static_cast<double>(j - right[i]));
  }
  return {table.gather(1, index).squeeze(1), table, distance == 0, distance > epsilon};
}

at::Tensor fixedTable() {
  at::Tensor t = at::empty({5, 4}, at::kDouble);
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 4; ++j) t[i][j] = kEnergies[i][j];
  return t;
}

TEST(losses_and_gradients_on_a_fixed_table) {
  for (const Expected& e : kExpected) {
    const at::Tensor table = fixedTable().requires_grad_(true);
    const at::Tensor value = lossNamed(e.loss).value(answersOf(table, kRight, e.epsilon), tableOptions());
    const at::Tensor gradient = torch::autograd::grad({value.sum()}, {table})[0];
    for (int i = 0; i < 5; ++i) {
      CHECK_NEAR(value[i].item<double>(), e.value[i], 1e-12);
      for (int j = 0; j < 4; ++j) CHECK_NEAR(gradient[i][j].item<double>(), e.gradient[i][j], 1e-12);
    }
  }
}

TEST(every_loss_stands_in_the_table) {
  CHECK(structuredLosses().size() == 10);
  for (const StructuredLoss& loss : structuredLosses())
    CHECK(std::any_of(std::begin(kExpected), std::end(kExpected),
                      [&](const Expected& e) { return std::string(e.loss) == loss.name; }));
}

TEST(lvq2_without_energy_takes_its_limits_and_refuses_negative_ones) {
  const int right[3] = {0, 0, 0};
  const at::Tensor table =
      at::tensor({0.0, 0.0, 1.0, 0.5, 0.0, 1.0, 0.0, 2.0, 1.0}, at::kDouble).view({3, 3}).requires_grad_(true);
  const at::Tensor value = lossNamed("lvq2").value(answersOf(table, right, 0), tableOptions());
  CHECK_NEAR(value[0].item<double>(), 0, 0);
  CHECK_NEAR(value[1].item<double>(), 2, 0);
  CHECK_NEAR(value[2].item<double>(), 0, 0);
  CHECK(torch::autograd::grad({value.sum()}, {table})[0].eq(0).all().item<bool>());
  CHECK_THROWS(lossNamed("lvq2").value(answersOf(table - 1, right, 0), tableOptions()), Error);
}

// Large energies neither overflow nor lose the small side: log(1 + exp(-40)) = 4.2e-18 is not 0.
TEST(losses_keep_their_digits_far_from_zero) {
  const int right[2] = {0, 1};
  const at::Tensor table = at::tensor({0.0, 40.0, 0.0, 800.0}, at::kDouble).view({2, 2});
  const AnswerEnergies e = answersOf(table, right, 0);
  CHECK_NEAR(lossNamed("log").value(e, {})[0].item<double>() / std::exp(-40.0), 1, 1e-12);
  CHECK_NEAR(lossNamed("log").value(e, {})[1].item<double>(), 800, 1e-12);
  CHECK_NEAR(lossNamed("nll").value(e, {})[1].item<double>(), 800, 1e-12);
  CHECK_NEAR(lossNamed("mee").value(e, {})[1].item<double>(), 1, 1e-15);
}

at::Tensor randomTable(std::int64_t n, std::int64_t m) {
  return Random(3).normal(n, m, 0, Stream::User, at::TensorOptions(at::kDouble)) * 2;
}

TEST(nll_tends_to_the_perceptron_and_is_the_log_loss_of_two) {
  const int right[6] = {0, 1, 0, 1, 0, 1};
  StructuredOptions cold;
  cold.beta = 50;
  const AnswerEnergies many = answersOf(randomTable(6, 7), right, 0);
  const at::Tensor gap = lossNamed("nll").value(many, cold) - lossNamed("perceptron").value(many, {});
  CHECK(gap.min().item<double>() >= -1e-14);
  CHECK(gap.max().item<double>() <= std::log(7.0) / 50);
  // A control: at beta 1 the same difference is outside that bound.
  const at::Tensor warm = lossNamed("nll").value(many, {}) - lossNamed("perceptron").value(many, {});
  CHECK(warm.max().item<double>() > std::log(7.0) / 50);
  const AnswerEnergies two = answersOf(randomTable(6, 2), right, 0);
  CHECK((lossNamed("nll").value(two, {}) - lossNamed("log").value(two, {})).abs().max().item<double>() < 1e-12);
}

}  // namespace
}  // namespace langevin::test::structured_test
