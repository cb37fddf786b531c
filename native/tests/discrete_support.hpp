// What the tests of discrete samplers and objectives share: small models, every state of them with its probability, and
// the chi-square test of drawn states. States are numbered here on their own, first site slowest.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "training_support.hpp"

namespace langevin::test {

inline List listOf(const at::Tensor& t) {
  List list;
  for (std::int64_t i = 0; i < t.size(0); ++i) {
    if (t.dim() == 1)
      list.emplace_back(t[i].item<double>());
    else
      list.emplace_back(listOf(t[i]));
  }
  return list;
}

inline at::Tensor normals(std::int64_t rows, std::int64_t cols, int seed) {
  return Random(static_cast<std::uint64_t>(seed)).normal(rows, cols, 0, Stream::Data, at::TensorOptions(at::kDouble));
}

/// Eight sites, all couplings and fields random with the given deviations.
inline EnergyRef isingEnergy(const char* states, double coupling = 0.33, double field = 0.3, int seed = 3) {
  const at::Tensor j = normals(8, 8, seed).triu(1) * coupling;
  return energyFrom({{"kind", "ising"},
                     {"sites", 8},
                     {"states", states},
                     {"coupling", listOf(j + j.t())},
                     {"field", listOf(normals(1, 8, seed + 100)[0] * field)}});
}

/// Three sites of four levels.
inline EnergyRef pottsEnergy(double coupling = 0.8, int seed = 4) {
  const at::Tensor between = at::kron(at::ones({3, 3}, at::kDouble).triu(1), at::ones({4, 4}, at::kDouble));
  const at::Tensor j = normals(12, 12, seed) * between * coupling;
  return energyFrom({{"kind", "potts"},
                     {"sites", 3},
                     {"levels", 4},
                     {"coupling", listOf(j + j.t())},
                     {"field", listOf(normals(1, 12, seed + 100)[0] * 0.4)}});
}

/// Eight visible and five hidden units with weights of deviation 1.
inline EnergyRef rbmEnergy(std::int64_t visible = 8, std::int64_t hidden = 5, double weight = 1.0) {
  const EnergyRef energy = energyFrom({{"kind", "rbm"}, {"input", visible}, {"hidden", hidden}});
  energy->parameters().assign({{"bias", normals(1, visible, 5)[0] * 0.5},
                               {"hidden.weight", normals(hidden, visible, 6) * weight},
                               {"hidden.bias", normals(1, hidden, 7)[0] * 0.5 - 0.5}},
                              true);
  return energy;
}

/// A network over discrete rows: E is linear in no site, so gradients only estimate its differences.
inline EnergyRef networkEnergy(const Value& states, std::int64_t columns) {
  const EnergyRef energy = energyFrom(
      {{"kind", "mlp"}, {"input", columns}, {"hidden", List{12}}, {"activation", "tanh"}, {"states", states}});
  energy->parameters().assign({{"0.weight", normals(12, columns, 8) * 0.8}, {"2.weight", normals(1, 12, 9)}}, false);
  return energy;
}

/// A site of a row: its first column, and what it holds.
struct SitePlace {
  std::int64_t column, levels;
  bool oneHot;
  double low;  // of its column, where it has one
};

inline std::vector<SitePlace> sitesOf(const Energy& energy) {
  std::vector<SitePlace> sites;
  for (const ColumnBlock& block : energy.domain().blocks()) {
    const bool oneHot = block.kind == Domain::Kind::Categorical;
    for (std::int64_t column = 0; column < block.width; column += oneHot ? block.levels : 1)
      sites.push_back({block.first + column, block.levels, oneHot, block.kind == Domain::Kind::Spin ? -1.0 : 0.0});
  }
  return sites;
}

/// All states, float64 [count, d].
inline at::Tensor allStates(const Energy& energy) {
  const std::vector<SitePlace> sites = sitesOf(energy);
  std::int64_t count = 1;
  for (const SitePlace& site : sites) count *= site.levels;
  at::Tensor x = at::zeros({count, energy.inputWidth()}, at::kDouble);
  for (std::int64_t row = 0; row < count; ++row) {
    std::int64_t rest = row;
    for (auto site = sites.rbegin(); site != sites.rend(); rest /= site->levels, ++site) {
      const std::int64_t level = rest % site->levels;
      if (site->oneHot)
        x[row][site->column + level] = 1;
      else
        x[row][site->column] = site->low < 0 ? 2 * level - 1 : level;
    }
  }
  return x;
}

/// The number of every row, int64 [n]. A row that is no state fails the test.
inline at::Tensor numbersOfStates(const Energy& energy, const at::Tensor& x) {
  const std::vector<SitePlace> sites = sitesOf(energy);
  const std::int64_t d = x.size(1);
  const at::Tensor wide = x.to(at::kDouble).contiguous();
  at::Tensor result = at::zeros({x.size(0)}, at::kLong);
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    const double* v = wide.data_ptr<double>() + row * d;
    std::int64_t number = 0;
    for (const SitePlace& site : sites) {
      std::int64_t level = -1;
      for (std::int64_t j = 0; j < site.levels; ++j) {
        if (site.oneHot) {
          const double entry = v[site.column + j];
          CHECK(entry == 0 || (entry == 1 && level < 0));
          if (entry == 1) level = j;
        } else if (v[site.column] == (site.low < 0 ? static_cast<double>(2 * j - 1) : static_cast<double>(j))) {
          level = j;
        }
      }
      CHECK(level >= 0);
      number = number * site.levels + level;
    }
    result.data_ptr<std::int64_t>()[row] = number;
  }
  return result;
}

/// exp(-E / T) / Z of every state.
inline at::Tensor lawOf(const Energy& energy, double temperature = 1) {
  return (energy.energyOf(energy.rows(allStates(energy), {})).to(at::kDouble) / -temperature).softmax(0);
}

/// Independent draws of a law over the states, by inversion.
inline at::Tensor exactDraws(const Energy& energy, const at::Tensor& law, std::int64_t n, int seed) {
  const at::Tensor u = Random(static_cast<std::uint64_t>(seed))
                           .uniform(n, 1, 0, Stream::Data, at::TensorOptions(at::kDouble))
                           .squeeze(1);
  const at::Tensor index = at::searchsorted(law.cumsum(0), u).clamp_max(law.size(0) - 1);
  return allStates(energy).index_select(0, index);
}

/// p-value of Pearson's chi-square test: do the counts come from `law`? Cells with less than 5 expected
/// are put together.
inline double chiSquareP(const at::Tensor& numbers, const at::Tensor& law) {
  const double n = static_cast<double>(numbers.size(0));
  const at::Tensor counts = at::bincount(numbers, {}, law.size(0)).to(at::kDouble);
  double statistic = 0, restCount = 0, restExpected = 0;
  std::int64_t cells = 0;
  const auto add = [&](double count, double expected) {
    statistic += (count - expected) * (count - expected) / expected;
    ++cells;
  };
  for (std::int64_t i = 0; i < law.size(0); ++i) {
    const double expected = n * law[i].item<double>(), count = counts[i].item<double>();
    if (expected >= 5) {
      add(count, expected);
    } else {
      restCount += count;
      restExpected += expected;
    }
  }
  if (restExpected > 0) add(restCount, std::max(restExpected, 1e-300));
  const auto wide = [](double v) { return at::scalar_tensor(v, at::kDouble); };
  return at::special_gammaincc(wide(0.5 * static_cast<double>(cells - 1)), wide(0.5 * statistic)).item<double>();
}

/// Level of a chi-square test of drawn states, and chains it draws.
constexpr double kLevel = 1e-4;
constexpr std::int64_t kChains = 8192;

inline Chains after(const Sampler& sampler, const Target& target, const at::Tensor& start, std::int64_t steps,
                    int threads = 1) {
  Job job;
  Chains chains;
  chains.x = start;
  advance(sampler, target, chains, steps, 0, Random(17), threads, job);
  return chains;
}

inline at::Tensor uniformStart(const Energy& energy, std::int64_t chains = kChains) {
  return energy.domain().uniform(chains, 0, Stream::Init, Random(1), energy.options());
}

/// The one check of a stationary law, for right and wrong kernels alike: from uniform states to `law`.
inline double settlingP(const Sampler& sampler, const Energy& energy, const at::Tensor& law, std::int64_t steps,
                        std::int64_t chains = kChains) {
  return chiSquareP(numbersOfStates(energy, after(sampler, energy, uniformStart(energy, chains), steps).x), law);
}

inline std::shared_ptr<const Sampler> samplerOf(const char* kind, Map options) {
  options["kind"] = kind;
  return makeSamplerFrom(std::move(options));
}

/// What a call that must fail with this code says.
inline std::string refusal(const std::function<void()>& body, Code code) {
  try {
    body();
  } catch (const Error& error) {
    CHECK(error.code == code);
    return error.what();
  }
  CHECK(false);
  return "";
}

inline bool tells(const std::string& message, const char* words) { return message.find(words) != std::string::npos; }

}  // namespace langevin::test
