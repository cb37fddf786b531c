// Tails of energies along rays, and the comparison of negatives with the data, where the answers are known.
#include "energies/tails.hpp"

#include <limits>

#include "training/final_checks.hpp"
#include "training_support.hpp"

namespace langevin::test::tails_test {
namespace {

const auto kWide = at::TensorOptions(at::kDouble);

double numberIn(const Value& map, const char* key) { return *map.map()->at(key).get<double>(); }

TEST(an_energy_rises_falls_or_stays_flat) {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(tailOf(1, 100, 10) == Tail::Rises);
  CHECK(tailOf(1, 1, 10) == Tail::Flat);
  CHECK(tailOf(0, 2.3, 10) == Tail::Flat && tailOf(0, 2.31, 10) == Tail::Rises);  // log 10 = 2.303
  CHECK(tailOf(-1, -10, 10) == Tail::Falls && tailOf(5, 4.9999, 10) == Tail::Flat);
  CHECK(tailOf(1, inf, 10) == Tail::Rises && tailOf(1, -inf, 10) == Tail::Falls);
  CHECK(tailOf(1, nan, 10) == Tail::Unknown && tailOf(nan, 1, 10) == Tail::Unknown);
}

TEST(rays_of_a_gaussian_all_rise_and_discrete_columns_stay) {
  const RowSource rows(Random(1).normal(50, 2, 0, Stream::Data, kWide));
  const Value tails = tailsOf(*gaussianEnergy({{1, 0}, {0, 4}}), rows, 3, 1);
  CHECK(numberIn(tails, "falling") == 0 && numberIn(tails, "flat") == 0 && numberIn(tails, "rays") == 96);
  CHECK(numberIn(tails.map()->at("lowest"), "energy") > numberIn(tails.map()->at("data"), "high"));
  // The same numbers twice, and none for spins.
  CHECK(numberIn(tails.map()->at("lowest"), "energy") ==
        numberIn(tailsOf(*gaussianEnergy({{1, 0}, {0, 4}}), rows, 3, 2).map()->at("lowest"), "energy"));
  const EnergyRef ising = energyFrom({{"kind", "ising"}, {"lattice", List{2, 2}}, {"coupling", 0.3}});
  CHECK(tailsOf(*ising, RowSource(at::ones({40, 4}, kWide)), 3, 1).isNull());
}

TEST(a_linear_energy_falls_along_half_of_the_rays_unless_it_has_a_base) {
  const RowSource rows(Random(1).normal(50, 3, 0, Stream::Data, kWide));
  const EnergyRef based = energyFrom({{"kind", "mlp"}, {"input", 3}, {"hidden", List{}}, {"gaussianBase", 1.0}});
  CHECK(numberIn(tailsOf(*based, rows, 3, 1), "falling") == 0);
  const EnergyRef linear = energyFrom({{"kind", "mlp"}, {"input", 3}, {"hidden", List{}}});
  const Value tails = tailsOf(*linear, rows, 3, 1);
  CHECK(numberIn(tails, "falling") > 20 && numberIn(tails, "falling") < 76);
  CHECK(numberIn(tails.map()->at("lowest"), "distance") == 10000);
}

TEST(negatives_of_another_law_are_told_from_the_data) {
  const auto rows = [](std::uint64_t seed, double shift) {
    return Random(seed).normal(200, 3, 0, Stream::Data, kWide) * 7 + shift;
  };
  const RowSource data(rows(1, 0));
  int found = 0;
  for (std::uint64_t seed = 2; seed < 22; ++seed)
    found += numberIn(negativesAgainstData(rows(seed, 0), data, seed), "pValue") <= 0.05;
  CHECK(found <= 4);  // 1 of 20 is expected
  const Value apart = negativesAgainstData(rows(2, 14), data, 1);
  CHECK_NEAR(numberIn(apart, "pValue"), 1.0 / 200, 1e-12);
  CHECK(numberIn(apart, "distance") > 0.3);
  CHECK(numberIn(apart, "accuracy") > 0.85);
  CHECK_NEAR(numberIn(negativesAgainstData(rows(2, 0), data, 1), "accuracy"), 0.5, 0.08);
  const Value far = negativesAgainstData(rows(2, 1e6), data, 1);
  CHECK(numberIn(far, "distance") > 0.95);
  at::Tensor broken = rows(3, 0);
  broken[0][0] = std::numeric_limits<double>::infinity();
  CHECK(negativesAgainstData(broken, data, 1).isNull());
}

TEST(negatives_follow_the_batch_among_the_recorded_rows) {
  const at::Tensor batch = at::ones({4, 2}, kWide), other = at::zeros({5, 2}, kWide);
  CHECK(at::equal(negativesIn({{other, {}}, {batch, {}}, {other * 2, {}}}, batch), other * 2));
  CHECK(at::equal(negativesIn({{at::cat({batch, other}), {}}}, batch), other));
  CHECK(!negativesIn({{batch, {}}}, batch).defined());
}

}  // namespace
}  // namespace langevin::test::tails_test
