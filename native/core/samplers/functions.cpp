// sample: one sampling run; sampler.kinds; diagnostics of draws that are already there.
#include "base/function.hpp"

#include "samplers/record.hpp"
#include "samplers/sample.hpp"
#include "statistics/chain_report.hpp"
#include "statistics/diagnostics.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

Value kindsOfSamplers(const Spec&, Job&) {
  List result;
  for (const std::string& kind : samplerKinds()) result.emplace_back(kind);
  return result;
}

Value summaryMap(const ChainSummary& s) {
  return Map{{"mean", numberOrNull(s.mean)},       {"sd", numberOrNull(s.sd)},
             {"rhat", numberOrNull(s.rhat)},       {"essBulk", numberOrNull(s.essBulk)},
             {"essTail", numberOrNull(s.essTail)}, {"essMean", numberOrNull(s.essMean)},
             {"mcse", numberOrNull(s.mcse)}};
}

// { draws: [chains, n] or [chains, n, d] } -> one summary a column: { mean, sd, rhat, essBulk, essTail, essMean, mcse }
Value chainDiagnostics(const Spec& a, Job& job) {
  const at::Tensor& draws = unbox(a.at("draws"));
  if (draws.dim() != 2 && draws.dim() != 3)
    fail(Code::Shape, "draws must have shape [chains, n] or [chains, n, d], got ", c10::str(draws.sizes()));
  List result;
  const std::int64_t columns = draws.dim() == 3 ? draws.size(2) : 1;
  for (std::int64_t c = 0; c < columns; ++c) {
    job.check();
    result.push_back(summaryMap(summariseChains(draws.dim() == 3 ? draws.select(2, c) : draws)));
  }
  return result;
}

// { x: [draws, columns, chains], energy: [draws, chains] }, the `traces` of a result -> what its diagnostics lack
Value statisticsOfTraces(const Spec& a, Job&) { return chainStatistics(unbox(a.at("x")), unbox(a.at("energy"))); }

// { draws: [chains, n], bins? } -> int64 [chains, bins]
Value ranks(const Spec& a, Job&) { return box(rankHistogram(unbox(a.at("draws")), a.count("bins", 1, 20))); }

}  // namespace

const std::vector<Function>& samplerFunctions() {
  static const std::vector<Function> table = {
      {"sample", Lane::Queued, sample},
      {"sampler.kinds", Lane::Immediate, kindsOfSamplers},
      {"sampler.diagnostics", Lane::Short, chainDiagnostics},
      {"sampler.statistics", Lane::Immediate, statisticsOfTraces},
      {"sampler.ranks", Lane::Short, ranks},
  };
  return table;
}

}  // namespace langevin
