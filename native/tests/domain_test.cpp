// Domains of column blocks: levels to columns and back, every state equally likely, messages that name the block.
#include "program/domain.hpp"

#include <cmath>

#include "discrete_support.hpp"

namespace langevin::test::domain_test {
namespace {

using Kind = Domain::Kind;

Domain domainFrom(const Value& states, std::int64_t columns) {
  Domain domain = Domain::read(Spec(states, "states"), columns);
  domain.belongTo("mlp");
  return domain;
}

/// real 2, categorical 3, ordinal 5 ('rating'), cyclic 4, binary 2, spin 1, tokens 3 of 7.
Value everyKind() {
  return List{Map{{"kind", "real"}, {"columns", 2}},
              Map{{"kind", "categorical"}, {"levels", 3}},
              Map{{"kind", "ordinal"}, {"levels", 5}, {"name", "rating"}},
              Map{{"kind", "cyclic"}, {"levels", 4}},
              Map{{"kind", "binary"}, {"columns", 2}},
              Map{{"kind", "spin"}},
              Map{{"kind", "tokens"}, {"vocabulary", 7}, {"length", 3}}};
}

const at::TensorOptions kFloat = at::TensorOptions(at::kFloat);

}  // namespace

TEST(blocks_are_laid_out_in_the_order_of_the_columns) {
  const Domain d = domainFrom(everyKind(), 13);
  CHECK(d.columns() == 13 && d.blocks().size() == 7 && d.sites() == 2 + 1 + 1 + 1 + 2 + 1 + 3);
  CHECK(d.blocks()[1].first == 2 && d.blocks()[2].first == 5 && d.blocks()[6].first == 10);
  CHECK(d.mixed() && !d.real() && !d.discrete() && !d.homogeneous() && d.mostLevels() == 7);
  CHECK(std::string(d.name()) == "mixed");
  CHECK(tells(d.describe(), "column 5 ('rating'): ordinal states (0 to 4)") &&
        tells(d.describe(), "columns 0 to 1: real"));
  // Blocks of one kind are one domain, however they were cut.
  const Domain cut = domainFrom(List{Map{{"kind", "binary"}, {"columns", 2}}, Map{{"kind", "binary"}}}, 3);
  CHECK(cut.homogeneous() && cut.flips() && cut.runs().size() == 1 && cut.blocks().size() == 2);
  CHECK(cut.describe() == Domain::of(Kind::Binary, 3).describe());
  // Unequal levels of one kind.
  const Domain unequal = domainFrom(
      List{Map{{"kind", "categorical"}, {"levels", 3}, {"columns", 6}}, Map{{"kind", "categorical"}, {"levels", 4}}},
      10);
  CHECK(unequal.discrete() && !unequal.homogeneous() && unequal.sites() == 3 && unequal.mostLevels() == 4);
  CHECK(std::string(unequal.name()) == "categorical");
}

TEST(levels_become_columns_and_back) {
  const Value states = List{Map{{"kind", "categorical"}, {"levels", 3}, {"columns", 6}},
                            Map{{"kind", "spin"}},
                            Map{{"kind", "ordinal"}, {"levels", 5}},
                            Map{{"kind", "cyclic"}, {"levels", 12}},
                            Map{{"kind", "binary"}},
                            Map{{"kind", "tokens"}, {"vocabulary", 300}, {"length", 2}}};
  const Domain d = domainFrom(states, 12);
  const at::Tensor levels = at::tensor({2, 0, 1, 4, 11, 0, 299, 7, 0, 2, 0, 0, 5, 1, 0, 298}, at::kLong).view({2, 8});
  const at::Tensor x = d.encode(levels, kFloat);
  const at::Tensor first =
      at::tensor({0.0f, 0.0f, 1.0f, 1.0f, 0.0f, 0.0f, 1.0f, 4.0f, 11.0f, 0.0f, 299.0f, 7.0f}, at::kFloat);
  CHECK(x[0].equal(first));
  CHECK(d.decode(x).equal(levels));
  d.require(x, "x");
  // The same from the values that enumeration goes through.
  at::Tensor values = levels.to(at::kFloat);
  values.select(1, 2).mul_(2).sub_(1);
  CHECK(d.rows(values).equal(x));
}

TEST(uniform_states_are_uniform_and_real_columns_fill_their_box) {
  const Domain d = domainFrom(everyKind(), 13);
  const std::int64_t n = 20000;
  const at::Tensor low = at::arange(13, kFloat).unsqueeze(0), width = at::full({1, 13}, 2.0, kFloat);
  const at::Tensor x = d.uniform(n, 0, Stream::Init, Random(5), kFloat, low, width);
  d.require(x, "x");
  for (std::int64_t column : {0, 1}) {
    const at::Tensor v = (x.select(1, column) - static_cast<double>(column)) / 2;
    CHECK(v.min().item<double>() > 0 && v.max().item<double>() < 1);
    const at::Tensor law = at::full({20}, 0.05, at::kDouble);
    CHECK(chiSquareP(v.mul(20).to(at::kLong), law) > 1e-4);
  }
  for (const ColumnBlock& block : d.blocks()) {
    if (!block.discrete()) continue;
    const at::Tensor levels = block.decode(block.columnsOf(x));
    const at::Tensor law = at::full({block.levels}, 1.0 / static_cast<double>(block.levels), at::kDouble);
    for (std::int64_t site = 0; site < block.sites(); ++site)
      CHECK(chiSquareP(levels.select(1, site).contiguous(), law) > 1e-4);
  }
  // Two columns together: no site repeats another's numbers.
  const at::Tensor pair = d.blocks()[2].decode(x.slice(1, 5, 6)) * 4 + d.blocks()[3].decode(x.slice(1, 6, 7));
  CHECK(chiSquareP(pair.squeeze(1), at::full({20}, 0.05, at::kDouble)) > 1e-4);
}

// One block of one kind draws what a domain without blocks drew: a level per site, from one number each.
TEST(one_kind_takes_one_number_per_site) {
  const Domain potts = Domain::of(Kind::Categorical, 12, 4);
  const at::Tensor u = Random(3).uniform(50, 3, 9, Stream::Init, at::TensorOptions(at::kDouble));
  CHECK(potts.uniform(50, 9, Stream::Init, Random(3), kFloat).equal(potts.encode(u.mul(4.0).to(at::kLong), kFloat)));
  const Domain real = Domain::of(Kind::Real, 3);
  CHECK(real.uniform(50, 9, Stream::Init, Random(3), kFloat).equal(Random(3).uniform(50, 3, 9, Stream::Init, kFloat)));
}

TEST(rows_that_are_no_states_are_named) {
  const Domain d = domainFrom(everyKind(), 13);
  const at::Tensor good = d.uniform(6, 0, Stream::Init, Random(5), kFloat);
  const auto with = [&](std::int64_t row, std::int64_t column, double value) {
    at::Tensor x = good.clone();
    x[row][column] = value;
    return refusal([&] { d.require(x, "init"); }, Code::InvalidOption);
  };
  CHECK(
      tells(with(4, 5, 5), "init holds 5.000000 in row 4, column 5; column 5 ('rating') of this energy holds ordinal"));
  CHECK(tells(with(1, 5, 1.5), "row 1, column 5"));
  CHECK(tells(with(2, 6, -1), "cyclic states (0 to 3, 0 next to 3)"));
  CHECK(tells(with(0, 9, 0), "spins (-1 or +1)"));
  CHECK(tells(with(3, 12, 7), "tokens (ids 0 to 6)"));
  CHECK(tells(with(3, 3, std::nan("")), "row 3, column 3; columns 2 to 4 of this energy hold categorical"));
  at::Tensor x = good.clone();
  x[5].slice(0, 2, 5).fill_(1);
  CHECK(tells(refusal([&] { d.require(x, "x"); }, Code::InvalidOption), "x: row 5 has a block without a single 1"));
  x = good.clone();
  x.slice(1, 0, 2).fill_(1e9);  // real columns may hold anything
  d.require(x, "x");
}

TEST(kinds_that_do_not_suit_are_refused_by_block) {
  const Domain d = domainFrom(everyKind(), 13);
  const auto message = [](const Domain& domain, Kinds kinds) {
    return refusal([&] { domain.require(kinds, "this moves", "that"); }, Code::Unsupported);
  };
  CHECK(message(d, Kinds::real()) ==
        "this moves, and columns 2 to 4 of this mlp energy hold categorical states (blocks of 3 "
        "columns with a single 1): use that");
  CHECK(tells(message(d, Kinds::discrete()), "columns 0 to 1 of this mlp energy hold real numbers: use that"));
  CHECK(tells(message(domainFrom("binary", 4), Kinds::real()),
              "this mlp energy is over binary states (0 or 1): use that"));
  CHECK(tells(message(Domain::of(Kind::Real, 2), Kinds::discrete()),
              "is over real columns: use that, or give the energy"));
  Domain::of(Kind::Real, 2).require(Kinds::real(), "this moves", "that");
}

TEST(blocks_that_do_not_fit_are_refused_when_read) {
  const auto message = [](const Value& states, std::int64_t columns) {
    return refusal([&] { domainFrom(states, columns); }, Code::InvalidOption);
  };
  const Map colour{{"kind", "categorical"}, {"levels", 3}, {"name", "colour"}};
  CHECK(tells(message(List{colour}, 4), "3 columns together, x has 4"));
  CHECK(tells(message(List{colour, colour}, 6), "states[1].name: 'colour' is the name of an earlier block"));
  CHECK(tells(message(List{Map{{"kind", "categorical"}, {"levels", 3}, {"columns", 4}}}, 4), "multiple of levels = 3"));
  CHECK(tells(message(List{Map{{"kind", "nominal"}}}, 1), "known: real, binary"));
  CHECK(tells(message(Map{{"levels", 3}}, 4), "blocks of 3 levels"));
  CHECK(tells(message("ternary", 4), "list of column blocks"));
}

}  // namespace langevin::test::domain_test
