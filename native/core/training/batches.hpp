// Which rows a step sees. Rows are taken without replacement from one permutation an epoch, laid end to end: batch s
// holds positions s * b ... s * b + b - 1 of that endless line. It is a pure function of (seed, s), so a resumed run
// sees what an uninterrupted one would have seen; a batch larger than the data goes round it more than once.
#pragma once

#include "tensors/random.hpp"

namespace langevin {

class Batches {
 public:
  Batches(std::int64_t rows, std::int64_t batchSize, const Random& random)
      : rows_(rows), size_(batchSize), random_(random) {}

  /// Row numbers of batch `step`, int64 [batchSize].
  at::Tensor rows(std::int64_t step);
  /// Epochs completed after `steps` steps.
  std::int64_t epochs(std::int64_t steps) const { return steps * size_ / rows_; }

 private:
  std::int64_t rows_, size_;
  Random random_;
  std::int64_t epoch_ = -1;
  at::Tensor permutation_;
};

}  // namespace langevin
