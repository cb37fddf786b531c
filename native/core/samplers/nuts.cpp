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

/// The adaptation of one chain: a view of its row of Chains::adaptation.
class NutsAdaptation {
 public:
  static std::int64_t columns(std::int64_t d) { return kVectors + 3 * d; }
  /// Inverse masses of all chains, [n, d].
  static at::Tensor inverseMasses(const at::Tensor& adaptation, std::int64_t d) {
    return adaptation.slice(1, kVectors, kVectors + d);
  }
  NutsAdaptation(double* row, std::int64_t d) : row_(row), d_(d) {}

  DualAveraging averaging() const { return DualAveraging(row_); }
  double& firstStep() const { return row_[kFirstStep]; }   // where dual averaging started
  bool searching() const { return row_[kSearching] > 0; }  // a first step is still to be found
  void setSearching(bool on) const { row_[kSearching] = on; }
  double& seen() const { return row_[kSeen]; }             // steps of the warm-up so far
  double* inverseMass() const { return row_ + kVectors; }  // [d]
  double* mean() const { return inverseMass() + d_; }      // [d], of the positions of this window
  double* squares() const { return mean() + d_; }          // [d], of their distances from it

 private:
  enum Column : std::int64_t { kFirstStep = DualAveraging::kColumns, kSearching, kSeen, kVectors };
  double* row_;
  std::int64_t d_;
};

/// What a run tells besides acceptance.
struct NutsSums {
  double leapfrogs = 0, transitions = 0;
  double deepest = 0;  // transitions that maxDepth ended
};

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

  Traits traits() const override { return {.adjusted = true, .warmup = options_.warmup}; }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    Sampler::init(chains, target, random, counter);
    const std::int64_t d = chains.x.size(1), width = NutsAdaptation::columns(d);
    if (chains.adaptation.defined() && chains.adaptation.size(1) != width)
      fail(Code::Shape, "the chains' adaptation has ", chains.adaptation.size(1), " columns, nuts has ", width,
           "; resume with the sampler that made the state");
    if (chains.adaptation.defined()) return;
    chains.adaptation = at::zeros({chains.size(), width}, at::kDouble);
    NutsAdaptation::inverseMasses(chains.adaptation, d).fill_(1);
    for (std::int64_t i = 0; i < chains.size(); ++i) {
      const NutsAdaptation chain(chains.adaptation.data_ptr<double>() + i * width, d);
      chain.firstStep() = common_.stepSize.first();
      chain.setSearching(options_.warmup > 0);
      chain.averaging().start(chain.firstStep());
    }
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
    // Few enough rows that their trees stay in cache.
    constexpr std::int64_t kRows = 128;
    for (std::int64_t first = 0; first < chains.size(); first += kRows)
      stepRows(s, first, std::min(chains.size(), first + kRows), random, tally);
    chains.x = s.x.to(chains.x.options());
    chains.gradient = s.gradient.to(chains.gradient.options());
    chains.energy = s.potential.to(chains.energy.options());
    chains.adaptation = s.adaptation;
  }

  at::Tensor stepSizes(const Chains& chains) const override { return DualAveraging::stepSizes(chains.adaptation); }

  void report(const Tally& tally, Map& diagnostics) const override {
    const auto sums = tally.ownSums<NutsSums>();
    if (sums.transitions == 0) return;
    diagnostics["leapfrogSteps"] = sums.leapfrogs / sums.transitions;
    diagnostics["deepestShare"] = sums.deepest / sums.transitions;
  }

 private:
  // A tile in float64 while its step runs.
  struct State {
    const Chains* chains;
    const Target* target;
    std::uint64_t counter;
    NutsSetting setting;
    at::Tensor x, gradient, potential, adaptation;
    NutsAdaptation adaptationOf(std::int64_t i) const {
      return {adaptation.data_ptr<double>() + i * adaptation.size(1), setting.columns};
    }
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
    const at::Tensor mass = NutsAdaptation::inverseMasses(s.adaptation.slice(0, first, last), d).reciprocal();
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
      const NutsAdaptation chain = s.adaptationOf(i);
      trees[static_cast<std::size_t>(i - first)].start(s.setting, s.positionOf(i), s.energyOf(i), s.gradientOf(i),
                                                       p.const_data_ptr<double>() + (i - first) * s.setting.columns,
                                                       chain.inverseMass(), chain.averaging().stepSize(), uniforms);
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
    tally.addOwn(NutsSums{static_cast<double>(tree.leaves()), 1, static_cast<double>(tree.deepest())});
    const NutsPoint& at = tree.proposal();
    std::copy(at.x.begin(), at.x.end(), s.positionOf(i));
    std::copy(at.gradient.begin(), at.gradient.end(), s.gradientOf(i));
    s.energyOf(i) = at.energy;
    adapt(s, i, tree.acceptance());
  }

  void adapt(State& s, std::int64_t i, double acceptance) const {
    const NutsAdaptation chain = s.adaptationOf(i);
    if (chain.seen() >= static_cast<double>(options_.warmup)) return;
    chain.averaging().update(acceptance, options_.targetAcceptance, chain.firstStep());
    const auto seen = static_cast<std::int64_t>(++chain.seen());
    if (windows_.size() > 1 && seen > windows_.front() && seen <= windows_.back()) {
      welford(s, i, seen);
      if (std::binary_search(windows_.begin() + 1, windows_.end(), seen)) closeWindow(chain, s.setting.columns, seen);
    }
    if (seen >= options_.warmup) chain.averaging().freeze();
  }

  // The number of a state within its window.
  double place(std::int64_t seen) const {
    return static_cast<double>(seen - *(std::lower_bound(windows_.begin(), windows_.end(), seen) - 1));
  }

  void welford(State& s, std::int64_t i, std::int64_t seen) const {
    const NutsAdaptation chain = s.adaptationOf(i);
    const double *x = s.positionOf(i), n = place(seen);
    double *mean = chain.mean(), *squares = chain.squares();
    for (std::int64_t c = 0; c < s.setting.columns; ++c) {
      const double change = x[c] - mean[c];
      mean[c] += change / n;
      squares[c] += change * (x[c] - mean[c]);
    }
  }

  void closeWindow(const NutsAdaptation& chain, std::int64_t d, std::int64_t seen) const {
    const double n = place(seen);
    double *mass = chain.inverseMass(), *squares = chain.squares();
    for (std::int64_t c = 0; c < d; ++c) mass[c] = n / (n + 5) * (squares[c] / (n - 1)) + 1e-3 * (5 / (n + 5));
    std::fill_n(chain.mean(), d, 0.0);
    std::fill_n(squares, d, 0.0);
    chain.firstStep() = chain.averaging().stepSize();
    chain.setSearching(true);
  }

  // Doubles or halves the step until the acceptance of one leapfrog step crosses 0.8 (Hoffman and Gelman 2014,
  // algorithm 4; Stan's threshold), for the chains whose window just began.
  void search(State& s, std::int64_t first, std::int64_t last, const Random& random) const {
    std::vector<std::int64_t> which;
    for (std::int64_t i = first; i < last; ++i)
      if (s.adaptationOf(i).searching()) which.push_back(i);
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
        const NutsAdaptation chain = s.adaptationOf(i);
        kick(s, s.gradientOf(i), chain.firstStep() / 2, q.data_ptr<double>() + at);
        nutsDrift(s.setting, chain.inverseMass(), chain.firstStep(), x.data_ptr<double>() + at,
                  q.data_ptr<double>() + at);
      }
      const Evaluated value = evaluate(s, which, x);
      std::vector<std::int64_t> unsettled;
      for (std::size_t k = 0; k < which.size(); ++k) {
        const std::int64_t i = which[k];
        double* now = q.data_ptr<double>() + static_cast<std::int64_t>(k) * d;
        const NutsAdaptation chain = s.adaptationOf(i);
        kick(s, value.gradientAt(k), chain.firstStep() / 2, now);
        const double change =
            (s.energyOf(i) + nutsKinetic(p.const_data_ptr<double>() + (i - first) * d, chain.inverseMass(), d) -
             value.energyAt(k) - nutsKinetic(now, chain.inverseMass(), d)) /
            s.setting.temperature;
        const int wanted = change > std::log(0.8) ? 1 : -1;  // NaN: smaller
        int& asked = direction[static_cast<std::size_t>(i - first)];
        if (asked == 0) asked = wanted;
        if (wanted != asked) continue;
        chain.firstStep() *= asked > 0 ? 2 : 0.5;
        unsettled.push_back(i);
      }
      which.swap(unsettled);
    }
    for (std::int64_t i = first; i < last; ++i) {
      const NutsAdaptation chain = s.adaptationOf(i);
      if (chain.searching()) chain.averaging().start(chain.firstStep());
      chain.setSearching(false);
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
