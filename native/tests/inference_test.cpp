// Inference methods against each other and against enumeration.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "check.hpp"
#include "inference/chain.hpp"
#include "inference/inference.hpp"
#include "training_support.hpp"

namespace langevin::test::inference_test {
namespace {

// ---- Chains --------------------------------------------------------------------------------------------------------

// Terms from a counter-based generator; `whole` makes them integers -2 .. 2, so that ties abound and sums are exact.
Chain randomChain(const std::vector<std::int64_t>& states, std::uint64_t seed, bool whole) {
  const Random random(seed);
  Chain chain;
  chain.states = states;
  const auto numbers = [&](std::int64_t n, std::uint64_t step) {
    at::Tensor v = random.normal(1, n, step, Stream::User, at::TensorOptions(at::kDouble));
    if (whole) v = v.round().clamp(-2, 2);
    return std::vector<double>(v.data_ptr<double>(), v.data_ptr<double>() + n);
  };
  for (std::size_t t = 0; t < states.size(); ++t) {
    chain.unary.push_back(numbers(states[t], 2 * t));
    if (t + 1 < states.size()) chain.pairwise.push_back(numbers(states[t] * states[t + 1], 2 * t + 1));
  }
  return chain;
}

// 1,000 chains of six variables with 2 to 4 values. The energies of all three are sums of the same six and five terms
// of one assignment in one order, so equal assignments have equal energies to the last bit.
TEST(brute_force_viterbi_and_min_sum_agree_exactly) {
  for (int c = 0; c < 1000; ++c) {
    std::vector<std::int64_t> states;
    for (int t = 0; t < 6; ++t) states.push_back(2 + (c / (t + 1) + t) % 3);
    const Chain chain = randomChain(states, 100 + static_cast<std::uint64_t>(c), c % 2 == 1);
    const ChainResult all = chainExhaustive(chain, 1), path = chainViterbi(chain), both = chainMinSum(chain);
    CHECK(all.y == path.y && all.y == both.y);
    CHECK(all.energy == path.energy && all.energy == both.energy);
    for (std::size_t t = 0; t < states.size(); ++t)
      CHECK_NEAR(*std::min_element(both.table[t].begin(), both.table[t].end()), all.energy, 1e-12);
    CHECK_NEAR(chainForward(chain, 1).logZ, all.logZ, 1e-10);
    CHECK_NEAR(chainForward(chain, 0.3).logZ, chainExhaustive(chain, 0.3).logZ, 1e-10);
  }
}

// min-marginals and marginals one by one against enumeration.
TEST(marginals_of_a_chain_by_enumeration) {
  const Chain chain = randomChain({3, 2, 4}, 5, false);
  const ChainResult messages = chainMinSum(chain), forward = chainForward(chain, 0.7),
                    all = chainExhaustive(chain, 0.7);
  std::vector<std::vector<double>> least, mass;
  for (std::int64_t n : chain.states) {
    least.emplace_back(static_cast<std::size_t>(n), 1e300);
    mass.emplace_back(static_cast<std::size_t>(n), 0.0);
  }
  for (std::int64_t a = 0; a < 3; ++a)
    for (std::int64_t b = 0; b < 2; ++b)
      for (std::int64_t c = 0; c < 4; ++c) {
        const std::vector<std::int64_t> y{a, b, c};
        const double energy = chain.energy(y);
        for (std::size_t t = 0; t < 3; ++t) {
          const auto s = static_cast<std::size_t>(y[t]);
          least[t][s] = std::min(least[t][s], energy);
          mass[t][s] += std::exp(-0.7 * energy - all.logZ);
        }
      }
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t s = 0; s < least[t].size(); ++s) {
      CHECK_NEAR(messages.table[t][s], least[t][s], 1e-12);
      CHECK_NEAR(forward.table[t][s], mass[t][s], 1e-12);
    }
}

// The tutorial's factor graph: two binary latent variables, a binary and a ternary answer; a factor on the first
// variable and one between neighbours. 24 assignments of 4 terms, 2 + 4 + 4 + 6 terms on the trellis.
TEST(factor_terms_of_the_tutorials_chain) {
  Chain chain = randomChain({2, 2, 2, 3}, 9, false);
  for (std::size_t t = 1; t < 4; ++t) chain.unary[t].clear();
  const ChainResult all = chainExhaustive(chain, 1), path = chainViterbi(chain);
  CHECK(all.assignments == 24);
  CHECK(all.factorTerms == 96);
  CHECK(path.factorTerms == 16);
  CHECK(all.y == path.y && all.energy == path.energy);
}

TEST(chains_refuse_sizes_that_do_not_fit) {
  const auto refused = [](Map spec, const std::string& word) {
    const Value value(std::move(spec));
    try {
      Chain::read(Spec(value, "chain"));
    } catch (const Error& error) {
      CHECK(error.code == Code::InvalidOption);
      CHECK(std::string(error.what()).find(word) != std::string::npos);
      return;
    }
    CHECK(false);
  };
  const List two{1.0, 2.0}, three{1.0, 2.0, 3.0};
  refused({{"unary", List{}}}, "at least one");
  refused({{"unary", List{two, two}}}, "1 pairwise");
  refused({{"unary", List{two, two}}, {"pairwise", List{List{two, three}}}}, "pairwise[0][1]");
  refused({{"unary", List{two, three}}, {"pairwise", List{List{two, two}}}}, "variable 1 has 2 values");
  refused({{"unary", List{Value()}}}, "one variable");
  CHECK_THROWS(chainExhaustive(randomChain(std::vector<std::int64_t>(21, 2), 1, false), 1), Error);
}

// ---- Inference -----------------------------------------------------------------------------------------------------

Value run(const EnergyRef& energy, const at::Tensor& x, Map method, int seed = 4, int threads = 1) {
  Job job;
  return call(
      "infer",
      Map{{"energy", energy}, {"x", box(x)}, {"method", std::move(method)}, {"seed", seed}, {"threads", threads}}, job);
}

at::Tensor part(const Value& result, const char* key) { return unbox(*result.map()->at(key).get<TensorRef>()); }

// E = |f(x) - y|^2 with a network f: the answer is f(x), the energy of the right answer 0.
EnergyRef explicitRegression() {
  return energyFrom({{"kind", "twoTower"},
                     {"input", 2},
                     {"condition", 2},
                     {"norm", "squared"},
                     {"x", Map{{"hidden", List{8.0}}, {"activation", "tanh"}}}});
}

at::Tensor answerOf(const EnergyRef& energy, const at::Tensor& x) {
  const auto p = parametersOf(*energy);
  const at::Tensor hidden = at::linear(x, p.at("x.0.weight"), p.at("x.0.bias")).tanh();
  return at::linear(hidden, p.at("x.2.weight"), p.at("x.2.bias"));
}

Map square(Map more) {
  more.emplace("low", -2.0);
  more.emplace("high", List{2.0, 2.0});
  return more;
}

TEST(every_method_finds_the_answer_of_a_regression) {
  const EnergyRef energy = explicitRegression();
  const at::Tensor x = Random(8).normal(40, 2, 0, Stream::User, at::TensorOptions(at::kDouble));
  const at::Tensor wanted = answerOf(energy, x);
  CHECK(wanted.abs().max().item<double>() < 2);  // inside the box
  const auto miss = [&](Map method) {
    const Value result = run(energy, x, std::move(method));
    const at::Tensor y = part(result, "y");
    CHECK(y.sizes().equals(wanted.sizes()));
    CHECK((part(result, "energy") - energy->energyOf(Batch{x, y}, 1)).abs().max().item<double>() < 1e-12);
    return (y - wanted).abs().max().item<double>();
  };
  // Half the distance of grid points, 4 / 80 / 2 = 0.025.
  CHECK(miss({{"kind", "exhaustive"}, {"answers", square({{"points", 81}})}}) <= 0.0251);
  CHECK(miss({{"kind", "coordinateSearch"}, {"answers", square({{"points", 81}})}}) <= 0.0251);
  // A paraboloid of curvature 2: steps of at most 1 contract, 60 of them to rounding.
  CHECK(miss(square({{"kind", "gradientDescent"}, {"restarts", 2}, {"steps", 120}, {"stepSize", 0.3}})) < 1e-6);
  // 256 candidates whose spread at the end is 0.66 * 0.25 * 2^-5 of the half width 2: one of them within 0.03.
  CHECK(miss(square({{"kind", "derivativeFree"}, {"iterations", 8}})) < 0.05);
  const Map cooling{{"kind", "geometric"}, {"from", 1.0}, {"to", 1e-4}};
  CHECK(miss(square({{"kind", "langevin"}, {"stepSize", 0.2}, {"temperature", cooling}, {"steps", 150}})) < 0.05);
}

TEST(answers_do_not_depend_on_threads_or_neighbours) {
  const EnergyRef energy = explicitRegression();
  const at::Tensor x = Random(8).normal(300, 2, 0, Stream::User, at::TensorOptions(at::kDouble));
  const std::vector<Map> methods = {{{"kind", "exhaustive"}, {"answers", square({{"points", 9}})}},
                                    {{"kind", "coordinateSearch"}, {"answers", square({{"points", 9}})}},
                                    square({{"kind", "gradientDescent"}, {"steps", 5}}),
                                    square({{"kind", "derivativeFree"}, {"samples", 2000}}),
                                    square({{"kind", "langevin"}, {"stepSize", 0.1}, {"steps", 5}})};
  for (const Map& method : methods) {
    const at::Tensor one = part(run(energy, x, method, 4, 1), "y");
    CHECK(one.equal(part(run(energy, x, method, 4, 2), "y")));
    // 2,000 candidates a row make blocks of 131 rows: the first 40 rows alone are another cut.
    const at::Tensor alone = part(run(energy, x.slice(0, 0, 40), method, 4, 1), "y");
    CHECK((one.slice(0, 0, 40) - alone).abs().max().item<double>() < 1e-9);
  }
  CHECK(!part(run(energy, x, methods[3], 4), "y").equal(part(run(energy, x, methods[3], 5), "y")));
}

// Two columns of y, the second of them latent: minimum and free energy against sums written out.
TEST(latent_variables_by_minimum_and_free_energy) {
  const EnergyRef energy = energyFrom(
      {{"kind", "conditional"}, {"input", 1}, {"condition", 2}, {"hidden", List{6.0}}, {"activation", "tanh"}});
  const at::Tensor x = at::tensor({-0.7, 0.2, 1.1}, at::kDouble).view({3, 1});
  const std::vector<double> answers{-1, 0, 0.5, 1}, states{-0.5, 0.25, 2};
  List answerList, stateList;
  for (double v : answers) answerList.emplace_back(v);
  for (double v : states) stateList.emplace_back(v);
  at::Tensor table = at::empty({3, 4, 3}, at::kDouble);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 4; ++j)
      for (int k = 0; k < 3; ++k) {
        const at::Tensor y =
            at::tensor({answers[static_cast<std::size_t>(j)], states[static_cast<std::size_t>(k)]}, at::kDouble);
        table[i][j][k] = energy->energyOf(Batch{x.slice(0, i, i + 1), y.view({1, 2})}, 1)[0];
      }
  for (const char* reduce : {"min", "freeEnergy"}) {
    const bool least = std::string(reduce) == "min";
    Map latent{{"columns", 1}, {"answers", Map{{"values", stateList}}}, {"reduce", reduce}};
    if (!least) latent.emplace("beta", 2.0);
    const Value r =
        run(energy, x,
            {{"kind", "exhaustive"}, {"answers", Map{{"values", answerList}}}, {"latent", latent}, {"table", true}});
    const at::Tensor wanted = least ? table.amin(2) : -(-2 * table).exp().sum(2).log() / 2;
    CHECK((part(r, "table") - wanted).abs().max().item<double>() < 1e-12);
    CHECK(part(r, "y").equal(at::tensor(answers, at::kDouble).index_select(0, wanted.argmin(1)).unsqueeze(1)));
    CHECK(*r.map()->at("evaluations").get<double>() == 36);
    CHECK((r.map()->count("latent") == 1) == least);
    if (least) {
      const at::Tensor y = at::cat({part(r, "y"), part(r, "latent")}, 1);
      CHECK((energy->energyOf(Batch{x, y}, 1) - part(r, "energy")).abs().max().item<double>() < 1e-12);
    }
  }
}

TEST(classes_are_all_tried) {
  const EnergyRef energy = energyFrom({{"kind", "classifier"}, {"input", 2}, {"classes", 5}, {"hidden", List{7.0}}});
  const at::Tensor x = Random(2).normal(50, 2, 0, Stream::User, at::TensorOptions(at::kDouble));
  const at::Tensor y = part(run(energy, x, {{"kind", "exhaustive"}}), "y");
  CHECK(y.scalar_type() == at::kLong);
  CHECK(y.equal(energy->outputsOf(Batch{x, {}}, 1).argmax(1)));
  CHECK_THROWS(run(energy, x, square({{"kind", "gradientDescent"}})), Error);
}

}  // namespace
}  // namespace langevin::test::inference_test
