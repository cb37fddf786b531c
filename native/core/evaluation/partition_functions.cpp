// partition.*: { energy, ... } -> { logZ, standardError, ... }.
#include <algorithm>

#include "base/tensor.hpp"
#include "base/threads.hpp"
#include "evaluation/metrics.hpp"
#include "evaluation/partition.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMaxCells = 1 << 24;

int readThreads(const Spec& a) { return static_cast<int>(a.count("threads", 1, defaultThreads())); }

at::Tensor readCondition(const Spec& a) {
  if (!a.has("y")) return {};
  const at::Tensor y = unbox(a.at("y"));
  if (y.dim() < 1 || y.size(0) != 1)
    a.at("y").invalid("log Z is that of one condition: give one row, got shape " + c10::str(y.sizes()));
  return y;
}

List toList(const std::vector<std::int64_t>& values) {
  List list;
  for (std::int64_t v : values) list.emplace_back(v);
  return list;
}

// { energy, low, high, cells?, refine?, tolerance?, maxCells?, temperature?, y?, threads? }
Value grid(const Spec& a, Job& job) {
  const EnergyRef energy = a.at("energy").energy();
  const GridPartition r = gridPartition(*energy, Grid::read(a, energy->inputWidth()), a.positive("temperature", 1),
                                        readCondition(a), a.boolean("refine", true), a.nonNegative("tolerance", 1e-4),
                                        a.count("maxCells", 1, kMaxCells), readThreads(a), job);
  return Map{{"logZ", r.logZ},
             {"standardError", r.standardError},
             {"borderMass", r.borderMass},
             {"cells", toList(r.cells)},
             {"converged", r.converged}};
}

// { energy, values?: [..] for every variable or [[..], ..] one list a variable, temperature?, y? }. The default is what
// the energy's states are, else [0, 1]. Of categorical sites the values are their levels.
Value exact(const Spec& a, Job& job) {
  const EnergyRef energy = a.at("energy").energy();
  const States& discrete = energy->program().states;
  const auto d = static_cast<std::size_t>(discrete.sites(energy->inputWidth()));
  std::vector<std::vector<double>> values(d, discrete.values());
  if (a.has("values")) {
    const Spec given = a.at("values");
    const bool nested = !given.list().empty() && given.list()[0].list();
    if (!nested) {
      values.assign(d, given.numbers());
    } else {
      const std::vector<Spec> items = given.items();
      if (items.size() != d)
        given.invalid("has " + std::to_string(items.size()) + " lists for " + std::to_string(d) + " variables");
      for (std::size_t k = 0; k < d; ++k) values[k] = items[k].numbers();
    }
    for (const auto& v : values)
      if (v.empty()) given.invalid("a variable has no values");
    const std::vector<double> possible = discrete.values();
    if (discrete.discrete())
      for (const auto& v : values)
        for (double value : v)
          if (std::find(possible.begin(), possible.end(), value) == possible.end())
            given.invalid(std::to_string(value) + " is no value of a site; this energy is over " + discrete.describe());
  }
  double states = 1;
  for (const auto& v : values) states *= static_cast<double>(v.size());
  const double logZ =
      exactPartition(*energy, values, a.positive("temperature", 1), readCondition(a), readThreads(a), job);
  return Map{{"logZ", logZ}, {"standardError", 0.0}, {"states", states}};
}

// { energy, dim?, chains?, temperatures?: count or list of b, scale?, stepSize?, leapfrogSteps?, moves?, seed?,
//   temperature?, y?, threads? }
Value ais(const Spec& a, Job& job) {
  const EnergyRef energy = a.at("energy").energy();
  if (a.has("dim") && a.count("dim") != energy->inputWidth())
    a.at("dim").invalid("the energy has " + std::to_string(energy->inputWidth()) + " dimensions");
  AnnealedOptions o;
  o.chains = a.count("chains", 2, o.chains);
  o.scale = a.positive("scale", 1);
  o.stepSize = a.positive("stepSize", o.stepSize);
  o.leapfrogSteps = a.count("leapfrogSteps", 1, o.leapfrogSteps);
  o.moves = a.count("moves", 1, o.moves);
  if (a.has("seed")) o.seed = a.at("seed").seed();
  if (a.has("temperatures") && a.at("temperatures").value().list()) {
    o.betas = a.at("temperatures").numbers();
    bool ordered = o.betas.size() >= 2 && o.betas.front() == 0 && o.betas.back() == 1;
    for (std::size_t k = 1; k < o.betas.size(); ++k) ordered = ordered && o.betas[k - 1] < o.betas[k];
    if (!ordered) a.at("temperatures").invalid("a list of inverse temperatures rises from 0 to 1");
  } else {
    const std::int64_t n = a.count("temperatures", 2, 200);
    for (std::int64_t k = 0; k < n; ++k) o.betas.push_back(static_cast<double>(k) / static_cast<double>(n - 1));
  }
  const AnnealedPartition r =
      annealedPartition(*energy, o, a.positive("temperature", 1), readCondition(a), readThreads(a), job);
  return Map{{"logZ", r.logZ},
             {"standardError", r.standardError},
             {"effectiveSampleSize", r.effectiveSampleSize},
             {"acceptance", r.acceptance}};
}

}  // namespace

const std::vector<Function>& partitionFunctions() {
  static const std::vector<Function> table = {
      {"partition.grid", Lane::Queued, grid},
      {"partition.exact", Lane::Queued, exact},
      {"partition.ais", Lane::Queued, ais},
  };
  return table;
}

}  // namespace langevin
