// partition.*: { energy, ... } -> { logZ, standardError, lower, upper, ess, ... }.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "evaluation/annealing.hpp"
#include "evaluation/functions.hpp"
#include "evaluation/partition.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMaxCells = 1 << 24;
constexpr const char* kForStates = "partition.exact (up to 2^20 states) or partition.ais";

at::Tensor readCondition(const Spec& a) {
  if (!a.has("y")) return {};
  const at::Tensor y = unbox(a.at("y"));
  if (y.dim() < 1 || y.size(0) != 1)
    a.at("y").invalid("log Z is that of one condition: give one row, got shape " + c10::str(y.sizes()));
  return y;
}

List numberList(const std::vector<std::int64_t>& values) {
  List list;
  for (std::int64_t v : values) list.emplace_back(v);
  return list;
}

List numberList(const std::vector<double>& values) {
  List list;
  for (double v : values) list.emplace_back(v);
  return list;
}

Value finiteOrNull(double value) { return std::isfinite(value) ? Value(value) : Value(); }

// logZ, standardError, and the interval of two standard errors.
Map estimate(double logZ, double standardError) {
  return {{"logZ", logZ},
          {"standardError", standardError},
          {"lower", logZ - 2 * standardError},
          {"upper", logZ + 2 * standardError}};
}

Map weightMap(const WeightSummary& s) {
  return {
      {"logZ", s.logMean}, {"standardError", s.standardError}, {"ess", s.ess}, {"paretoK", finiteOrNull(s.paretoK)}};
}

// { energy, low, high, cells?, refine?, tolerance?, maxCells?, temperature?, y?, threads? }
Value grid(const Spec& a, Job& job) {
  const EnergyRef energy = energyIn(a.at("energy"));
  energy->program().domain.require(Kinds::real(), "partition.grid integrates over real columns", kForStates);
  const GridPartition r = gridPartition(*energy, Grid::read(a, energy->inputWidth()), a.positive("temperature", 1),
                                        readCondition(a), a.boolean("refine", true), a.nonNegative("tolerance", 1e-4),
                                        a.count("maxCells", 1, kMaxCells), a.threads(), job);
  Map result = estimate(r.logZ, r.standardError);
  result.merge(Map{{"entropy", r.entropy},
                   {"borderMass", r.borderMass},
                   {"cells", numberList(r.cells)},
                   {"changes", numberList(r.changes)},
                   {"converged", r.converged}});
  return result;
}

// One list of values per variable, from `values` or `levels`; else what the energy's states are.
std::vector<std::vector<double>> readStates(const Spec& a, const Energy& energy) {
  const Domain& domain = energy.program().domain;
  if (domain.mixed())
    domain.require(Kinds::discrete(), "partition.exact sums over discrete states",
                   "an energy whose columns are all discrete");
  const auto d = static_cast<std::size_t>(domain.sites());
  if (a.has("values") && a.has("levels")) a.at("levels").invalid("give either values or levels");
  std::vector<std::vector<double>> possible;
  for (const ColumnBlock& block : domain.runs())
    possible.insert(possible.end(), static_cast<std::size_t>(block.sites()), block.values());
  std::vector<std::vector<double>> values = possible;
  if (const auto levels = a.find("levels")) {
    std::vector<std::int64_t> counts(d, 2);
    if (levels->value().list())
      counts = levels->integers();
    else
      counts.assign(d, levels->integer());
    if (counts.size() != d)
      levels->invalid("has " + std::to_string(counts.size()) + " numbers for " + std::to_string(d) + " variables");
    for (std::size_t k = 0; k < d; ++k) {
      if (counts[k] < 1 || counts[k] > (1 << 20)) levels->invalid("must be whole numbers of at least 1");
      values[k].clear();
      for (std::int64_t v = 0; v < counts[k]; ++v) values[k].push_back(static_cast<double>(v));
    }
  }
  if (const auto given = a.find("values")) {
    const bool nested = !given->list().empty() && given->list()[0].list();
    if (!nested) {
      values.assign(d, given->numbers());
    } else {
      const std::vector<Spec> items = given->items();
      if (items.size() != d)
        given->invalid("has " + std::to_string(items.size()) + " lists for " + std::to_string(d) + " variables");
      for (std::size_t k = 0; k < d; ++k) values[k] = items[k].numbers();
    }
    for (const auto& v : values)
      if (v.empty()) given->invalid("a variable has no values");
  }
  if (domain.discrete())
    for (std::size_t k = 0; k < d; ++k)
      for (double value : values[k])
        if (std::find(possible[k].begin(), possible[k].end(), value) == possible[k].end())
          a.at(a.has("values") ? "values" : "levels")
              .invalid(std::to_string(value) + " is not a value of a site; this energy is over " + domain.describe());
  return values;
}

// { energy, values?: [..] for every variable or [[..], ..] one list per variable (default [0, 1]), levels?: count or
//   one per variable (states 0 .. levels - 1), temperature?, y? }
Value exact(const Spec& a, Job& job) {
  const EnergyRef energy = energyIn(a.at("energy"));
  const auto values = readStates(a, *energy);
  const ExactPartition r =
      exactPartition(*energy, values, a.positive("temperature", 1), readCondition(a), a.threads(), job);
  Map result = estimate(r.logZ, 0);
  result.merge(Map{{"entropy", r.entropy}, {"states", static_cast<double>(r.states)}});
  return result;
}

// A proposal whose draws are all one point gives weights that are all equal: a standard error of 0 about a number that
// means nothing. The energy must see draws that differ, in its own precision.
void requireSpread(const MixtureLaw& law, const Energy& energy, const Spec& given) {
  const double precision = energy.dtype() == at::kDouble ? 1e-14 : energy.dtype() == at::kFloat ? 1e-6 : 1e-2;
  const at::Tensor sd = law.factors.norm(2, 2), floor = (law.means.abs() * precision).clamp_min(1e-100);
  const at::Tensor narrow = sd.le(floor).nonzero();
  if (narrow.size(0) == 0) return;
  const auto component = narrow[0][0].item<std::int64_t>(), column = narrow[0][1].item<std::int64_t>();
  std::ostringstream what;
  what
      << "the proposal has collapsed: its standard deviation in column " << column << " is "
      << sd[component][column].item<double>() << " about " << law.means[component][column].item<double>()
      << ", too narrow for the energy to tell its draws apart; give rows like the model's samples that differ in every "
         "column, or a proposal: { means, sigmas }";
  given.invalid(what.str());
}

// { energy, rows [n, d], components?, inflate?, defensive? | proposal: { means, weights?, sigmas | covariances };
//   draws?, seed?, temperature?, y?, threads? }
Value importance(const Spec& a, Job& job) {
  const EnergyRef energy = energyIn(a.at("energy"));
  energy->program().domain.require(Kinds::real(), "partition.importance draws from a density over real columns",
                                   kForStates);
  ImportanceOptions o;
  o.draws = a.count("draws", 2, o.draws);
  if (a.has("seed")) o.seed = a.at("seed").seed();
  if (a.has("proposal") == a.has("rows"))
    a.invalid("give either rows, which a mixture is fitted to, or the proposal itself");
  if (const auto proposal = a.find("proposal")) {
    o.proposal = MixtureLaw::read(*proposal, energy->inputWidth());
  } else {
    const at::Tensor rows = asRows(unbox(a.at("rows")), energy->input(), at::kDouble, at::kCPU, a.at("rows").path());
    requireFinite(rows, "rows");
    const double defensive = a.probability("defensive", 0.1);
    if (defensive >= 1) a.at("defensive").invalid("must be less than 1");
    o.proposal = MixtureLaw::fit(rows, a.count("components", 1, 1), Random(o.seed).fork(Salt::ProposalFit))
                     .widened(a.positive("inflate", 1.2), defensive);
  }
  requireSpread(o.proposal, *energy, a.at(a.has("proposal") ? "proposal" : "rows"));
  const WeightSummary r =
      importancePartition(*energy, o, a.positive("temperature", 1), readCondition(a), a.threads(), job);
  Map result = estimate(r.logMean, r.standardError);
  result.merge(Map{{"ess", r.ess}, {"paretoK", finiteOrNull(r.paretoK)}, {"draws", o.draws}});
  return result;
}

std::vector<double> columnOption(const Spec& a, const char* key, std::int64_t d, double otherwise) {
  if (!a.has(key)) return std::vector<double>(static_cast<std::size_t>(d), otherwise);
  const Spec spec = a.at(key);
  if (!spec.value().list()) return std::vector<double>(static_cast<std::size_t>(d), spec.number());
  std::vector<double> values = spec.numbers();
  if (static_cast<std::int64_t>(values.size()) != d)
    spec.invalid("has " + std::to_string(values.size()) + " numbers, the energy has " + std::to_string(d) + " columns");
  return values;
}

void readLadder(const Spec& a, AnnealedOptions& o) {
  const std::string ladder = a.text("ladder", "linear");
  if (ladder != "linear" && ladder != "sigmoid" && ladder != "adaptive")
    a.at("ladder").invalid("'" + ladder + "' is not one of linear, sigmoid, adaptive");
  o.ladder = ladder == "linear" ? Ladder::Linear : ladder == "sigmoid" ? Ladder::Sigmoid : Ladder::Adaptive;
  o.stepEss = a.positive("stepEss", o.stepEss);
  if (o.stepEss >= 1) a.at("stepEss").invalid("must be less than 1");
  if (a.has("temperatures") && a.at("temperatures").value().list()) {
    if (a.has("ladder")) a.at("ladder").invalid("temperatures is the ladder itself; leave one of them out");
    o.ladder = Ladder::Given;
    o.betas = a.at("temperatures").numbers();
    bool ordered = o.betas.size() >= 2 && o.betas.front() == 0 && o.betas.back() == 1;
    for (std::size_t k = 1; k < o.betas.size(); ++k) ordered = ordered && o.betas[k - 1] < o.betas[k];
    if (!ordered) a.at("temperatures").invalid("a list of inverse temperatures rises from 0 to 1");
  } else {
    o.temperatures = a.count("temperatures", 2, o.ladder == Ladder::Adaptive ? 10000 : o.temperatures);
  }
}

// What annealing has in common, whatever the energy is over.
AnnealedOptions readAnnealedRun(const Spec& a, std::int64_t d) {
  AnnealedOptions o;
  if (a.has("dim") && a.count("dim") != d) a.at("dim").invalid("the energy has " + std::to_string(d) + " dimensions");
  o.chains = a.count("chains", 2, o.chains);
  o.moves = a.count("moves", 1, o.moves);
  if (a.has("seed")) o.seed = a.at("seed").seed();
  readLadder(a, o);
  return o;
}

AnnealedOptions readAnnealedStates(const Spec& a, const Program& program) {
  const std::string over = "this energy is over " + program.domain.describe();
  for (const char* key : {"scale", "stepSize", "leapfrogSteps", "targetAcceptance", "pilotChains", "stepEss"})
    if (a.has(key))
      a.at(key).invalid("is for real columns; " + over + ", annealed by Gibbs sweeps or moves by gradients");
  const std::string transition = a.text("transition", "gibbs");
  if (transition != "gibbs" && transition != "gibbsWithGradients")
    a.at("transition")
        .invalid("moves real columns, and " + over + ": leave it out, or give 'gibbs' or 'gibbsWithGradients'");
  AnnealedOptions o = readAnnealedRun(a, program.inputWidth());
  o.gradientMoves = transition == "gibbsWithGradients";
  if (a.has("mean")) {
    if (!program.domain.within({Domain::Kind::Binary}))
      a.at("mean").invalid("of discrete states is the probability of 1 of bits, and " + over + ": leave it out");
    o.bits = columnOption(a, "mean", program.inputWidth(), 0.5);
    for (const double p : o.bits)
      if (!(p > 0 && p < 1)) a.at("mean").invalid("of bits must lie strictly between 0 and 1");
  }
  if (o.ladder == Ladder::Adaptive)
    a.at("ladder").invalid("'adaptive' is for real columns: give 'linear' or 'sigmoid'");
  return o;
}

AnnealedOptions readAnnealed(const Spec& a, std::int64_t d) {
  AnnealedOptions o = readAnnealedRun(a, d);
  o.base = {columnOption(a, "mean", d, 0), columnOption(a, "scale", d, 1)};
  for (const double s : o.base.scale)
    if (!(s > 0)) a.at("scale").invalid("must be greater than 0");
  const std::string transition = a.text("transition", "hmc");
  if (transition == "gibbs" || transition == "gibbsWithGradients")
    a.at("transition").invalid("moves discrete states, and this energy is over real columns");
  if (transition != "hmc" && transition != "mala")
    a.at("transition").invalid("'" + transition + "' is not one of hmc, mala");
  const bool mala = transition == "mala";
  if (mala && a.has("leapfrogSteps")) a.at("leapfrogSteps").invalid("is an option of transition 'hmc'");
  o.leapfrogSteps = mala ? 1 : a.count("leapfrogSteps", 1, o.leapfrogSteps);
  // MALA with step h is one leapfrog step of sqrt(h).
  if (a.has("stepSize")) o.stepSize = mala ? std::sqrt(a.positive("stepSize")) : a.positive("stepSize");
  o.targetAcceptance = a.probability("targetAcceptance", mala ? 0.574 : 0.8);
  if (!(o.targetAcceptance > 0 && o.targetAcceptance < 1))
    a.at("targetAcceptance").invalid("must lie strictly between 0 and 1");
  o.pilotChains = a.count("pilotChains", 2, o.pilotChains);
  return o;
}

// { energy, dim?, chains?, temperatures?: count or list of b, ladder?, stepEss?, mean?, scale?, transition?, stepSize?,
//   leapfrogSteps?, moves?, targetAcceptance?, pilotChains?, samples?, seed?, temperature?, y?, threads? }
Value ais(const Spec& a, Job& job) {
  const EnergyRef energy = energyIn(a.at("energy"));
  const Domain& domain = energy->program().domain;
  if (domain.mixed())
    domain.require(Kinds::real(), "partition.ais anneals rows that are all real or all discrete",
                   "an energy over real columns");
  const AnnealedOptions o =
      domain.discrete() ? readAnnealedStates(a, energy->program()) : readAnnealed(a, energy->inputWidth());
  at::Tensor samples;
  if (a.has("samples")) {
    samples = asRows(unbox(a.at("samples")), energy->input(), at::kDouble, at::kCPU, "samples");
    requireFinite(samples, "samples");
    requireRows(samples, 2, "samples");
    domain.require(samples, "samples");
  }
  const auto run = domain.discrete() ? annealedStates : annealedPartition;
  const AnnealedPartition r =
      run(*energy, o, a.positive("temperature", 1), readCondition(a), samples, a.threads(), job);
  Map result = estimate(r.logZ, r.standardError);
  result["lower"] = r.forward.logMean - 2 * r.forward.standardError;
  result["upper"] = r.reverse ? Value(r.reverse->logMean + 2 * r.reverse->standardError) : Value();
  result["ess"] = r.forward.ess;
  result["forward"] = weightMap(r.forward);
  result["reverse"] = r.reverse ? Value(weightMap(*r.reverse)) : Value();
  result["acceptance"] = finiteOrNull(r.acceptance);
  result["temperatures"] = numberList(r.betas);
  return result;
}

}  // namespace

const std::vector<Function>& partitionFunctions() {
  static const std::vector<Function> table = {
      {"partition.grid", Lane::Queued, grid},
      {"partition.exact", Lane::Queued, exact},
      {"partition.importance", Lane::Queued, importance},
      {"partition.ais", Lane::Queued, ais},
  };
  return table;
}

}  // namespace langevin
