// Objectives on discrete states against enumeration: minimum probability flow, and persistent contrastive divergence of
// an rbm. Tolerances that are statistical are 4.5 standard errors (a false alarm rate of 7e-6); seeds are fixed.
#include "check.hpp"
#include "discrete_support.hpp"
#include "replay/replay_buffer.hpp"

namespace langevin::test::discrete_training_test {
namespace {

const Map kFlow{{"kind", "minimumProbabilityFlow"}};

at::Tensor flatGradient(const EnergyRef& energy, const at::Tensor& rows) {
  const Evaluation e = evaluate(energy, rows, kFlow, 1);
  std::vector<at::Tensor> parts;
  for (const ParameterInfo& p : energy->parameters().info())
    if (p.learnable) parts.push_back(e.gradient.at(p.name).reshape({-1}));
  return at::cat(parts);
}

/// Gradient of the population objective: every state weighed with its probability.
at::Tensor populationGradient(const EnergyRef& energy, const at::Tensor& states, const at::Tensor& law) {
  at::Tensor sum = at::zeros_like(energy->parameters().flat());
  for (std::int64_t i = 0; i < states.size(0); ++i) sum.add_(flatGradient(energy, states.slice(0, i, i + 1)) * law[i]);
  return sum;
}

/// Gradient descent with the step sizes of Barzilai and Borwein (1988), until the gradient is below `tolerance`.
template <class Gradient>
void minimise(const EnergyRef& energy, Gradient gradient, double tolerance) {
  at::NoGradGuard guard;
  const at::Tensor theta = energy->parameters().flat();
  at::Tensor before, slopeBefore;
  for (int i = 0; i < 200; ++i) {
    const at::Tensor slope = gradient();
    if (slope.abs().max().item<double>() < tolerance) return;
    double size = 0.2;
    if (before.defined()) {
      const at::Tensor move = theta - before;
      size = (move.dot(move) / move.dot(slope - slopeBefore)).item<double>();
    }
    before = theta.clone();
    slopeBefore = slope;
    theta.sub_(slope, size);
  }
  CHECK(!"the descent has not converged");
}

EnergyRef freshIsing() { return energyFrom({{"kind", "ising"}, {"sites", 8}}); }

double largestError(const EnergyRef& energy, const EnergyRef& truth) {
  return (energy->parameters().flat() - truth->parameters().flat()).abs().max().item<double>();
}

}  // namespace

TEST(flow_of_the_population_has_its_minimum_at_the_model) {
  // Exact for any energy, linear in its parameters or not: the flow between two states is the same both ways.
  for (const EnergyRef& energy : {isingEnergy("spin"), isingEnergy("binary"), pottsEnergy(),
                                  networkEnergy(Map{{"levels", 4}}, 12), networkEnergy("binary", 8)}) {
    const at::Tensor states = allStates(*energy), law = lawOf(*energy);
    const at::Tensor slope = populationGradient(energy, states, law);
    CHECK_NEAR(slope.abs().max().item<double>(), 0, 1e-12);
    const at::Tensor other = at::full_like(law, 1.0 / static_cast<double>(law.size(0)));
    CHECK(populationGradient(energy, states, other).abs().max().item<double>() > 0.01);
  }
}

TEST(flow_recovers_the_couplings_of_eight_spins_from_the_population) {
  const EnergyRef truth = isingEnergy("spin"), energy = freshIsing();
  const at::Tensor states = allStates(*truth), law = lawOf(*truth);
  CHECK(largestError(energy, truth) > 0.5);
  minimise(
      energy, [&] { return populationGradient(energy, states, law); }, 1e-8);
  // The gradient is below 1e-8 and the curvature about 1.
  CHECK_NEAR(largestError(energy, truth), 0, 1e-6);
}

namespace {

/// Standard errors of the minimiser over n rows, the sandwich H^-1 V H^-1 / n by enumeration: J_ij for i < j, then h.
at::Tensor flowErrors(const Energy& truth, double n) {
  const at::Tensor x = allStates(truth), law = lawOf(truth);
  const at::Tensor energy = truth.energyOf(truth.rows(x, {}));
  const auto features = [](const at::Tensor& rows) {  // dE / d(J, h)
    const at::Tensor upper = at::triu_indices(8, 8, 1);
    return at::cat({rows.index_select(1, upper[0]) * rows.index_select(1, upper[1]), rows}, 1).neg();
  };
  const at::Tensor here = features(x);
  at::Tensor slope = at::zeros_like(here), curvature = at::zeros({36, 36}, at::kDouble);
  for (std::int64_t site = 0; site < 8; ++site) {
    at::Tensor flipped = x.clone();
    flipped.select(1, site).neg_();
    const at::Tensor flow = ((energy - truth.energyOf(truth.rows(flipped, {}))) * 0.5).exp().unsqueeze(1);
    const at::Tensor change = here - features(flipped);
    slope = slope + flow * change * 0.5;
    curvature = curvature + (change * flow * law.unsqueeze(1)).t().matmul(change) * 0.25;
  }
  const at::Tensor variance = (slope * law.unsqueeze(1)).t().matmul(slope);  // its mean is 0
  const at::Tensor inverse = at::linalg_inv(curvature);
  return (inverse.matmul(variance).matmul(inverse).diagonal() / n).sqrt();
}

}  // namespace

TEST(flow_recovers_the_couplings_of_eight_spins_from_samples) {
  const EnergyRef truth = isingEnergy("spin"), energy = freshIsing();
  constexpr std::int64_t n = 20000;
  const at::Tensor rows = exactDraws(*truth, lawOf(*truth), n, 21);
  minimise(
      energy, [&] { return flatGradient(energy, rows); }, 1e-6);
  const auto found = parametersOf(*energy), wanted = parametersOf(*truth);
  const at::Tensor j = found.at("coupling"), upper = at::triu_indices(8, 8, 1);
  CHECK(j.equal(j.t()) && j.diagonal().eq(0).all().item<bool>());
  const auto both = [&](const std::map<std::string, at::Tensor>& p) {
    return at::cat({p.at("coupling").index({upper[0], upper[1]}), p.at("field")});
  };
  const at::Tensor z = (both(found) - both(wanted)) / flowErrors(*truth, n);
  CHECK(z.abs().max().item<double>() < 4.5);
  // The errors are neither too small nor too large: the mean of 36 squares of standard normals, within 4.5 of its
  // standard errors sqrt(2 / 36).
  CHECK_NEAR(z.square().mean().item<double>(), 1, 4.5 * std::sqrt(2.0 / 36));
  // Control: of rows whose spins were shuffled column by column there is nothing to recover.
  at::Tensor shuffled = rows.clone();
  for (std::int64_t c = 1; c < 8; ++c)
    shuffled.select(1, c).copy_(
        rows.select(1, c).index_select(0, Random(5).permutation(n, static_cast<std::uint64_t>(c), Stream::Batch)));
  const EnergyRef nothing = freshIsing();
  minimise(
      nothing, [&] { return flatGradient(nothing, shuffled); }, 1e-6);
  CHECK(((both(parametersOf(*nothing)) - both(wanted)) / flowErrors(*truth, n)).abs().max().item<double>() > 20);
}

namespace {

/// mean_rows dE - sum_v p(v) dE of an rbm, by its formulas and enumeration: [bias | weight | hidden bias].
at::Tensor exactGradient(const Energy& rbm, const at::Tensor& rows) {
  const auto p = parametersOf(rbm);
  const auto mean = [&](const at::Tensor& v, const at::Tensor& weight) {
    const at::Tensor unit = at::addmm(p.at("hidden.bias"), v, p.at("hidden.weight").t()).sigmoid();
    const at::Tensor w = weight.unsqueeze(1);
    return at::cat({(v * w).sum(0), unit.t().matmul(v * w).reshape({-1}), (unit * w).sum(0)}).neg();
  };
  const at::Tensor even = at::full({rows.size(0)}, 1.0 / static_cast<double>(rows.size(0)), at::kDouble);
  return mean(rows, even) - mean(allStates(rbm), lawOf(rbm));
}

/// The mean gradient of persistent contrastive divergence over `steps` steps at fixed weights, after `burnIn` of them.
at::Tensor persistentGradient(const EnergyRef& rbm, const at::Tensor& rows, const Map& sampler, double reinit,
                              int burnIn, int steps) {
  const auto objective =
      makeObjectiveFrom({{"kind", "persistentContrastiveDivergence"},
                         {"sampler", sampler},
                         {"chains", 2000},
                         {"buffer", Map{{"size", 2000}, {"reinit", reinit}, {"reinitFrom", "uniform"}}}});
  const Random random(9);
  Job job;
  const Batch data = rbm->rows(rows, {});
  objective->prepare(*rbm, data, {}, random);
  TrainingStep step(*rbm, random, job, 1, objective->learnableScalars());
  at::Tensor sum = at::zeros_like(rbm->parameters().flat());
  for (int s = 0; s < burnIn + steps; ++s) {
    step.begin(s, burnIn + steps, data, {});
    const at::Tensor gradient = step.run(*objective, {}).gradient;
    if (s >= burnIn) sum.add_(gradient);
  }
  return sum / steps;
}

}  // namespace

// Entries are means of numbers in [0, 1], of deviation at most 0.5; 200,000 of them that count for a quarter of as many
// independent ones scatter by 0.0022. The bound asked for is 0.02.
TEST(persistent_chains_of_an_rbm_give_the_exact_gradient) {
  const EnergyRef rbm = rbmEnergy(10, 6);
  const at::Tensor rows = exactDraws(*rbm, at::full({1024}, 1.0 / 1024, at::kDouble), 200, 3);
  const at::Tensor wanted = exactGradient(*rbm, rows);
  const Map blocks{{"kind", "gibbs"}, {"steps", 5}, {"order", "blocks"}};
  const auto error = [&](const at::Tensor& g) { return (g - wanted).abs().max().item<double>(); };
  CHECK(wanted.abs().max().item<double>() > 0.2);
  CHECK(error(persistentGradient(rbm, rows, blocks, 0, 20, 100)) < 4.5 * 0.0022);
  // Site by site, without the hidden units, from another path through the same states.
  const Map sites{{"kind", "gibbs"}, {"steps", 1}};
  CHECK(error(persistentGradient(rbm, rows, sites, 0, 20, 100)) < 4.5 * 0.0022);
  // Control: chains that restart before every step know the model too little.
  CHECK(error(persistentGradient(rbm, rows, Map{{"kind", "gibbs"}, {"steps", 1}, {"order", "blocks"}}, 1, 0, 20)) >
        0.05);
}

TEST(buffers_of_discrete_chains_hold_states) {
  const auto make = [](Map options) {
    const Value spec(std::move(options));
    return ReplayBuffer(ReplayBuffer::Options::read(Spec(spec, "buffer")));
  };
  for (const EnergyRef& energy : {isingEnergy("spin"), rbmEnergy(), pottsEnergy()}) {
    const Domain& states = energy->program().domain;
    // Data at one state only: its range says nothing about the others.
    const Batch data = energy->rows(allStates(*energy).slice(0, 0, 1).repeat({16, 1}), {});
    ReplayBuffer uniform = make({{"size", 4096}, {"reinit", 0.5}});
    uniform.fill(data, Random(2), states);
    const at::Tensor even = at::full({lawOf(*energy).size(0)}, 1.0 / static_cast<double>(lawOf(*energy).size(0)));
    CHECK(chiSquareP(numbersOfStates(*energy, uniform.draw(4096, 3).rows.x), even) > 1e-4);
    ReplayBuffer mixed = make({{"size", 4096}, {"reinitFrom", Map{{"uniform", 1}, {"data", 1}}}});
    mixed.fill(data, Random(2), states);
    const at::Tensor first = numbersOfStates(*energy, mixed.draw(4096, 3).rows.x).eq(0).to(at::kDouble);
    CHECK_NEAR(first.mean().item<double>(), 0.5 + 0.5 * even[0].item<double>(), 4.5 * 0.5 / 64);
    // A tested restart is accepted by the energies alone: the box of a discrete energy holds every state.
    ReplayBuffer tested = make({{"size", 512}, {"reinit", 1}, {"reinitAccept", "metropolis"}});
    tested.fill(data, Random(2), states);
    CHECK(tested.draw(512, 3, [](const Batch& r) { return at::zeros({r.size()}); }).restarted.all().item<bool>());
    for (const Map& wrong : {Map{{"reinitFrom", "normal"}}, Map{{"reinitFrom", "data"}, {"blur", 0.1}},
                             Map{{"box", Map{{"low", 0}, {"high", 1}}}}})
      CHECK_THROWS(make(wrong).fill(data, Random(2), states), Error);
  }
}

TEST(data_that_are_no_states_are_refused) {
  const auto refused = [](const EnergyRef& energy, const at::Tensor& x, const Map& objective, Code code,
                          const char* words) {
    try {
      evaluate(energy, x, objective, 1);
    } catch (const Error& error) {
      return error.code == code && std::string(error.what()).find(words) != std::string::npos;
    }
    return false;
  };
  const Map gibbs{{"kind", "gibbs"}, {"steps", 1}};
  const Map divergence{{"kind", "contrastiveDivergence"}, {"sampler", gibbs}};
  const Map persistent{{"kind", "persistentContrastiveDivergence"}, {"sampler", gibbs}, {"buffer", Map{{"size", 99}}}};
  at::Tensor bits = at::ones({4, 8}, at::kDouble);
  CHECK(!refused(rbmEnergy(), bits, kFlow, Code::InvalidOption, ""));
  bits[2][5] = 0.5;
  for (const Map& objective : {kFlow, divergence, persistent}) {
    CHECK(refused(rbmEnergy(), bits, objective, Code::InvalidOption, "row 2, column 5"));
    CHECK(refused(isingEnergy("spin"), at::zeros({4, 8}, at::kDouble), objective, Code::InvalidOption, "-1 or +1"));
    CHECK(refused(pottsEnergy(), at::eye(12, at::kDouble), objective, Code::InvalidOption, "single 1"));
  }
  CHECK(refused(mlpEnergy("silu"), at::zeros({4, 2}, at::kDouble), kFlow, Code::Unsupported, "real columns"));
}

}  // namespace langevin::test::discrete_training_test
