#include "training/batches.hpp"

#include <algorithm>

namespace langevin {

at::Tensor Batches::rows(std::int64_t step) {
  at::Tensor result = at::empty({size_}, at::kLong);
  std::int64_t filled = 0;
  while (filled < size_) {
    const std::int64_t position = step * size_ + filled;
    const std::int64_t epoch = position / rows_, within = position % rows_;
    if (epoch != epoch_) {
      permutation_ = random_.permutation(rows_, static_cast<std::uint64_t>(epoch), Stream::Batch);
      epoch_ = epoch;
    }
    const std::int64_t count = std::min(rows_ - within, size_ - filled);
    if (count == size_) return permutation_.slice(0, within, within + count);
    result.slice(0, filled, filled + count).copy_(permutation_.slice(0, within, within + count));
    filled += count;
  }
  return result;
}

}  // namespace langevin
