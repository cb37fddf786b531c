// Perturbations of energy discrepancy: laws of their kernels against closed values and matrix exponentials, draws by
// chi-square (level 1e-4, fixed seeds) with controls, and rows of 1,555 columns and 100,000 levels.
#include <cmath>

#include "check.hpp"
#include "discrete_support.hpp"
#include "perturbations/site_moves.hpp"

namespace langevin::test::perturbations_test {
namespace {

using Kind = Domain::Kind;

std::unique_ptr<Perturbation> perturbationFrom(Map spec, const Domain& domain) {
  const Value value(std::move(spec));
  auto made = makePerturbation(Spec(value, "perturbation"));
  made->prepareFor(domain);
  return made;
}

/// The ring of 2 K levels, folded: what ordinal draws.
at::Tensor pathRow(std::int64_t levels, double t, std::int64_t from) {
  const at::Tensor ring = ringLaw(2 * levels, t);
  at::Tensor row = at::zeros({levels}, at::kDouble);
  for (std::int64_t step = 0; step < 2 * levels; ++step) {
    const std::int64_t place = (from + step) % (2 * levels);
    row[std::min(place, 2 * levels - 1 - place)] += ring[step];
  }
  return row;
}
at::Tensor ringRow(std::int64_t levels, double t, std::int64_t from) { return ringLaw(levels, t).roll(from); }

/// exp(t R) by the eigenvectors of R, which is symmetric and written entry by entry.
at::Tensor exponential(const char* kind, std::int64_t levels, double t) {
  at::Tensor rate = at::zeros({levels, levels}, at::kDouble);
  const std::string name(kind);
  for (std::int64_t a = 0; a < levels; ++a) {
    for (const std::int64_t by : {std::int64_t{-1}, std::int64_t{1}}) {
      const std::int64_t b = a + by;
      if (name == "cyclic")
        rate[a][(b + levels) % levels] += 1;
      else if (name == "ordinal" && b >= 0 && b < levels)
        rate[a][b] += 1;
    }
    if (name == "uniform") rate[a] += 1.0 / static_cast<double>(levels);
  }
  rate = rate - at::diag(rate.sum(1));
  const auto [values, vectors] = at::linalg_eigh(rate);
  return vectors.matmul((values * t).exp().unsqueeze(1) * vectors.t());
}

void checkRow(const at::Tensor& row, std::initializer_list<double> expected) {
  std::int64_t k = 0;
  for (const double p : expected) CHECK_NEAR(row[k++].item<double>(), p, 1e-6);
  CHECK_NEAR(row.sum().item<double>(), 1, 1e-12);
}

/// n times this row; a candidate or two of each; the number of every candidate.
std::vector<at::Tensor> drawn(const Map& spec, const Energy& energy, const at::Tensor& row, std::int64_t n,
                              std::int64_t count, int seed = 5) {
  const at::Tensor x = row.unsqueeze(0).repeat({n, 1});
  const at::Tensor moved =
      perturbationFrom(spec, energy.domain())->candidates(x, count, 3, Random(static_cast<std::uint64_t>(seed)), 1);
  CHECK(moved.size(0) == n * count);
  std::vector<at::Tensor> numbers;
  for (const at::Tensor& part : moved.split(n)) numbers.push_back(numbersOfStates(energy, part));
  return numbers;
}

EnergyRef oneSite(const Map& block, std::int64_t columns) { return networkEnergy(Value(List{block}), columns); }

}  // namespace

// Section 1.4 of the specification of energy discrepancy; equal to the matrix exponential to 1e-15 there.
TEST(rows_of_the_walks_have_the_published_values) {
  checkRow(ringRow(4, 0.1, 0), {.826945, .082420, .008215, .082420});
  checkRow(pathRow(4, 0.1, 0), {.909222, .086390, .004244, .000144});
  checkRow(pathRow(4, 0.1, 1), {.086390, .827075, .082290, .004244});
  checkRow(ringRow(5, 0.5, 0), {.465959, .208926, .058095, .058095, .208926});
  checkRow(pathRow(5, 0.5, 0), {.673670, .257849, .058095, .009171, .001215});
  checkRow(ringRow(2, 0.5, 0), {.567668, .432332});
  checkRow(pathRow(2, 0.5, 0), {.683940, .316060});
  checkRow(exponential("uniform", 4, 0.1)[0], {.928628, .023791, .023791, .023791});
  checkRow(exponential("uniform", 5, 0.5)[0], {.685225, .078694, .078694, .078694, .078694});
  checkRow(exponential("uniform", 2, 0.5)[0], {.803265, .196735});
}

TEST(rows_of_the_walks_are_those_of_the_matrix_exponential) {
  for (const std::int64_t levels : {2, 3, 7, 12, 33})
    for (const double t : {0.01, 0.3, 5.0, 400.0})
      for (const std::int64_t from : {std::int64_t{0}, levels / 2, levels - 1}) {
        const auto apart = [&](const at::Tensor& row, const char* kind) {
          return (row - exponential(kind, levels, t)[from]).abs().max().item<double>();
        };
        CHECK_NEAR(apart(ringRow(levels, t, from), "cyclic"), 0, 1e-12);
        CHECK_NEAR(apart(pathRow(levels, t, from), "ordinal"), 0, 1e-12);
        // Control: the one is not the other, until both have forgotten where they began.
        if (t < 1) CHECK(apart(pathRow(levels, t, from), "cyclic") > 1e-3 || (from > 0 && from + 1 < levels));
      }
}

TEST(two_times_in_turn_are_their_sum) {
  const auto matrix = [](auto row, std::int64_t levels, double t) {
    std::vector<at::Tensor> rows;
    for (std::int64_t a = 0; a < levels; ++a) rows.push_back(row(levels, t, a));
    return at::stack(rows);
  };
  for (const auto row : {ringRow, pathRow}) {
    const at::Tensor both = matrix(row, 9, 0.2).matmul(matrix(row, 9, 0.7));
    CHECK((both - matrix(row, 9, 0.9)).abs().max().item<double>() < 1e-13);
  }
}

// Every 2^44th of all draws: frequencies are the law within a cell at the borders of each entry.
TEST(an_alias_table_holds_its_law) {
  for (const at::Tensor& law : {ringLaw(5, 0.5), ringLaw(64, 0.3), at::tensor({0.0, 1.0, 0.0}, at::kDouble),
                                at::tensor({0.7, 0.1, 0.2}, at::kDouble)}) {
    const AliasTable table(law);
    constexpr std::int64_t kDraws = 1 << 20;
    at::Tensor counts = at::zeros({law.numel()}, at::kDouble);
    double* c = counts.data_ptr<double>();
    for (std::int64_t i = 0; i < kDraws; ++i) ++c[table.draw(static_cast<std::uint64_t>(i) << 44)];
    const double apart = (counts / static_cast<double>(kDraws) - law).abs().max().item<double>();
    CHECK(apart <= 2.0 * static_cast<double>(law.numel()) / static_cast<double>(kDraws));
  }
}

// x' of one level: two steps of the kernel, and two x' of one y.
TEST(candidates_of_a_site_have_the_law_of_two_steps_from_one_y) {
  const Map site5[] = {{{"kind", "categorical"}, {"levels", 5}},
                       {{"kind", "ordinal"}, {"levels", 5}},
                       {{"kind", "cyclic"}, {"levels", 5}}};
  constexpr std::int64_t kRows = 60000;
  for (const Map& block : site5)
    for (const char* kind : {"uniform", "cyclic", "ordinal"}) {
      const EnergyRef energy = oneSite(block, *block.at("kind").get<std::string>() == "categorical" ? 5 : 1);
      const at::Tensor q = exponential(kind, 5, 0.5);
      for (const std::int64_t from : {0, 3}) {
        const auto numbers = drawn({{"kind", kind}, {"t", 0.5}}, *energy, allStates(*energy)[from], kRows, 2);
        const at::Tensor twice = q.matmul(q)[from];
        CHECK(chiSquareP(numbers[0], twice) > kLevel && chiSquareP(numbers[1], twice) > kLevel);
        // Controls: one step, and another kernel.
        CHECK(chiSquareP(numbers[0], q[from]) < 1e-9);
        const at::Tensor other = exponential(std::string(kind) == "ordinal" ? "cyclic" : "ordinal", 5, 0.5);
        CHECK(chiSquareP(numbers[0], other.matmul(other)[from]) < 1e-9);
        // Both candidates come from one y.
        const at::Tensor pairs = numbers[0] * 5 + numbers[1];
        const at::Tensor joint = at::einsum("y,yb,yc->bc", {q[from], q, q}).reshape({-1});
        CHECK(chiSquareP(pairs, joint) > kLevel);
        CHECK(chiSquareP(pairs, at::outer(twice, twice).reshape({-1})) < 1e-9);
      }
    }
}

TEST(bits_spins_and_tokens) {
  constexpr std::int64_t kRows = 60000;
  const EnergyRef bits = networkEnergy("binary", 3), spins = networkEnergy("spin", 3);
  const at::Tensor q = at::tensor({0.9, 0.1, 0.1, 0.9}, at::kDouble).view({2, 2});
  const at::Tensor twice = at::kron(at::kron(q.matmul(q)[1], q.matmul(q)[0]), q.matmul(q)[1]);
  for (const EnergyRef& energy : {bits, spins}) {
    const at::Tensor row = allStates(*energy)[5];
    const at::Tensor flipped = drawn({{"kind", "bernoulli"}, {"epsilon", 0.1}}, *energy, row, kRows, 1)[0];
    CHECK(chiSquareP(flipped, twice) > kLevel);
    // epsilon is (1 - e^-t) / 2 of the uniform kernel.
    const double t = -std::log(1 - 2 * 0.1);
    CHECK(chiSquareP(drawn({{"kind", "uniform"}, {"t", t}}, *energy, row, kRows, 1, 6)[0], twice) > kLevel);
    CHECK(chiSquareP(drawn({{"kind", "uniform"}, {"t", 0.1}}, *energy, row, kRows, 1, 6)[0], twice) < 1e-9);
  }
  const EnergyRef ids = networkEnergy(List{Map{{"kind", "tokens"}, {"vocabulary", 4}, {"length", 1}}}, 1);
  const at::Tensor u = exponential("uniform", 4, 0.3);
  CHECK(chiSquareP(drawn({{"kind", "uniform"}, {"t", 0.3}}, *ids, allStates(*ids)[2], kRows, 1)[0], u.matmul(u)[2]) >
        kLevel);
}

TEST(masks_are_shared_and_filled_evenly) {
  const EnergyRef energy = networkEnergy(
      List{Map{{"kind", "binary"}}, Map{{"kind", "categorical"}, {"levels", 3}}, Map{{"kind", "spin"}}}, 5);
  constexpr std::int64_t kRows = 60000;
  const at::Tensor states = allStates(*energy), row = states[7];
  const std::int64_t sites = 3, levels[] = {2, 3, 2}, strides[] = {6, 2, 1};
  // The law of a pair of candidates, given which sites are masked (a bit each).
  const auto pairLaw = [&](std::int64_t mask) {
    at::Tensor law = at::ones({12}, at::kDouble);
    for (std::int64_t i = 0; i < 12; ++i)
      for (std::int64_t s = 0; s < sites; ++s) {
        const bool same = (i / strides[s]) % levels[s] == (7 / strides[s]) % levels[s];
        law[i] *= (mask >> s) & 1 ? 1.0 / static_cast<double>(levels[s]) : (same ? 1.0 : 0.0);
      }
    return at::outer(law, law);
  };
  at::Tensor timed = at::zeros({12, 12}, at::kDouble), grid = at::zeros({12, 12}, at::kDouble);
  const double masked = 1 - std::exp(-0.4);
  for (std::int64_t mask = 0; mask < 8; ++mask) {
    double weight = 1;
    for (std::int64_t s = 0; s < sites; ++s) weight *= (mask >> s) & 1 ? masked : 1 - masked;
    timed += weight * pairLaw(mask);
  }
  for (std::int64_t s = 0; s < sites; ++s) grid += pairLaw(std::int64_t{1} << s) / 3.0;
  const auto pairs = [&](const Map& spec) {
    const auto numbers = drawn(spec, *energy, row, kRows, 2);
    return numbers[0] * 12 + numbers[1];
  };
  const at::Tensor byTime = pairs({{"kind", "absorbing"}, {"t", 0.4}}),
                   one = pairs({{"kind", "absorbing"}, {"grid", true}});
  CHECK(chiSquareP(byTime, timed.reshape({-1})) > kLevel && chiSquareP(one, grid.reshape({-1})) > kLevel);
  CHECK(chiSquareP(byTime, grid.reshape({-1})) < 1e-9 && chiSquareP(one, timed.reshape({-1})) < 1e-9);
}

TEST(a_neighbour_of_a_neighbour) {
  const EnergyRef energy = networkEnergy(List{Map{{"kind", "binary"}}, Map{{"kind", "categorical"}, {"levels", 3}},
                                              Map{{"kind", "cyclic"}, {"levels", 4}}},
                                         5);
  const at::Tensor states = allStates(*energy);
  const std::int64_t n = states.size(0), levels[] = {2, 3, 4}, strides[] = {12, 4, 1};
  at::Tensor q = at::zeros({n, n}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t s = 0; s < 3; ++s)
      for (std::int64_t by = 1; by < levels[s]; ++by) {
        const std::int64_t level = (i / strides[s]) % levels[s];
        q[i][i + ((level + by) % levels[s] - level) * strides[s]] += 1.0 / (3.0 * static_cast<double>(levels[s] - 1));
      }
  CHECK(q.allclose(q.t()));
  const at::Tensor numbers = drawn({{"kind", "neighbourhood"}}, *energy, states[13], 60000, 1)[0];
  CHECK(chiSquareP(numbers, q.matmul(q)[13]) > kLevel && chiSquareP(numbers, q[13]) < 1e-9);
  // The share that comes back: sum_s 1 / (K_s - 1) / d^2.
  CHECK_NEAR(q.matmul(q)[13][13].item<double>(), (1 + 0.5 + 1.0 / 3) / 9, 1e-12);
}

TEST(structured_gives_every_column_its_own_kernel) {
  const EnergyRef energy = energyFrom(
      {{"kind", "mlp"},
       {"input", 8},
       {"hidden", List{4}},
       {"states",
        List{Map{{"kind", "real"}, {"columns", 2}}, Map{{"kind", "categorical"}, {"levels", 3}, {"name", "c"}},
             Map{{"kind", "ordinal"}, {"levels", 5}}, Map{{"kind", "real"}}, Map{{"kind", "cyclic"}, {"levels", 4}}}}});
  constexpr std::int64_t kRows = 60000;
  const at::Tensor row = at::tensor({0.5, -1.0, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0}, at::kDouble);
  const auto moved = [&](const Map& spec) {
    return perturbationFrom(spec, energy->domain())
        ->candidates(row.unsqueeze(0).repeat({kRows, 1}), 1, 0, Random(2), 1);
  };
  const auto level = [](const at::Tensor& x, std::int64_t column) { return x.select(1, column).to(at::kLong); };
  const auto twice = [](const char* kind, std::int64_t levels, double t, std::int64_t from) {
    const at::Tensor q = exponential(kind, levels, t);
    return q.matmul(q)[from];
  };
  const Map spec{{"kind", "structured"}, {"t", 0.4}, {"tBase", 0.02}, {"sd", List{0.1, 0.2, 0.3}}};
  const at::Tensor x = moved(spec);
  // Deviations of 60,000 normals: 4.5 standard errors are 1.3 %.
  for (const auto& [column, sd] : std::vector<std::pair<std::int64_t, double>>{{0, 0.1}, {1, 0.2}, {6, 0.3}}) {
    CHECK_NEAR(x.select(1, column).std().item<double>() / (sd * std::sqrt(2)), 1, 0.013);
    CHECK_NEAR((x.select(1, column).mean() - row[column]).item<double>(), 0, 4.5 * sd * std::sqrt(2.0 / kRows));
  }
  CHECK(chiSquareP(x.slice(1, 2, 5).argmax(1), twice("uniform", 3, 0.4, 1)) > kLevel);
  CHECK(chiSquareP(level(x, 5), twice("ordinal", 5, 0.02 * 25, 1)) > kLevel);
  CHECK(chiSquareP(level(x, 7), twice("cyclic", 4, 0.02 * 16, 3)) > kLevel);
  // Columns move on their own: 4.5 standard errors of a correlation.
  const at::Tensor c = at::corrcoef(at::stack({x.select(1, 0), x.select(1, 5), x.select(1, 7), x.select(1, 2)}));
  CHECK((c - at::eye(4, at::kDouble)).abs().max().item<double>() < 4.5 / std::sqrt(1.0 * kRows));
  // A kernel for some of them; the others stay as they were.
  Map own = spec;
  own["kernels"] = List{Map{{"on", List{"c", 4}}, {"perturbation", Map{{"kind", "cyclic"}, {"t", 0.3}}}}};
  const at::Tensor y = moved(own);
  CHECK(chiSquareP(y.slice(1, 2, 5).argmax(1), twice("cyclic", 3, 0.3, 1)) > kLevel);
  CHECK(chiSquareP(level(y, 7), twice("cyclic", 4, 0.3, 3)) > kLevel &&
        chiSquareP(level(y, 7), twice("cyclic", 4, 0.02 * 16, 3)) < 1e-6);
  CHECK(chiSquareP(level(y, 5), twice("ordinal", 5, 0.02 * 25, 1)) > kLevel);
}

TEST(subsets_of_blocks_are_of_every_size_equally_often) {
  const EnergyRef energy =
      energyFrom({{"kind", "mlp"},
                  {"input", 6},
                  {"hidden", List{4}},
                  {"states", List{Map{{"kind", "real"}, {"columns", 2}}, Map{{"kind", "categorical"}, {"levels", 3}},
                                  Map{{"kind", "real"}}}}});
  constexpr std::int64_t kRows = 20000;
  const at::Tensor row = at::tensor({0.5, -1.0, 0.0, 1.0, 0.0, 2.0}, at::kDouble);
  // A category that is drawn anew differs for some of 64 candidates but for (1/3)^64 of the rows.
  const Map spec{{"kind", "structured"}, {"t", 50.0}, {"subsets", true}};
  const at::Tensor all =
      perturbationFrom(spec, energy->domain())->candidates(row.unsqueeze(0).repeat({kRows, 1}), 64, 3, Random(2), 1);
  const at::Tensor moved = all.view({64, kRows, 6}).ne(row).any(0);
  // The columns of a block move together; the candidates of a row share their subset.
  CHECK(at::equal(moved.select(1, 0), moved.select(1, 1)));
  CHECK(all.view({64, kRows, 6}).select(2, 0).ne(0.5).eq(moved.select(1, 0)).all().item<bool>());
  const at::Tensor blocks = at::stack({moved.select(1, 0), moved.slice(1, 2, 5).any(1), moved.select(1, 5)}, 1);
  const at::Tensor subset = blocks.to(at::kLong).mul(at::tensor({1, 2, 4})).sum(1);
  // Sizes 1, 2 and 3 equally often, and within a size every subset.
  const at::Tensor law = at::tensor({0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0}, at::kDouble) / 9;
  CHECK(subset.eq(0).sum().item<std::int64_t>() == 0);
  CHECK(chiSquareP(subset - 1, law.slice(0, 1)) > kLevel);
  CHECK(chiSquareP(subset - 1, at::full({7}, 1.0 / 7, at::kDouble)) < 1e-6);
}

TEST(the_presets_of_tables) {
  // Two numbers, three categorical columns: one of them is masked in a row, the numbers move.
  const EnergyRef energy = energyFrom({{"kind", "mlp"},
                                       {"input", 11},
                                       {"hidden", List{4}},
                                       {"states", List{Map{{"kind", "real"}, {"columns", 2}},
                                                       Map{{"kind", "categorical"}, {"levels", 3}, {"columns", 9}}}}});
  const at::Tensor levels = at::arange(600).view({200, 3}).remainder(3);
  const at::Tensor x =
      at::cat({normals(200, 2, 4), energy->domain().blocks()[1].encode(levels, at::TensorOptions(at::kDouble))}, 1);
  const auto kernel = [](const char* on, Map perturbation) {
    return Map{{"kind", "structured"},
               {"sd", 0.1},
               {"kernels", List{Map{{"on", on}, {"perturbation", std::move(perturbation)}}}}};
  };
  const auto moved = [&](const Map& spec) {
    return perturbationFrom(spec, energy->domain())->candidates(x, 16, 0, Random(2), 1);
  };
  const at::Tensor grid = moved(kernel("discrete", {{"kind", "absorbing"}, {"grid", true}}));
  const at::Tensor changed =
      energy->domain().blocks()[1].decode(grid.slice(1, 2)).ne(levels.repeat({16, 1})).view({16, 200, 3}).any(0);
  CHECK(changed.sum(1).max().item<std::int64_t>() == 1);
  CHECK(grid.slice(1, 0, 2).ne(x.slice(1, 0, 2).repeat({16, 1})).all().item<bool>());
  for (const char* kind : {"uniform", "cyclic", "ordinal"})
    energy->domain().require(moved(kernel("categorical", {{"kind", kind}, {"t", 0.5}})), "a candidate");
}

// ---- Numbers, threads, sizes ---------------------------------------------------------------------------------------

TEST(bit_equal_at_any_number_of_threads_and_in_both_precisions) {
  const EnergyRef energy = networkEnergy(
      List{Map{{"kind", "binary"}, {"columns", 3}}, Map{{"kind", "categorical"}, {"levels", 4}, {"columns", 8}},
           Map{{"kind", "cyclic"}, {"levels", 6}}},
      12);
  const at::Tensor x = uniformStart(*energy, 700);
  for (const Map& spec : std::vector<Map>{{{"kind", "structured"}},
                                          {{"kind", "uniform"}, {"t", 0.3}},
                                          {{"kind", "ordinal"}, {"tBase", 0.1}},
                                          {{"kind", "absorbing"}, {"t", 0.3}},
                                          {{"kind", "neighbourhood"}}}) {
    const auto kernel = perturbationFrom(spec, energy->domain());
    const at::Tensor one = kernel->candidates(x, 5, 7, Random(1), 1);
    energy->domain().require(one, "a candidate");
    CHECK(one.equal(kernel->candidates(x, 5, 7, Random(1), 3)));
    CHECK(one.equal(kernel->candidates(x.to(at::kFloat), 5, 7, Random(1), 2).to(at::kDouble)));
    // Other steps and seeds draw other numbers; fewer rows or candidates the same ones.
    CHECK(!one.equal(kernel->candidates(x, 5, 8, Random(1), 1)) &&
          !one.equal(kernel->candidates(x, 5, 7, Random(2), 1)));
    CHECK(one.slice(0, 0, 700).equal(kernel->candidates(x, 1, 7, Random(1), 1)));
  }
}

TEST(many_columns_of_many_levels) {
  constexpr std::int64_t kColumns = 1555, kLevels = 100000;
  const Domain domain({{Kind::Ordinal, 0, 1000, kLevels, ""}, {Kind::Cyclic, 0, 555, kLevels, ""}});
  const at::Tensor x = at::full({4, kColumns}, 50000.0, at::kFloat);
  // Steps of a walk have variance 2 t; x' is two of them away. 4.5 standard errors of 49,760 squares: 2.9 %.
  for (const char* kind : {"ordinal", "cyclic"}) {
    const at::Tensor moved =
        perturbationFrom({{"kind", kind}, {"t", 100.0}}, domain)->candidates(x, 8, 0, Random(3), 1);
    CHECK_NEAR((moved - 50000).square().mean().item<double>() / 400, 1, 0.029);
  }
  // tBase K^2: a share of the range whatever K is.
  const at::Tensor wide =
      perturbationFrom({{"kind", "structured"}, {"tBase", 0.001}}, domain)->candidates(x, 8, 0, Random(3), 1);
  CHECK_NEAR((wide / kLevels - 0.5).square().mean().item<double>() / (4 * 0.001), 1, 0.029);
  // At an end of the path the walk is reflected: never below, and the mean of |step| away.
  const at::Tensor ends =
      perturbationFrom({{"kind", "ordinal"}, {"t", 100.0}}, domain)->candidates(at::zeros_like(x), 8, 0, Random(3), 1);
  CHECK(ends.min().item<float>() == 0 && ends.max().item<float>() < 200);
}

TEST(refusals_name_the_columns_and_what_to_use) {
  const Domain mixed({{Kind::Real, 0, 2, 0, ""}, {Kind::Categorical, 0, 3, 3, "colour"}, {Kind::Tokens, 0, 2, 9, ""}});
  const auto told = [&](Map spec, const Domain& domain, Code code = Code::Unsupported) {
    return refusal([&] { perturbationFrom(std::move(spec), domain); }, code);
  };
  const std::string real = told({{"kind", "uniform"}, {"t", 0.1}}, mixed);
  CHECK(tells(real, "columns 0 to 1") && tells(real, "perturbations.structured"));
  CHECK(tells(told({{"kind", "uniform"}, {"t", 0.1}}, Domain::of(Kind::Real, 2)), "use perturbations.gaussian"));
  const std::string flips = told({{"kind", "bernoulli"}, {"epsilon", 0.1}}, mixed.part({1}));
  CHECK(tells(flips, "bernoulli flips bits") && tells(flips, "perturbations.uniform"));
  const std::string noise = told({{"kind", "gaussian"}, {"t", 0.1}}, mixed);
  CHECK(tells(noise, "columns 2 to 4 ('colour')") && tells(noise, "perturbations.structured"));
  const std::string tokens = told({{"kind", "cyclic"}, {"t", 0.1}}, mixed.part({2}));
  CHECK(tells(tokens, "tokens (ids 0 to 8)") && tells(tokens, "perturbations.uniform"));
  const std::string large = told({{"kind", "ordinal"}, {"t", 0.1}},
                                 Domain({{Kind::Binary, 0, 1, 2, ""}, {Kind::Ordinal, 0, 1, (1 << 20) + 1, "zip"}}));
  CHECK(tells(large, "column 1 ('zip') has 1048577") && tells(large, "perturbations.uniform"));
  const auto structured = [](const Value& on, Map kernel) {
    return Map{{"kind", "structured"}, {"kernels", List{Map{{"on", on}, {"perturbation", std::move(kernel)}}}}};
  };
  // Columns are counted in the whole row.
  CHECK(tells(told(structured("tokens", {{"kind", "ordinal"}, {"t", 1.0}}), mixed), "columns 5 to 6"));
  CHECK(tells(told(structured("size", {{"kind", "uniform"}, {"t", 1.0}}), mixed, Code::InvalidOption),
              "no columns 'size'"));
  CHECK(tells(told(structured(List{"colour", 1}, {{"kind", "structured"}}), mixed, Code::InvalidOption),
              "no other one inside"));
  CHECK(tells(told({{"kind", "structured"}, {"sd", List{1.0, 1.0, 1.0}}}, mixed, Code::Shape), "2 real columns"));
  CHECK(tells(told({{"kind", "cyclic"}}, mixed.part({1}), Code::InvalidOption), "either t"));
  CHECK(tells(told({{"kind", "absorbing"}}, mixed.part({1}), Code::InvalidOption), "grid: true"));
}

}  // namespace langevin::test::perturbations_test
