// The discrete kernels on blocks (fused.hpp): sites of two levels (fused_discrete.cpp) and one-hot sites
// (fused_categorical.cpp).
#pragma once

#include <vector>

#include "samplers/fused.hpp"

namespace langevin {

/// Tables of the states of a block, of this thread: [rows, sites] or [rows, columns].
class StateTables {
 public:
  double* numbers(int i, std::int64_t count) { return get(numbers_[i], count); }
  int* levels(int i, std::int64_t count) { return get(levels_[i], count); }

 private:
  template <class N>
  static N* get(std::vector<N>& m, std::int64_t count) {
    if (m.size() < static_cast<std::size_t>(count)) m.resize(static_cast<std::size_t>(count));
    return m.data();
  }
  std::vector<double> numbers_[5];
  std::vector<int> levels_[2];
};

inline StateTables& stateTables() {
  thread_local StateTables mine;
  return mine;
}

/// Null but for sites of one kind with two levels, or one-hot ones of as many levels each.
std::unique_ptr<TileExecutor> fuseDiscreteLangevin(const Sampler& sampler, const FuseTarget& target, bool adjusted);
std::unique_ptr<TileExecutor> fuseGibbsWithGradients(const Sampler& sampler, const FuseTarget& target);

/// The one-hot ones alone.
std::unique_ptr<TileExecutor> fuseCategoricalLangevin(const Sampler& sampler, const FuseTarget& target, bool adjusted);
std::unique_ptr<TileExecutor> fuseCategoricalGibbsWithGradients(const Sampler& sampler, const FuseTarget& target);

}  // namespace langevin
