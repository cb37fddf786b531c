// infer: the answers of rows; infer.chain: exact inference on a chain of factor tables.
#include "base/function.hpp"

#include <chrono>

#include "inference/chain.hpp"
#include "inference/inference.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// { energy, x, method, seed?, threads? } -> { y, energy, latent?, table?, evaluations, seconds }
Value infer(const Spec& a, Job& job) {
  at::NoGradGuard guard;
  const auto begin = std::chrono::steady_clock::now();
  const EnergyRef energy = energyIn(a.at("energy"));
  const auto method = makeInferenceMethod(a.at("method"), energy->program().condition);
  const at::Tensor x = asRows(unbox(a.at("x")), energy->input(), energy->dtype(), energy->device(), "x");
  requireFinite(x, "x");
  if (x.size(0) == 0) fail(Code::Shape, "x has no rows");
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  const int threads = a.threads();
  const Inferred found = method->run({*energy, x, random, threads, job});
  Map result{{"y", box(found.y)}, {"energy", box(found.energy)}, {"evaluations", found.evaluations}};
  if (found.latent.defined()) result.emplace("latent", box(found.latent));
  if (found.table.defined()) result.emplace("table", box(found.table));
  result.emplace("seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

List listOf(const std::vector<std::int64_t>& values) {
  List list;
  for (std::int64_t v : values) list.emplace_back(v);
  return list;
}

List listOf(const std::vector<std::vector<double>>& table) {
  List rows;
  for (const auto& row : table) {
    List numbers;
    for (double v : row) numbers.emplace_back(v);
    rows.emplace_back(std::move(numbers));
  }
  return rows;
}

using ChainMethod = Map (*)(const Chain&, double beta);

Map withCounts(Map result, const ChainResult& r) {
  result.emplace("factorTerms", r.factorTerms);
  return result;
}

Map exhaustive(const Chain& chain, double beta) {
  const ChainResult r = chainExhaustive(chain, beta);
  return withCounts({{"y", listOf(r.y)}, {"energy", r.energy}, {"logZ", r.logZ}, {"assignments", r.assignments}}, r);
}
Map viterbi(const Chain& chain, double) {
  const ChainResult r = chainViterbi(chain);
  return withCounts({{"y", listOf(r.y)}, {"energy", r.energy}}, r);
}
Map minSum(const Chain& chain, double) {
  const ChainResult r = chainMinSum(chain);
  return withCounts({{"y", listOf(r.y)}, {"energy", r.energy}, {"minMarginals", listOf(r.table)}}, r);
}
Map forward(const Chain& chain, double beta) {
  const ChainResult r = chainForward(chain, beta);
  return withCounts({{"logZ", r.logZ}, {"marginals", listOf(r.table)}}, r);
}

// { unary, pairwise?, method, beta? } -> { y, energy, factorTerms, ... }, by method
Value chain(const Spec& a, Job&) {
  static const std::vector<std::pair<std::string, ChainMethod>> methods = {
      {"viterbi", viterbi}, {"minSum", minSum}, {"forward", forward}, {"exhaustive", exhaustive}};
  const Chain read = Chain::read(a);
  for (const auto& [name, method] : methods)
    if (a.text("method") == name) return method(read, a.positive("beta", 1));
  a.at("method").invalid("'" + a.text("method") + "' is not one of viterbi, minSum, forward, exhaustive");
}

}  // namespace

const std::vector<Function>& inferenceFunctions() {
  static const std::vector<Function> table = {
      {"infer", Lane::Queued, infer},
      {"infer.chain", Lane::Queued, chain},
  };
  return table;
}

}  // namespace langevin
