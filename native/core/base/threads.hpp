// langevin's own small pool. Work is cut into tiles whose number and borders never depend on the number of threads, so
// results are bit-equal at any thread count. One join a call; idle threads park at once.
#pragma once

#include <cstdint>
#include <functional>

namespace langevin {

/// Threads a job uses when it does not say: LANGEVIN_THREADS, else the cores this process may run on.
int defaultThreads();

/// What a thread of the pool does first: with LibTorch its own settings (base/worker.cpp), in the scorer nothing.
void beginWorker();

/// Runs task(0) ... task(tiles - 1), at most `threads` at a time, and returns when all are done. The calling thread
/// works too. When tasks throw, the error of the lowest tile is rethrown after all have stopped. Between tiles the
/// current job is checked: an abort ends the batch with Code::Aborted.
void parallelTiles(std::int64_t tiles, int threads, const std::function<void(std::int64_t)>& task);

/// Rows [first, last) of tile `index`.
struct TileRange {
  std::int64_t first, last;
};

/// Fewest rows of a tile whose rows cost about `workPerRow` multiply-adds each: `usual`, and fewer where so many rows
/// would be more than ten million multiply-adds (at 128 usual rows; a third of a millisecond), so that 64 images use
/// two cores and 512 sixteen. Never below 32, where reading the weights of a wide layer begins to cost: one thread
/// takes 120 us per row of a 3,072-1,000-1,000-1 perceptron in tiles of 64 rows or more, 126 in tiles of 32, 170 in
/// tiles of 16, 325 in tiles of 8 (of 784-512-512-1: 19, 20, 23, 34).
std::int64_t smallestTile(double workPerRow, std::int64_t usual = 128);

/// A fixed cut of n rows into tiles of at least `smallest` rows and at most about 16 tiles (a function of n only).
class Tiling {
 public:
  explicit Tiling(std::int64_t rows, std::int64_t smallest = 128);
  std::int64_t count() const { return count_; }
  TileRange range(std::int64_t index) const;

 private:
  std::int64_t rows_, size_, count_;
};

}  // namespace langevin
