// Discrete samplers against enumeration: the law their chains settle at, the law of one step, and controls that are
// wrong on purpose and must fail the same checks.
//
// Every check is a chi-square test of independent chains at the level 1e-4 (its rate of false alarms); seeds are fixed,
// so a passing check stays passing. With 16,384 chains and 64 to 256 states it sees a root mean square error of the
// probabilities of about 10 %, with 65,536 half of that.
#include <limits>

#include "check.hpp"
#include "discrete_support.hpp"
#include "samplers/discrete.hpp"
#include "samplers/gibbs.hpp"
#include "samplers/moves.hpp"

namespace langevin::test::discrete_samplers_test {
namespace {

// Enough for the slowest of the models to forget a uniform start.
constexpr std::int64_t kSweeps = 20, kMoves = 120;

struct Model {
  const char* name;
  EnergyRef energy;
  double stepSize;  // of discreteLangevin
};

const std::vector<Model>& models() {
  static const std::vector<Model> all = {
      {"8 spins", isingEnergy("spin"), 2.0}, {"8 bits", isingEnergy("binary", 1.0), 0.7},
      {"rbm 8 x 5", rbmEnergy(), 0.5},       {"network of 8 bits", networkEnergy("binary", 8), 0.5},
      {"potts 3 x 4", pottsEnergy(), 1.0},   {"network of 3 x 4", networkEnergy(Map{{"levels", 4}}, 12), 1.0},
  };
  return all;
}

}  // namespace

TEST(every_sampler_settles_at_the_enumerated_law) {
  for (const Model& m : models()) {
    const at::Tensor law = lawOf(*m.energy);
    // Laws that are worth testing: far from uniform, and no state takes it all.
    CHECK(law.max().item<double>() * static_cast<double>(law.size(0)) > 3 && law.max().item<double>() < 0.5);
    const Map langevin{{"steps", 1}, {"stepSize", m.stepSize}};
    CHECK(settlingP(*samplerOf("gibbs", {{"steps", 1}}), *m.energy, law, kSweeps) > kLevel);
    CHECK(settlingP(*samplerOf("gibbs", {{"steps", 1}, {"order", "fixed"}}), *m.energy, law, kSweeps) > kLevel);
    CHECK(settlingP(*samplerOf("gibbsWithGradients", {{"steps", 1}}), *m.energy, law, kMoves) > kLevel);
    CHECK(settlingP(*samplerOf("discreteLangevin", langevin), *m.energy, law, kMoves) > kLevel);
    // The start itself is refused.
    CHECK(chiSquareP(numbersOfStates(*m.energy, uniformStart(*m.energy)), law) < 1e-9);
  }
}

TEST(block_gibbs_of_an_rbm_settles_at_the_law_of_the_free_energy) {
  const EnergyRef rbm = rbmEnergy();
  CHECK(settlingP(*samplerOf("gibbs", {{"steps", 1}, {"order", "blocks"}}), *rbm, lawOf(*rbm), 40, 65536) > kLevel);
}

TEST(temperature_makes_the_law_flatter) {
  for (std::size_t i : {std::size_t{0}, std::size_t{3}, std::size_t{4}}) {
    const Energy& energy = *models()[i].energy;
    const at::Tensor law = lawOf(energy, 1.8);
    const Map hot{{"steps", 1}, {"temperature", 1.8}};
    Map langevin = hot;
    langevin["stepSize"] = models()[i].stepSize;
    CHECK(settlingP(*samplerOf("gibbs", hot), energy, law, kSweeps) > kLevel);
    CHECK(settlingP(*samplerOf("gibbsWithGradients", hot), energy, law, kMoves) > kLevel);
    CHECK(settlingP(*samplerOf("discreteLangevin", langevin), energy, law, kMoves) > kLevel);
    CHECK(settlingP(*samplerOf("gibbs", {{"steps", 1}}), energy, law, kSweeps) < 1e-9);
  }
}

namespace {

// gibbsWithGradients with its parts to be left out.
struct Flaw {
  double half = 0.5;            // factor of the differences in the proposal
  bool tested = true;           // Metropolis test
  bool reverseAtStart = false;  // reverse probability from the gradient at x, not at x'
};

class FlawedGradients final : public Sampler {
 public:
  explicit FlawedGradients(Flaw flaw) : Sampler({}), flaw_(flaw) {}
  Traits traits() const override { return {.adjusted = true, .moves = Kinds::discrete()}; }

  void step(Chains& c, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const Sites sites(target);
    const std::int64_t k = sites.levels();
    const at::Tensor forward = logProposal(sites, c.x, c.gradient);
    const at::Tensor u = random.uniform(c.size(), 1, clock.counter, Stream::Noise, at::kDouble, c.firstChain);
    const at::Tensor move = choose(forward, u.squeeze(1)), site = move.div(k, "floor");
    const at::Tensor x = sites.with(c.x, site, move.remainder(k));
    const EnergyAndGradient next = evaluateAt(target, x, c.y);
    const at::Tensor backward = logProposal(sites, x, flaw_.reverseAtStart ? c.gradient : next.gradient);
    const at::Tensor back = site * k + sites.decode(c.x).gather(1, site.unsqueeze(1)).squeeze(1);
    at::Tensor ratio = c.energy - next.energy + backward.gather(1, back.unsqueeze(1)).squeeze(1) -
                       forward.gather(1, move.unsqueeze(1)).squeeze(1);
    if (!flaw_.tested) ratio = at::zeros_like(ratio);
    acceptMoves(c, x, next, ratio, clock, random, tally);
  }

 private:
  at::Tensor logProposal(const Sites& sites, const at::Tensor& x, const at::Tensor& gradient) const {
    return (sites.differences(x, gradient) * -flaw_.half)
        .masked_fill(sites.squaredDistances(x).eq(0), -std::numeric_limits<double>::infinity())
        .reshape({x.size(0), -1})
        .log_softmax(1);
  }
  Flaw flaw_;
};

// discreteLangevin with a Metropolis test whose reverse proposal takes its gradient at the start.
class FlawedLangevin final : public Sampler {
 public:
  FlawedLangevin(double stepSize, bool reverseAtStart)
      : Sampler({}), stepSize_(stepSize), reverseAtStart_(reverseAtStart) {}
  Traits traits() const override { return {.adjusted = true, .moves = Kinds::discrete()}; }

  void step(Chains& c, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const Sites sites(target);
    const at::Tensor forward = logProposal(sites, c.x, c.gradient);
    const at::Tensor u =
        random.uniform(c.size(), sites.count(), clock.counter, Stream::Noise, at::kDouble, c.firstChain);
    const at::Tensor levels = choose(forward, u), x = sites.encode(levels, c.x);
    const EnergyAndGradient next = evaluateAt(target, x, c.y);
    const at::Tensor backward = logProposal(sites, x, reverseAtStart_ ? c.gradient : next.gradient);
    const at::Tensor ratio = c.energy - next.energy + backward.gather(2, sites.decode(c.x).unsqueeze(2)).sum({1, 2}) -
                             forward.gather(2, levels.unsqueeze(2)).sum({1, 2});
    acceptMoves(c, x, next, ratio, clock, random, tally);
  }

 private:
  at::Tensor logProposal(const Sites& sites, const at::Tensor& x, const at::Tensor& gradient) const {
    return (sites.differences(x, gradient) * -0.5 - sites.squaredDistances(x) / (2 * stepSize_)).log_softmax(2);
  }
  double stepSize_;
  bool reverseAtStart_;
};

}  // namespace

TEST(controls_fail_the_same_check) {
  for (std::size_t i : {std::size_t{0}, std::size_t{4}}) {
    const Energy& energy = *models()[i].energy;
    const at::Tensor law = lawOf(energy);
    const auto p = [&](Flaw flaw) { return settlingP(FlawedGradients(flaw), energy, law, kMoves); };
    CHECK(p({}) > kLevel);  // the seam itself is right
    // Any proposal is right with the test, also one whose differences are not halved; it is only slower.
    CHECK(settlingP(FlawedGradients({.half = 1}), energy, law, 2 * kMoves) > kLevel);
    CHECK(p({.half = 0.5, .tested = false}) < 1e-9);
    CHECK(p({.half = 0.5, .reverseAtStart = true}) < 1e-9);
    const double size = models()[i].stepSize;
    CHECK(settlingP(FlawedLangevin(size, false), energy, law, kMoves) > kLevel);
    CHECK(settlingP(FlawedLangevin(size, true), energy, law, kMoves) < 1e-9);
  }
}

namespace {

/// The proposal of discreteLangevin between all states, q[x][x'], straight from its definition.
at::Tensor langevinProposal(const Energy& energy, double stepSize) {
  const at::Tensor x = allStates(energy);
  const at::Tensor g = energy.energyAndGradient(energy.rows(x, {})).gradient;
  const std::int64_t n = x.size(0), d = x.size(1), width = energy.program().domain.runs()[0].siteWidth();
  at::Tensor q = at::ones({n, n}, at::kDouble);
  for (std::int64_t site = 0; site < d; site += width) {
    const at::Tensor part = x.slice(1, site, site + width), slope = g.slice(1, site, site + width);
    const at::Tensor change = part.unsqueeze(0) - part.unsqueeze(1);  // [from, to, width]
    const at::Tensor weight =
        ((slope.unsqueeze(1) * change).sum(2) * -0.5 - change.square().sum(2) / (2 * stepSize)).exp();
    // The site's own levels, each once: states that share one have the same weight.
    const std::int64_t shared = n / energy.program().domain.runs()[0].levels;
    q = q * weight / (weight.sum(1, true) / static_cast<double>(shared));
  }
  return q;
}

/// The proposal of gibbsWithGradients: one site changes.
at::Tensor gradientProposal(const Energy& energy) {
  const at::Tensor x = allStates(energy);
  const at::Tensor g = energy.energyAndGradient(energy.rows(x, {})).gradient;
  const at::Tensor change = x.unsqueeze(0) - x.unsqueeze(1);
  const at::Tensor differing =
      change.ne(0).view({x.size(0), x.size(0), -1, energy.program().domain.runs()[0].siteWidth()}).any(3).sum(2);
  const at::Tensor weight = ((g.unsqueeze(1) * change).sum(2) * -0.5).exp() * differing.eq(1);
  return weight / weight.sum(1, true);
}

/// Metropolis-Hastings with the proposal q and the target law.
at::Tensor adjusted(const at::Tensor& q, const at::Tensor& law) {
  const at::Tensor flow = law.unsqueeze(1) * q;
  at::Tensor p = at::where(q > 0, q * (flow.t() / flow).clamp_max(1), at::zeros_like(q));
  p.fill_diagonal_(0);
  return p + at::diag(1 - p.sum(1));
}

/// The law that p leaves as it is: (p' - I) v = 0 with sum v = 1.
at::Tensor stationary(const at::Tensor& p) {
  const std::int64_t n = p.size(0);
  at::Tensor equations = p.t() - at::eye(n, at::kDouble), right = at::zeros({n}, at::kDouble);
  equations[n - 1].fill_(1);
  right[n - 1] = 1;
  return at::linalg_solve(equations, right);
}

double totalVariation(const at::Tensor& a, const at::Tensor& b) { return 0.5 * (a - b).abs().sum().item<double>(); }

double oneStepP(const Sampler& s, const Energy& energy, std::int64_t from, const at::Tensor& row) {
  const at::Tensor start = allStates(energy)[from].unsqueeze(0).repeat({65536, 1});
  return chiSquareP(numbersOfStates(energy, after(s, energy, start, 1).x), row);
}

}  // namespace

TEST(one_step_has_the_enumerated_law) {
  for (const Model& m : models()) {
    const Energy& energy = *m.energy;
    const at::Tensor law = lawOf(energy);
    const at::Tensor proposal = langevinProposal(energy, m.stepSize);
    CHECK_NEAR((proposal.sum(1) - 1).abs().max().item<double>(), 0, 1e-12);
    const at::Tensor dmala = adjusted(proposal, law), gwg = adjusted(gradientProposal(energy), law);
    CHECK_NEAR((law.matmul(dmala) - law).abs().max().item<double>(), 0, 1e-13);
    CHECK_NEAR((law.matmul(gwg) - law).abs().max().item<double>(), 0, 1e-13);
    for (std::int64_t from : {std::int64_t{5}, law.size(0) - 2}) {
      const Map step{{"steps", 1}, {"stepSize", m.stepSize}};
      Map unadjusted = step;
      unadjusted["adjusted"] = false;
      CHECK(oneStepP(*samplerOf("gibbsWithGradients", {{"steps", 1}}), energy, from, gwg[from]) > kLevel);
      CHECK(oneStepP(*samplerOf("discreteLangevin", step), energy, from, dmala[from]) > kLevel);
      CHECK(oneStepP(*samplerOf("discreteLangevin", unadjusted), energy, from, proposal[from]) > kLevel);
      CHECK(totalVariation(proposal[from], dmala[from]) < 0.02 ||
            oneStepP(*samplerOf("discreteLangevin", unadjusted), energy, from, dmala[from]) < 1e-9);
    }
  }
}

// For energies that are linear in each site, whose differences the gradient gives exactly, the bias goes away with the
// step. For others it does not: small steps flip single sites at the rate exp(-d / 2), and the estimates d of a move
// and of its way back do not add up to 0.
TEST(unadjusted_langevin_is_biased_and_by_how_much) {
  for (std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{4}}) {
    const Energy& energy = *models()[i].energy;
    const at::Tensor law = lawOf(energy);
    const auto bias = [&](double size) { return totalVariation(stationary(langevinProposal(energy, size)), law); };
    const double size = models()[i].stepSize, first = bias(size);
    CHECK(first > 0.1);
    CHECK(bias(size / 2) < first && bias(size / 4) < bias(size / 2));
    if (energy.program().pairwise.coupling >= 0)
      CHECK(bias(size / 16) < 0.02 * first);
    else
      CHECK(bias(size / 16) > 0.2 * first);
    // The chains settle at that biased law, not at the model's; with the test they settle at the model's.
    const at::Tensor biased = stationary(langevinProposal(energy, size));
    const auto dula = samplerOf("discreteLangevin", {{"steps", 1}, {"stepSize", size}, {"adjusted", false}});
    CHECK(settlingP(*dula, energy, biased, 40) > kLevel);
    CHECK(settlingP(*dula, energy, law, 40) < 1e-9);
  }
}

namespace {

std::vector<std::shared_ptr<const Sampler>> every(double stepSize) {
  return {samplerOf("gibbs", {{"steps", 1}}), samplerOf("gibbs", {{"steps", 1}, {"order", "fixed"}}),
          samplerOf("gibbsWithGradients", {{"steps", 1}}),
          samplerOf("discreteLangevin", {{"steps", 1}, {"stepSize", stepSize}}),
          samplerOf("discreteLangevin", {{"steps", 1}, {"stepSize", stepSize}, {"adjusted", false}})};
}

}  // namespace

TEST(bit_equal_at_any_number_of_threads_and_energies_belong_to_the_states) {
  for (const Model& m : models()) {
    auto samplers = every(m.stepSize);
    if (m.energy->program().bipartite.weight >= 0)
      samplers.push_back(samplerOf("gibbs", {{"steps", 1}, {"order", "blocks"}}));
    for (const auto& s : samplers) {
      const at::Tensor start = uniformStart(*m.energy, 700);
      const Chains one = after(*s, *m.energy, start, 9);
      const Chains two = after(*s, *m.energy, start, 9, 2);
      CHECK(two.x.equal(one.x) && two.energy.equal(one.energy));
      CHECK(!one.x.equal(start));
      const at::Tensor now = m.energy->energyOf(m.energy->rows(one.x, {}));
      CHECK_NEAR((now - one.energy).abs().max().item<double>(), 0, 1e-12);
    }
  }
}

// The fused loop of a kernel and its steps one by one draw the same states from the same numbers.
void checkStepByStep(const Sampler& s, const Energy& energy) {
  CHECK(std::string(planTile(s, energy)->name()) == "fused");
  const at::Tensor start = uniformStart(energy, 500);
  const Chains fused = after(s, energy, start, 7);
  Chains plain;
  plain.x = start;
  const Random random(17);
  Tally tally;
  for (std::int64_t first = 0; first < 500; first += 125) {  // tiles of advance(): a chain does not see its tile
    Chains tile = plain.slice(first, first + 125);
    s.init(tile, energy, random, 0);
    for (std::int64_t t = 0; t < 7; ++t)
      s.step(tile, energy, StepClock{t, 7, static_cast<std::uint64_t>(t)}, random, tally);
    CHECK(tile.x.equal(fused.x.slice(0, first, first + 125)));
  }
}

// Probabilities differ in the last digits of float64 only.
TEST(the_loop_over_fields_is_the_step_by_step_kernel) {
  for (std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{4}})
    for (const char* order : {"random", "fixed"})
      checkStepByStep(*samplerOf("gibbs", {{"steps", 1}, {"order", order}, {"temperature", 0.9}}), *models()[i].energy);
}

TEST(moves_by_gradients_on_blocks_are_the_step_by_step_kernels) {
  for (const Model& m : models())
    for (const auto& s : every(m.stepSize))
      if (s->common().kind != "gibbs") checkStepByStep(*s, *m.energy);
}

TEST(float32_energies_settle_too) {
  const EnergyRef wide = rbmEnergy();
  const EnergyRef energy = energyFrom({{"kind", "rbm"}, {"input", 8}, {"hidden", 5}}, at::kFloat);
  energy->parameters().assign(wide->parameters().named(), true);
  const at::Tensor law = lawOf(*wide);
  CHECK(settlingP(*samplerOf("gibbs", {{"steps", 1}}), *energy, law, kSweeps) > kLevel);
  CHECK(settlingP(*samplerOf("gibbsWithGradients", {{"steps", 1}}), *energy, law, kMoves) > kLevel);
  CHECK(settlingP(*samplerOf("discreteLangevin", {{"steps", 1}, {"stepSize", 0.5}}), *energy, law, kMoves) > kLevel);
}

namespace {

std::string refusal(const Sampler& s, const Energy& energy, Code code) {
  try {
    Chains chains;
    chains.x = energy.program().domain.discrete() ? uniformStart(energy, 4) : at::zeros({4, energy.inputWidth()});
    Job job;
    advance(s, energy, chains, 1, 0, Random(1), 1, job);
  } catch (const Error& error) {
    CHECK(error.code == code);
    return error.what();
  }
  return "";
}

bool tells(const std::string& message, const char* words) { return message.find(words) != std::string::npos; }

}  // namespace

TEST(samplers_and_energies_that_do_not_fit_are_refused) {
  const EnergyRef real = mlpEnergy("silu"), bits = rbmEnergy(), spins = isingEnergy("spin");
  for (const auto& s : every(1.0)) {
    const std::string message = refusal(*s, *real, Code::Unsupported);
    CHECK(tells(message, "real columns") && tells(message, "langevin") && tells(message, "states"));
  }
  const auto langevin = samplerOf("langevin", {{"steps", 1}, {"stepSize", 0.1}});
  CHECK(tells(refusal(*langevin, *bits, Code::Unsupported), "binary states (0 or 1)"));
  CHECK(tells(refusal(*langevin, *spins, Code::Unsupported), "gibbsWithGradients"));
  const auto blocks = samplerOf("gibbs", {{"steps", 1}, {"order", "blocks"}});
  CHECK(tells(refusal(*blocks, *spins, Code::Unsupported), "hidden units"));
  const auto refused = [](Map options) {
    try {
      makeSamplerFrom(std::move(options));
    } catch (const Error& error) {
      return error.code == Code::InvalidOption;
    }
    return false;
  };
  CHECK(refused({{"kind", "gibbs"}, {"steps", 1}, {"order", "sideways"}}));
  CHECK(refused({{"kind", "discreteLangevin"}, {"steps", 1}}));
}

TEST(numbers_that_are_lost_are_told) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (const Model& m : models()) {
    for (const auto& s : every(m.stepSize)) {
      Job job;
      Chains chains;
      chains.x = uniformStart(*m.energy, 64);
      const at::Tensor flat = m.energy->parameters().flat(), kept = flat.clone();
      flat.fill_(none);
      CHECK_THROWS(advance(*s, *m.energy, chains, 1, 0, Random(1), 1, job), Error);
      flat.copy_(kept);
    }
  }
}

}  // namespace langevin::test::discrete_samplers_test
