// Which chains of a sampling run behave unlike a chain should: the material of diagnose().
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/torch.hpp"
#include "base/value.hpp"

namespace langevin {

struct ChainReport {
  std::vector<std::int64_t> stuck;  // chains whose traced draws are all one point
  /// Chains fall into two sets that never meet: the largest gap between the sorted means of a column is wider than the
  /// chains of both sets are on average, and than half of the range of all means.
  struct Separation {
    std::int64_t column = 0;
    double lowMean = 0, highMean = 0;
    std::vector<std::int64_t> low, high;
  };
  std::optional<Separation> separated;
  /// The column whose first and second half of the draws differ most: the mean over chains of the difference in units
  /// of its standard error. Needs 8 chains and 4 draws.
  struct Drift {
    std::int64_t column = 0;
    double first = 0, second = 0, z = 0;
  };
  std::optional<Drift> drift;
};

/// trace float64 [columns, chains, draws].
ChainReport reportChains(const at::Tensor& trace);
Map toMap(const ChainReport& report);

/// Ranks of all draws [chains, n] together, counted in `bins` equal bins for each chain, int64 [chains, bins]: flat
/// where chains agree (Vehtari et al. 2021, section 4.4). Ties share their mean rank.
at::Tensor rankHistogram(const at::Tensor& draws, std::int64_t bins);

}  // namespace langevin
