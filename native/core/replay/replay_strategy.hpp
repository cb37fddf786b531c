// Which chains of the replay buffer a step draws, and where they go afterwards.
#pragma once

#include <memory>
#include <string>

#include "base/spec.hpp"
#include "rows/row_source.hpp"
#include "tensors/random.hpp"

namespace langevin {

class ReplayStrategy {
 public:
  virtual ~ReplayStrategy() = default;
  /// Called once, before the first draw, with the rows that are trained on.
  virtual void prepare(std::int64_t size, const RowSource& data);
  /// `count` distinct slots for step `step`, int64 [count].
  virtual at::Tensor draw(std::int64_t count, std::uint64_t step, const Random& random) const = 0;
  /// Where the chains of `slots` are written after a step, int64 [count]; -1 = nowhere. `offered`: chains that were
  /// stored before, in the life of the buffer.
  virtual at::Tensor store(const at::Tensor& slots, std::uint64_t step, std::int64_t offered,
                           const Random& random) const;
  /// Data rows whose conditions (and, where they restart from data, positions) the chains in `slots` take.
  virtual at::Tensor restart(const at::Tensor& slots, std::uint64_t step, const Random& random) const;

 protected:
  std::int64_t size_ = 0, rows_ = 0;
};

/// 'chains' (default), 'reservoir', 'classBlocks'; see replay_strategy.cpp.
std::unique_ptr<ReplayStrategy> makeReplayStrategy(const std::string& name);
std::vector<std::string> replayStrategies();

}  // namespace langevin
