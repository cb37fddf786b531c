#include "inference/chain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace langevin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMostAssignments = 1 << 20;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Factor terms as they are looked up, counted.
class Terms {
 public:
  explicit Terms(const Chain& chain) : chain_(chain) {}
  double unary(std::int64_t t, std::int64_t s) {
    const auto& factor = chain_.unary[at(t)];
    if (factor.empty()) return 0;
    ++count;
    return factor[at(s)];
  }
  double pairwise(std::int64_t t, std::int64_t a, std::int64_t b) {
    ++count;
    return chain_.pairwise[at(t)][at(a * chain_.states[at(t + 1)] + b)];
  }
  std::int64_t count = 0;

 private:
  const Chain& chain_;
};

using Table = std::vector<std::vector<double>>;

Table emptyTable(const Chain& chain) {
  Table table;
  for (std::int64_t n : chain.states) table.emplace_back(at(n), 0.0);
  return table;
}

double logSumOfExponentials(const std::vector<double>& v) {
  const double top = *std::max_element(v.begin(), v.end());
  double sum = 0;
  for (double x : v) sum += std::exp(x - top);
  return top + std::log(sum);
}

// What is left to pay from variable t in state s to the end of the chain: `join` is min or soft-min over
// the next state.
template <class Join>
Table costToGo(const Chain& chain, Terms& terms, Join join) {
  Table cost = emptyTable(chain);
  for (std::int64_t t = chain.length() - 1; t >= 0; --t)
    for (std::int64_t s = 0; s < chain.states[at(t)]; ++s) {
      double rest = 0;
      if (t + 1 < chain.length()) {
        std::vector<double> ways;
        for (std::int64_t next = 0; next < chain.states[at(t + 1)]; ++next)
          ways.push_back(terms.pairwise(t, s, next) + cost[at(t + 1)][at(next)]);
        rest = join(ways);
      }
      cost[at(t)][at(s)] = terms.unary(t, s) + rest;
    }
  return cost;
}

// The same from the beginning up to, and without, the unary factor of variable t.
template <class Join>
Table costSoFar(const Chain& chain, Terms& terms, Join join) {
  Table cost = emptyTable(chain);
  for (std::int64_t t = 1; t < chain.length(); ++t)
    for (std::int64_t s = 0; s < chain.states[at(t)]; ++s) {
      std::vector<double> ways;
      for (std::int64_t before = 0; before < chain.states[at(t - 1)]; ++before)
        ways.push_back(cost[at(t - 1)][at(before)] + terms.unary(t - 1, before) + terms.pairwise(t - 1, before, s));
      cost[at(t)][at(s)] = join(ways);
    }
  return cost;
}

double leastOf(const std::vector<double>& ways) { return *std::min_element(ways.begin(), ways.end()); }

// The first of the cheapest paths, walked from the front along the costs to go. Looking up the pairwise term again is
// no new evaluation: the trellis has kept it.
std::vector<std::int64_t> cheapestPath(const Chain& chain, const Table& toGo) {
  std::vector<std::int64_t> y;
  for (std::int64_t t = 0; t < chain.length(); ++t) {
    double best = kInfinity;
    std::int64_t state = 0;
    for (std::int64_t s = 0; s < chain.states[at(t)]; ++s) {
      double cost = toGo[at(t)][at(s)];
      if (t > 0) cost += chain.pairwise[at(t - 1)][at(y.back() * chain.states[at(t)] + s)];
      if (cost < best) {
        best = cost;
        state = s;
      }
    }
    y.push_back(state);
  }
  return y;
}

double energyOf(const Chain& chain, Terms& terms, const std::vector<std::int64_t>& y) {
  double sum = 0;
  for (std::int64_t t = 0; t < chain.length(); ++t) {
    sum += terms.unary(t, y[at(t)]);
    if (t + 1 < chain.length()) sum += terms.pairwise(t, y[at(t)], y[at(t + 1)]);
  }
  return sum;
}

// One wheel further, the last variable fastest; false after the last assignment.
bool next(const Chain& chain, std::vector<std::int64_t>& y) {
  for (std::int64_t t = chain.length() - 1; t >= 0; --t) {
    if (++y[at(t)] < chain.states[at(t)]) return true;
    y[at(t)] = 0;
  }
  return false;
}

std::vector<double> nonEmptyNumbers(const Spec& list) {
  std::vector<double> numbers = list.numbers();
  if (numbers.empty()) list.invalid("has no entries");
  return numbers;
}

}  // namespace

Chain Chain::read(const Spec& spec) {
  Chain chain;
  const Spec unary = spec.at("unary");
  const auto length = static_cast<std::int64_t>(unary.list().size());
  if (length < 1) unary.invalid("a chain has at least one variable");
  const std::vector<Spec> pairs = spec.has("pairwise") ? spec.at("pairwise").items() : std::vector<Spec>{};
  if (static_cast<std::int64_t>(pairs.size()) != length - 1)
    spec.at(spec.has("pairwise") ? "pairwise" : "unary")
        .invalid("a chain of " + std::to_string(length) + " variables has " + std::to_string(length - 1) +
                 " pairwise factors, there are " + std::to_string(pairs.size()));
  chain.states.assign(at(length), 0);
  const auto sized = [&](std::int64_t t, std::size_t n, const Spec& where) {
    auto& states = chain.states[at(t)];
    if (states != 0 && states != static_cast<std::int64_t>(n))
      where.invalid("variable " + std::to_string(t) + " has " + std::to_string(n) + " values here and " +
                    std::to_string(states) + " elsewhere");
    states = static_cast<std::int64_t>(n);
  };
  for (const Spec& item : unary.items()) {
    const auto t = static_cast<std::int64_t>(chain.unary.size());
    chain.unary.push_back(item.value().isNull() ? std::vector<double>{} : nonEmptyNumbers(item));
    if (!chain.unary.back().empty()) sized(t, chain.unary.back().size(), item);
  }
  for (std::int64_t t = 0; t + 1 < length; ++t) {
    std::vector<double> all;
    const std::vector<Spec> rows = pairs[at(t)].items();
    if (rows.empty()) pairs[at(t)].invalid("has no rows");
    sized(t, rows.size(), pairs[at(t)]);
    for (const Spec& row : rows) {
      const std::vector<double> numbers = nonEmptyNumbers(row);
      sized(t + 1, numbers.size(), row);
      all.insert(all.end(), numbers.begin(), numbers.end());
    }
    chain.pairwise.push_back(std::move(all));
  }
  if (chain.states[0] == 0) unary.invalid("a chain of one variable needs its unary factor");
  return chain;
}

double Chain::energy(const std::vector<std::int64_t>& y) const {
  Terms terms(*this);
  return energyOf(*this, terms, y);
}

ChainResult chainExhaustive(const Chain& chain, double beta) {
  double assignments = 1;
  for (std::int64_t n : chain.states) assignments *= static_cast<double>(n);
  if (assignments > kMostAssignments)
    fail(Code::Unsupported, "exhaustive: the chain has ", assignments, " assignments, more than 2^20; use viterbi, ",
         "minSum or forward");
  ChainResult r;
  r.energy = kInfinity;
  Terms terms(chain);
  std::vector<std::int64_t> y(at(chain.length()), 0);
  std::vector<double> logs;
  do {
    const double energy = energyOf(chain, terms, y);
    ++r.assignments;
    logs.push_back(-beta * energy);
    if (energy < r.energy) {
      r.energy = energy;
      r.y = y;
    }
  } while (next(chain, y));
  r.factorTerms = terms.count;
  r.logZ = logSumOfExponentials(logs);
  return r;
}

ChainResult chainViterbi(const Chain& chain) {
  Terms terms(chain);
  ChainResult r;
  r.y = cheapestPath(chain, costToGo(chain, terms, leastOf));
  r.factorTerms = terms.count;
  r.energy = chain.energy(r.y);
  return r;
}

ChainResult chainMinSum(const Chain& chain) {
  Terms terms(chain);
  ChainResult r;
  const Table toGo = costToGo(chain, terms, leastOf), soFar = costSoFar(chain, terms, leastOf);
  r.table = emptyTable(chain);
  for (std::int64_t t = 0; t < chain.length(); ++t)
    for (std::int64_t s = 0; s < chain.states[at(t)]; ++s)
      r.table[at(t)][at(s)] = soFar[at(t)][at(s)] + toGo[at(t)][at(s)];
  // The argmin of each min-marginal alone would mix assignments that tie; the messages to go keep them together.
  r.y = cheapestPath(chain, toGo);
  r.factorTerms = terms.count;
  r.energy = chain.energy(r.y);
  return r;
}

ChainResult chainForward(const Chain& chain, double beta) {
  const auto soft = [beta](std::vector<double> ways) {
    for (double& w : ways) w *= -beta;
    return -logSumOfExponentials(ways) / beta;
  };
  Terms terms(chain);
  ChainResult r;
  const Table toGo = costToGo(chain, terms, soft), soFar = costSoFar(chain, terms, soft);
  r.logZ = -beta * soft(toGo[0]);
  r.table = emptyTable(chain);
  for (std::int64_t t = 0; t < chain.length(); ++t)
    for (std::int64_t s = 0; s < chain.states[at(t)]; ++s)
      r.table[at(t)][at(s)] = std::exp(-beta * (soFar[at(t)][at(s)] + toGo[at(t)][at(s)]) - r.logZ);
  r.factorTerms = terms.count;
  return r;
}

}  // namespace langevin
