#include "samplers/sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/remedy.hpp"
#include "base/threads.hpp"
#include "samplers/escape.hpp"
#include "samplers/moves.hpp"
#include "samplers/plan.hpp"
#include "samplers/record.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// Energies in bfloat16 drive float32 chains: a step would vanish in bfloat16 rounding.
at::TensorOptions chainOptions(const Target& target) {
  return target.options().dtype(target.dtype() == at::kBFloat16 ? at::kFloat : target.dtype());
}

std::int64_t chainsOf(const Spec& a, std::int64_t rows, const char* what) {
  const std::int64_t chains = a.count("chains", 1, rows);
  if (chains != rows)
    throw Error(Code::Shape,
                std::string(what) + " has " + std::to_string(rows) + " rows, chains is " + std::to_string(chains) +
                    "; leave chains out or give as many rows",
                {{"rows", rows}, {"chains", chains}});
  return chains;
}

at::Tensor drawnStart(const Spec& init, const Random& random, std::int64_t chains, const Target& target,
                      const SampleOptions& options) {
  const std::int64_t d = target.width();
  const bool named = init.value().get<std::string>() != nullptr;
  const std::string kind = named ? init.text() : init.kind();
  const Domain& domain = target.domain();
  if (domain.discrete()) {
    if (kind != "uniform" || (!named && (init.has("low") || init.has("high"))))
      init.invalid("this energy is over " + domain.describe() + ": chains start at 'uniform' states or at given rows");
    return domain.uniform(chains, options.firstStep, Stream::Init, random, chainOptions(target));
  }
  // The discrete columns of a mixed energy start at uniform states, from numbers of their own.
  const auto withStates = [&](at::Tensor x) {
    if (!domain.mixed()) return x;
    const at::Tensor states =
        domain.uniform(chains, options.firstStep, Stream::Init, random.fork(Salt::MixedStart), x.options());
    for (const ColumnBlock& block : domain.runs())
      if (block.discrete()) block.columnsOf(x).copy_(block.columnsOf(states));
    return x;
  };
  if (kind == "normal") {
    const double sd = named ? 1.0 : init.positive("sd", 1.0), mean = named ? 0.0 : init.number("mean", 0.0);
    const at::Tensor x = random.normal(chains, d, options.firstStep, Stream::Init, chainOptions(target));
    return withStates(sd == 1.0 && mean == 0.0 ? x : x * sd + mean);
  }
  if (kind != "uniform") (named ? init : init.at("kind")).invalid("'" + kind + "' is not one of normal, uniform");
  const auto& box = options.sampler->common().box;
  const double low = !named && init.has("low") ? init.number("low") : box ? box->low : -1.0;
  const double high = !named && init.has("high") ? init.number("high") : box ? box->high : 1.0;
  if (!(low < high)) init.invalid("low must be less than high");
  return withStates(random.uniform(chains, d, options.firstStep, Stream::Init, chainOptions(target)) * (high - low) +
                    low);
}

at::Tensor conditionOfChains(const Spec& a, const Target& target, const at::Tensor& x) {
  at::Tensor y = a.has("y") ? unbox(a.at("y")) : at::Tensor();
  if (y.defined() && y.dim() > 0 && y.size(0) == 1 && x.size(0) != 1) {
    std::vector<std::int64_t> shape(y.sizes().begin(), y.sizes().end());
    shape[0] = x.size(0);
    y = y.expand(shape);
  }
  return target.rows(x, y).y;  // checks x, too
}

// Positions and what kernels carry from an earlier call: { x, velocity?, adaptation?, ends?, replicas?: [the same] }.
Chains chainsOfState(const Spec& state, const Target& target) {
  Chains chains;
  const auto options = chainOptions(target);
  const auto type = c10::typeMetaToScalarType(options.dtype());
  chains.x = asRows(unbox(state.at("x")), target.input(), type, target.options().device(), state.path() + ".x");
  const auto part = [&](const char* key, const Shape& width, at::ScalarType dtype, at::Device device) {
    if (!state.has(key)) return at::Tensor();
    const at::Tensor t = asRows(unbox(state.at(key)), width, dtype, device, state.path() + "." + key);
    if (t.size(0) != chains.size()) fail(Code::Shape, state.path(), ".", key, " and x have different numbers of rows");
    requireFinite(t, state.path() + "." + key);
    return t;
  };
  chains.velocity = part("velocity", target.input(), type, target.options().device());
  for (const auto& [key, member] : {std::pair{"adaptation", &Chains::adaptation}, std::pair{"ends", &Chains::ends}})
    if (state.has(key)) chains.*member = part(key, unbox(state.at(key)).size(-1), at::kDouble, at::kCPU);
  if (state.has("replicas"))
    for (const Spec& item : state.at("replicas").items()) {
      chains.replicas.push_back(chainsOfState(item, target));
      if (chains.replicas.back().size() != chains.size())
        fail(Code::Shape, item.path(), " and x have different numbers of rows");
    }
  return chains;
}

Map stateOf(const Chains& chains, const Shape& input) {
  Map state{{"x", box(input.view(chains.x))}};
  if (chains.velocity.defined()) state["velocity"] = box(input.view(chains.velocity));
  if (chains.adaptation.defined()) state["adaptation"] = box(chains.adaptation);
  if (chains.ends.defined()) state["ends"] = box(chains.ends);
  if (chains.replicas.empty()) return state;
  List replicas;
  for (const Chains& replica : chains.replicas) replicas.emplace_back(stateOf(replica, input));
  state["replicas"] = std::move(replicas);
  return state;
}

Chains started(const Spec& a, const Target& target, SampleOptions& options) {
  Chains chains;
  if (const auto state = a.find("resume")) {
    options.firstStep = state->at("nextStep").seed();
    chains = chainsOfState(*state, target);
    chainsOf(a, chains.size(), "resume");
  } else if (a.has("init") && a.at("init").value().get<TensorRef>()) {
    const auto type = c10::typeMetaToScalarType(chainOptions(target).dtype());
    chains.x = asRows(unbox(a.at("init")), target.input(), type, target.options().device(), "init");
    if (chains.size() == 0) fail(Code::Shape, "init has no rows");
    chainsOf(a, chains.size(), "init");
  } else {
    const Value usual(target.domain().discrete() ? "uniform" : "normal");
    chains.x = drawnStart(a.has("init") ? a.at("init") : Spec(usual, "init"), Random(options.seed),
                          a.count("chains", 1), target, options);
  }
  target.domain().require(chains.x, a.has("resume") ? "resume.x" : "init");
  options.chains = chains.size();
  if (options.sampler->traits().setsCondition) {
    if (a.has("y")) a.at("y").invalid("the sampler gives y itself, level by level: leave it out");
    requireFinite(chains.x, "init");
  } else {
    chains.y = conditionOfChains(a, target, chains.x);
    for (Chains& replica : chains.replicas) replica.y = chains.y;  // of a run that goes on
  }
  if (options.sampler->common().box && !a.has("resume")) {
    Tally unused;
    applyBox(chains.x, *options.sampler->common().box, unused);
  }
  return chains;
}

SampleOptions sampleOptions(const Spec& a) {
  SampleOptions o;
  o.sampler = makeSampler(a.at("sampler"));
  o.seed = a.has("seed") ? a.at("seed").seed() : 0;
  o.firstStep = a.has("firstStep") ? a.at("firstStep").seed() : 0;
  o.threads = a.threads();
  o.thin = a.count("thin", 1, 1);
  o.diagnostics = a.boolean("diagnostics", true);
  const std::string keep = a.text("keep", "last");
  if (keep == "trajectory")
    o.keep = Keep::Trajectory;
  else if (keep == "moments")
    o.keep = Keep::Moments;
  else if (keep != "last")
    a.at("keep").invalid("'" + keep + "' is not one of last, trajectory, moments");
  const std::int64_t steps = o.sampler->common().steps;
  // Draws before the chains have settled say nothing: adaptation never counts, and diagnostics of the last states look
  // at the second half.
  const std::int64_t usual =
      std::max(std::min(o.sampler->traits().warmup, steps), o.keep == Keep::Last ? steps / 2 : 0);
  o.burnIn = a.count("burnIn", 0, a.has("resume") && o.keep != Keep::Last ? 0 : usual);
  if (o.burnIn > steps || (o.keep != Keep::Last && o.draws() < 1))
    throw Error(Code::InvalidOption,
                "burnIn " + std::to_string(o.burnIn) + " and thin " + std::to_string(o.thin) + " leave no draw of " +
                    std::to_string(steps) + " steps; take more steps",
                {{"path", "burnIn"}});
  return o;
}

struct TileResult {
  Chains chains;
  Tally burnIn, tally;
};

// All steps of one tile.
void runTile(const TileExecutor& executor, const SampleOptions& o, std::int64_t index, const TileRange& range,
             TileResult& result, Record& record, const Random& random, Pulse& pulse) {
  const std::int64_t steps = o.sampler->common().steps;
  // An acceptance is known from a few thousand moves; looking at one costs as much as a small model's step.
  constexpr std::int64_t kMonitored = 4096;
  const std::int64_t looks = std::clamp<std::int64_t>(kMonitored / o.chains, 2, 1024);
  const bool adjusted = o.sampler->traits().adjusted;
  const std::int64_t monitorEvery = adjusted ? 0 : std::max<std::int64_t>(16, (steps + looks - 1) / looks);
  const StepClock clock{0, steps, o.firstStep, monitorEvery};
  if (o.burnIn > 0) executor.run(result.chains, clock, o.burnIn, random, result.burnIn, pulse);
  if (o.burnIn == steps) return;
  const StepClock after{o.burnIn, steps, o.firstStep + static_cast<std::uint64_t>(o.burnIn), monitorEvery};
  Record::Sink sink = record.sink(index, range);
  executor.runWatched(result.chains, after, steps - o.burnIn, random, result.tally, pulse, sink);
}

// Only what a result needs.
Chains joinedTiles(std::vector<TileResult>& tiles) {
  std::vector<Chains> pieces;
  for (TileResult& tile : tiles) {
    tile.chains.y.reset();
    tile.chains.gradient.reset();
    for (Chains& replica : tile.chains.replicas) {
      replica.y.reset();
      replica.gradient.reset();
      replica.energy.reset();
    }
    pieces.push_back(std::move(tile.chains));
  }
  return Chains::joined(pieces);
}

Value stepSizeReport(const SampleOptions& o, const Chains& chains) {
  if (!o.sampler->traits().stepSize) return {};
  at::Tensor sizes = o.sampler->stepSizes(chains);
  if (!sizes.defined()) {
    const std::int64_t steps = o.sampler->common().steps, stride = std::max<std::int64_t>(1, steps / 1024);
    std::vector<double> values;
    for (std::int64_t t = 0; t < steps; t += stride) values.push_back(o.sampler->common().stepSize.at(t, steps));
    sizes = at::tensor(values, at::kDouble);
  }
  return Map{
      {"mean", sizes.mean().item<double>()}, {"min", sizes.min().item<double>()}, {"max", sizes.max().item<double>()}};
}

Map diagnosticsOf(const SampleOptions& o, const Record& record, const Chains& chains, const Tally& burnIn,
                  const Tally& tally) {  // without Record::diagnose()
  Map d{{"chains", o.chains},
        {"steps", o.sampler->common().steps},
        {"burnIn", o.burnIn},
        {"effectiveTemperature", o.sampler->effectiveTemperature()},
        {"divergences", tally.divergences},
        {"burnInDivergences", burnIn.divergences},
        {"stepSize", stepSizeReport(o, chains)}};
  const Tally& told = tally.steps > 0 ? tally : burnIn;
  const double none = std::numeric_limits<double>::quiet_NaN();
  const double rate = told.proposals > 0 ? told.acceptanceRate() : none;
  const bool adjusted = o.sampler->traits().adjusted;
  d["acceptance"] = numberOrNull(adjusted ? rate : none);
  d["wouldBeAcceptance"] = numberOrNull(adjusted ? none : rate);
  d["clippedShare"] = told.clippedShare();
  d["clampedShare"] = told.clampedShare();
  d["traced"] = record.traced();
  o.sampler->report(told, d);
  return d;
}

// Whether chains run away is asked only where they disagree or stand still: on a sound run it costs nothing.
Value escaping(const Spec& a, const SampleOptions& o, const Record& record, const Energy& energy, const Chains& start,
               const Chains& end) {
  if (o.sampler->traits().setsCondition || !record.unsettled()) return {};
  if (keepsToBox(a.at("sampler").value())) return {};
  const std::int64_t n = record.tracedChains();
  const Chains first = start.slice(0, n);
  return escapingChains(energy, {first.x, first.y}, end.x.slice(0, 0, n), o.threads);
}

// Chains that never moved because every proposal was lost are no sample of anything.
void requireMovement(const SampleOptions& o, const Tally& burnIn, const Tally& tally) {
  const std::int64_t proposals = burnIn.proposals + tally.proposals, lost = burnIn.divergences + tally.divergences;
  if (!o.sampler->traits().adjusted || proposals == 0 || lost < proposals) return;
  throw errorWithRemedy(Code::Diverged,
                        "every one of " + std::to_string(proposals) + " proposals diverged, no chain moved",
                        "use a smaller stepSize, fewer leapfrogSteps, or a warmup that adapts the step size",
                        {{"divergences", lost}, {"steps", o.sampler->common().steps}});
}

}  // namespace

Value sample(const Spec& a, Job& job) {
  const auto begin = std::chrono::steady_clock::now();
  at::NoGradGuard guard;
  const EnergyRef energy = energyIn(a.at("energy"));
  SampleOptions o = sampleOptions(a);
  auto executor = planTile(*o.sampler, *energy);  // first: it refuses a sampler that is not for this energy
  Chains start = started(a, *energy, o);
  const Tiling tiling = start.tiling(*energy);
  Record record(o, energy->inputWidth(), start.x.options(), tiling.count());
  const Random random(o.seed);
  if (const auto tuned = o.sampler->tuned(*energy, start, random, o.threads, job)) {
    o.sampler = tuned;
    executor = planTile(*o.sampler, *energy);
  }
  Pulse pulse(job, o.chains, o.sampler->common().steps, true);
  std::vector<TileResult> tiles(static_cast<std::size_t>(tiling.count()));
  parallelTiles(tiling.count(), threadsFor(start, o.threads), [&](std::int64_t i) {
    at::NoGradGuard tileGuard;
    const TileRange range = tiling.range(i);
    TileResult& result = tiles[static_cast<std::size_t>(i)];
    result.chains = start.slice(range.first, range.last);
    runTile(*executor, o, i, range, result, record, random, pulse);
  });
  Tally burnIn, tally;
  for (const TileResult& tile : tiles) {
    burnIn.merge(tile.burnIn);
    tally.merge(tile.tally);
  }
  requireMovement(o, burnIn, tally);
  const Chains end = joinedTiles(tiles);
  Map state = stateOf(end, energy->input());
  state["nextStep"] = o.firstStep + static_cast<std::uint64_t>(o.sampler->common().steps);
  Map result{{"samples", box(energy->input().view(end.x))},
             {"energy", box(end.energy)},
             {"state", state},
             {"executor", executor->name()}};
  record.finish();
  record.into(result, energy->input());
  Map diagnostics = diagnosticsOf(o, record, end, burnIn, tally);
  diagnostics["escaping"] = escaping(a, o, record, *energy, start, end);
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  // Statistics of the chains may cost more than the chains. They are the same numbers whenever they are computed: here
  // where that hardly shows, else when somebody reads them (src/sample.ts).
  constexpr double kShare = 0.05;
  if (record.diagnosisCost() <= kShare * seconds())
    record.diagnose(diagnostics, end.energy);
  else
    result["traces"] = record.traces();
  result["diagnostics"] = std::move(diagnostics);
  result["seconds"] = seconds();
  return result;
}

}  // namespace langevin
