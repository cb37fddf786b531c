// nuts: Hamiltonian Monte Carlo whose trajectories double until they turn back (Hoffman and Gelman 2014), with a state
// drawn from the whole trajectory by its weight exp((H0 - H) / T), later halves preferred (Betancourt 2017, appendix
// A.3), and the generalised no-U-turn criterion p' M^-1 rho > 0, rho the sum of the momenta (A.4.2), also across the
// seam of two halves, as Stan has it.
// During the first `warmup` steps of its life each chain adapts its own step size (dual averaging, restarted after each
// window from a step whose acceptance is about 0.8) and its own diagonal inverse mass matrix: variances by Welford's
// update over windows that double, shrunk towards 1e-3 (the windows, and 5 / (n + 5), are those of Stan).
#include <algorithm>
#include <cmath>

#include "samplers/dual_averaging.hpp"
#include "samplers/moves.hpp"
#include "samplers/nuts_tree.hpp"
#include "samplers/sampler.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// Columns of Chains::adaptation: those of dual averaging, then these, then inverse mass, mean and squares [d] each.
enum Column : std::int64_t { FirstStep = dual_averaging::Columns, Search, Seen, Vectors };

// Sums of Tally::own.
enum Own : std::size_t { Leapfrogs, Transitions, Deepest, Owns };

// Steps of warm-up after which the mass matrix is updated: a fast start of 75 steps, windows of 25, 50, 100, ... and a
// fast end of 50 in which only the step size adapts; 15 %, 75 %, 10 % where that does not fit.
std::vector<std::int64_t> windowEnds(std::int64_t warmup) {
  if (warmup < 20) return {};
  std::int64_t first = 75, window = 25, last = 50;
  if (first + window + last > warmup) {
    first = warmup * 15 / 100;
    last = warmup / 10;
    window = warmup - first - last;
  }
  std::vector<std::int64_t> ends{first};
  for (std::int64_t end = first + window; end <= warmup - last; window *= 2, end += window) {
    // A window that would leave too little for the next one takes the rest.
    if (end + 2 * window > warmup - last) end = warmup - last;
    ends.push_back(end);
  }
  return ends;  // [start of the first window, end of the first, end of the second, ...]
}

class Nuts final : public Sampler {
 public:
  Nuts(CommonOptions common, const NutsOptions& options)
      : Sampler(std::move(common)), options_(options), windows_(windowEnds(options.warmup)) {}

  bool adjusted() const override { return true; }
  std::int64_t warmup() const override { return options_.warmup; }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    Sampler::init(chains, target, random, counter);
    const std::int64_t d = chains.x.size(1), width = Vectors + 3 * d;
    if (chains.adaptation.defined() && chains.adaptation.size(1) != width)
      fail(Code::Shape, "the chains' adaptation has ", chains.adaptation.size(1), " columns, nuts has ", width,
           "; resume with the sampler that made the state");
    if (chains.adaptation.defined()) return;
    chains.adaptation = at::zeros({chains.size(), width}, at::kDouble);
    chains.adaptation.slice(1, Vectors, Vectors + d).fill_(1);
    auto* row = chains.adaptation.data_ptr<double>();
    for (std::int64_t i = 0; i < chains.size(); ++i, row += width) {
      row[FirstStep] = common_.stepSize.first();
      row[Search] = options_.warmup > 0;
      dual_averaging::start(row, row[FirstStep]);
    }
  }

  at::Tensor stepSizes(const Chains& chains) const override {
    return chains.adaptation.select(1, dual_averaging::LogStep).exp();
  }

  void report(const Tally& tally, Map& diagnostics) const override {
    if (tally.own.size() != Owns || tally.own[Transitions] == 0) return;
    diagnostics["leapfrogSteps"] = tally.own[Leapfrogs] / tally.own[Transitions];
    diagnostics["deepestShare"] = tally.own[Deepest] / tally.own[Transitions];
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    State s;
    s.chains = &chains;
    s.target = &target;
    s.counter = clock.counter;
    s.setting = {chains.x.size(1),
                 options_.maxDepth,
                 common_.temperature.at(clock.t, clock.total),
                 common_.clip,
                 common_.box ? &*common_.box : nullptr,
                 chains.x.scalar_type() == at::kFloat};
    const auto doubles = [](const at::Tensor& t) { return t.to(at::kCPU, at::kDouble).contiguous(); };
    s.x = doubles(chains.x).clone();
    s.gradient = doubles(chains.gradient).clone();
    s.potential = doubles(chains.energy).clone();
    s.adaptation = chains.adaptation.clone(at::MemoryFormat::Contiguous);
    tally.own.resize(Owns, 0);
    // Few enough rows that their trees stay in cache.
    constexpr std::int64_t kRows = 128;
    for (std::int64_t first = 0; first < chains.size(); first += kRows)
      stepRows(s, first, std::min(chains.size(), first + kRows), random, tally);
    chains.x = s.x.to(chains.x.options());
    chains.gradient = s.gradient.to(chains.gradient.options());
    chains.energy = s.potential.to(chains.energy.options());
    chains.adaptation = s.adaptation;
  }

 private:
  // A tile in float64 while its step runs.
  struct State {
    const Chains* chains;
    const Target* target;
    std::uint64_t counter;
    NutsSetting setting;
    at::Tensor x, gradient, potential, adaptation;
    double* row(std::int64_t i) const { return adaptation.data_ptr<double>() + i * adaptation.size(1); }
    double* inverseMass(std::int64_t i) const { return row(i) + Vectors; }
    double* positionOf(std::int64_t i) const { return x.data_ptr<double>() + i * setting.columns; }
    double* gradientOf(std::int64_t i) const { return gradient.data_ptr<double>() + i * setting.columns; }
    double& energyOf(std::int64_t i) const { return potential.data_ptr<double>()[i]; }
  };

  struct Evaluated {
    at::Tensor energy, gradient;  // float64 [m], [m, d]
    double energyAt(std::size_t i) const { return energy.const_data_ptr<double>()[i]; }
    const double* gradientAt(std::size_t i) const {
      return gradient.const_data_ptr<double>() + static_cast<std::int64_t>(i) * gradient.size(1);
    }
  };

  // Energy and gradient of chains `which` of the tile, at `x` (float64, one row each).
  static Evaluated evaluate(const State& s, const std::vector<std::int64_t>& which, const at::Tensor& x) {
    at::Tensor y = s.chains->y;
    if (y.defined()) y = y.index_select(0, at::tensor(which, at::kLong).to(y.device()));
    const EnergyAndGradient value = evaluateAt(*s.target, x.to(s.chains->x.options()), y);
    return {value.energy.to(at::kCPU, at::kDouble).contiguous(), value.gradient.to(at::kCPU, at::kDouble).contiguous()};
  }

  // p ~ N(0, T M), float64 [rows, d].
  at::Tensor momenta(const State& s, std::int64_t first, std::int64_t last, const Random& random, Stream stream) const {
    const std::int64_t d = s.setting.columns;
    const at::Tensor mass = s.adaptation.slice(0, first, last).slice(1, Vectors, Vectors + d).reciprocal();
    return (random.normal(last - first, d, s.counter, stream, at::TensorOptions(at::kDouble),
                          s.chains->firstChain + static_cast<std::uint64_t>(first)) *
            (mass * s.setting.temperature).sqrt())
        .contiguous();
  }

  void stepRows(State& s, std::int64_t first, std::int64_t last, const Random& random, Tally& tally) const {
    search(s, first, last, random);
    const at::Tensor p = momenta(s, first, last, random, Stream::Noise);
    thread_local std::vector<NutsTree> trees;
    trees.resize(static_cast<std::size_t>(last - first));
    for (std::int64_t i = first; i < last; ++i) {
      if (common_.clip > 0 && nutsKick(s.setting, s.gradientOf(i)) < 1) ++tally.clipped;
      const ChainUniforms uniforms(random.seed(), s.chains->firstChain + static_cast<std::uint64_t>(i), s.counter);
      trees[static_cast<std::size_t>(i - first)].start(s.setting, s.positionOf(i), s.energyOf(i), s.gradientOf(i),
                                                       p.const_data_ptr<double>() + (i - first) * s.setting.columns,
                                                       s.inverseMass(i), std::exp(s.row(i)[dual_averaging::LogStep]),
                                                       uniforms);
    }
    growTogether(s, first, trees);
    for (std::int64_t i = first; i < last; ++i) finish(s, i, trees[static_cast<std::size_t>(i - first)], tally);
  }

  // One leapfrog step of every tree that still grows, until none does.
  static void growTogether(const State& s, std::int64_t first, std::vector<NutsTree>& trees) {
    const auto d = static_cast<std::size_t>(s.setting.columns);
    std::vector<std::int64_t> which;
    for (;;) {
      which.clear();
      for (std::size_t i = 0; i < trees.size(); ++i)
        if (trees[i].running()) which.push_back(first + static_cast<std::int64_t>(i));
      if (which.empty()) return;
      const at::Tensor x = at::empty({static_cast<std::int64_t>(which.size()), s.setting.columns}, at::kDouble);
      for (std::size_t k = 0; k < which.size(); ++k) {
        const std::vector<double>& place = trees[static_cast<std::size_t>(which[k] - first)].advance();
        std::copy_n(place.data(), d, x.data_ptr<double>() + k * d);
      }
      const Evaluated value = evaluate(s, which, x);
      for (std::size_t k = 0; k < which.size(); ++k)
        trees[static_cast<std::size_t>(which[k] - first)].receive(value.energyAt(k), value.gradientAt(k));
    }
  }

  void finish(State& s, std::int64_t i, const NutsTree& tree, Tally& tally) const {
    tally.acceptance += tree.acceptance();
    ++tally.proposals;
    tally.accepted += tree.moved();
    tally.divergences += tree.divergent();
    tally.clamped += tree.touched();
    tally.own[Leapfrogs] += static_cast<double>(tree.leaves());
    tally.own[Transitions] += 1;
    tally.own[Deepest] += tree.deepest();
    const NutsPoint& at = tree.proposal();
    std::copy(at.x.begin(), at.x.end(), s.positionOf(i));
    std::copy(at.gradient.begin(), at.gradient.end(), s.gradientOf(i));
    s.energyOf(i) = at.energy;
    adapt(s, i, tree.acceptance());
  }

  void adapt(State& s, std::int64_t i, double acceptance) const {
    double* row = s.row(i);
    if (row[Seen] >= static_cast<double>(options_.warmup)) return;
    dual_averaging::update(row, acceptance, options_.targetAcceptance, row[FirstStep]);
    const auto seen = static_cast<std::int64_t>(++row[Seen]);
    if (windows_.size() > 1 && seen > windows_.front() && seen <= windows_.back()) {
      welford(s, i, seen);
      if (std::binary_search(windows_.begin() + 1, windows_.end(), seen)) closeWindow(s, i, seen);
    }
    if (seen >= options_.warmup) dual_averaging::freeze(row);
  }

  // The number of a state within its window.
  double place(std::int64_t seen) const {
    return static_cast<double>(seen - *(std::lower_bound(windows_.begin(), windows_.end(), seen) - 1));
  }

  void welford(State& s, std::int64_t i, std::int64_t seen) const {
    const std::int64_t d = s.setting.columns;
    const double *x = s.positionOf(i), n = place(seen);
    double *mean = s.inverseMass(i) + d, *squares = mean + d;
    for (std::int64_t c = 0; c < d; ++c) {
      const double change = x[c] - mean[c];
      mean[c] += change / n;
      squares[c] += change * (x[c] - mean[c]);
    }
  }

  void closeWindow(State& s, std::int64_t i, std::int64_t seen) const {
    const std::int64_t d = s.setting.columns;
    const double n = place(seen);
    double *row = s.row(i), *mass = s.inverseMass(i), *mean = mass + d, *squares = mean + d;
    for (std::int64_t c = 0; c < d; ++c) mass[c] = n / (n + 5) * (squares[c] / (n - 1)) + 1e-3 * (5 / (n + 5));
    std::fill_n(mean, 2 * d, 0.0);
    row[FirstStep] = std::exp(row[dual_averaging::LogStep]);
    row[Search] = 1;
  }

  // Doubles or halves the step until the acceptance of one leapfrog step crosses 0.8 (Hoffman and Gelman 2014,
  // algorithm 4; Stan's threshold), for the chains whose window just began.
  void search(State& s, std::int64_t first, std::int64_t last, const Random& random) const {
    std::vector<std::int64_t> which;
    for (std::int64_t i = first; i < last; ++i)
      if (s.row(i)[Search] > 0) which.push_back(i);
    if (which.empty()) return;
    const std::int64_t d = s.setting.columns;
    const at::Tensor p = momenta(s, first, last, random, Stream::Auxiliary);
    std::vector<int> direction(static_cast<std::size_t>(last - first), 0);
    for (int round = 0; round < 60 && !which.empty(); ++round) {
      const at::Tensor x = at::empty({static_cast<std::int64_t>(which.size()), d}, at::kDouble), q = at::empty_like(x);
      for (std::size_t k = 0; k < which.size(); ++k) {
        const std::int64_t i = which[k], at = static_cast<std::int64_t>(k) * d;
        std::copy_n(s.positionOf(i), d, x.data_ptr<double>() + at);
        std::copy_n(p.const_data_ptr<double>() + (i - first) * d, d, q.data_ptr<double>() + at);
        kick(s, s.gradientOf(i), s.row(i)[FirstStep] / 2, q.data_ptr<double>() + at);
        nutsDrift(s.setting, s.inverseMass(i), s.row(i)[FirstStep], x.data_ptr<double>() + at,
                  q.data_ptr<double>() + at);
      }
      const Evaluated value = evaluate(s, which, x);
      std::vector<std::int64_t> unsettled;
      for (std::size_t k = 0; k < which.size(); ++k) {
        const std::int64_t i = which[k];
        double* now = q.data_ptr<double>() + static_cast<std::int64_t>(k) * d;
        double* row = s.row(i);
        kick(s, value.gradientAt(k), row[FirstStep] / 2, now);
        const double change =
            (s.energyOf(i) + nutsKinetic(p.const_data_ptr<double>() + (i - first) * d, s.inverseMass(i), d) -
             value.energyAt(k) - nutsKinetic(now, s.inverseMass(i), d)) /
            s.setting.temperature;
        const int wanted = change > std::log(0.8) ? 1 : -1;  // NaN: smaller
        int& asked = direction[static_cast<std::size_t>(i - first)];
        if (asked == 0) asked = wanted;
        if (wanted != asked) continue;
        row[FirstStep] *= asked > 0 ? 2 : 0.5;
        unsettled.push_back(i);
      }
      which.swap(unsettled);
    }
    for (std::int64_t i = first; i < last; ++i) {
      double* row = s.row(i);
      if (row[Search] > 0) dual_averaging::start(row, row[FirstStep]);
      row[Search] = 0;
    }
  }

  static void kick(const State& s, const double* gradient, double h, double* p) {
    const double factor = h * nutsKick(s.setting, gradient);
    for (std::int64_t c = 0; c < s.setting.columns; ++c) p[c] -= factor * gradient[c];
  }

  NutsOptions options_;
  std::vector<std::int64_t> windows_;
};

}  // namespace

std::shared_ptr<const Sampler> makeNuts(const Spec& spec) {
  CommonOptions common = CommonOptions::read(spec);
  NutsOptions options;
  options.maxDepth = spec.count("maxDepth", 1, options.maxDepth);
  options.warmup = spec.count("warmup", 0, common.steps / 2);
  options.targetAcceptance = spec.probability("targetAcceptance", options.targetAcceptance);
  if (!(options.targetAcceptance > 0 && options.targetAcceptance < 1))
    spec.at("targetAcceptance").invalid("must lie strictly between 0 and 1");
  if (options.maxDepth > 20) spec.at("maxDepth").invalid("2^maxDepth leapfrog steps: at most 20");
  if (!common.stepSize.constant()) spec.at("stepSize").invalid("nuts keeps or adapts one step size: give a number");
  if (common.box && !common.box->reflect)
    spec.at("box").invalid(
        "a Metropolis test and clamping exclude each other (clamping piles mass on the border); "
        "use mode: 'reflect'");
  return std::make_shared<Nuts>(std::move(common), options);
}

}  // namespace langevin
