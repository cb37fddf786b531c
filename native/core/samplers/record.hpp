// What a sampling run keeps: trajectories, streamed moments, and a small trace for the diagnostics. Each tile writes to
// rows of its own, so nothing here is locked.
#pragma once

#include <vector>

#include "base/threads.hpp"
#include "samplers/sample.hpp"
#include "statistics/diagnostics.hpp"

namespace langevin {

/// Mean and squares of many rows in constant memory, float64 (Chan, Golub and LeVeque 1983). The result depends on the
/// order of add and merge only, which is fixed.
class Moments {
 public:
  Moments() = default;
  Moments(std::int64_t columns, bool full);
  void add(const at::Tensor& rows);  // [n, d]
  void merge(const Moments& other);
  double count() const { return count_; }
  const at::Tensor& mean() const { return mean_; }
  /// [d] (or [d, d] with `full`), divided by count - 1.
  at::Tensor covariance() const;

 private:
  void merge(double count, const at::Tensor& mean, const at::Tensor& squares);
  bool full_ = false;
  double count_ = 0;
  at::Tensor mean_, squares_;
};

class Record {
 public:
  /// Allocates everything; throws Code::OutOfMemory first when it would not fit into the memory that is free.
  Record(const SampleOptions& options, std::int64_t columns, at::TensorOptions tensors, std::int64_t tiles);

  /// The next draw from `draw` on that a tile must stop for; the number of draws when there is none.
  std::int64_t next(const TileRange& range, std::int64_t draw) const;
  /// Draw number `draw` of a tile.
  void add(std::int64_t tile, const TileRange& range, const Chains& chains, std::int64_t draw);

  /// trajectory, trajectoryEnergy, moments: as the options ask; trace: { x [columns, chains, draws], energy [chains,
  /// draws] }, thinned to at most 8 columns, 16 chains and 512 draws. Rows come in the shape of the energy's input.
  void into(Map& result, const Shape& input) const;
  /// rhat, ess, mcse, energy, columns, chainReport, traced.
  void diagnose(Map& diagnostics, const at::Tensor& lastEnergy) const;

 private:
  at::Tensor traceByChain() const;  // [columns, chains, draws]

  SampleOptions options_;
  std::int64_t width_, draws_;
  std::int64_t traced_ = 0, stride_ = 1, tracedDraws_ = 0, tracedColumns_ = 0;
  at::Tensor trajectory_, trajectoryEnergy_;  // [chains, draws, d], [chains, draws]
  at::Tensor trace_, traceEnergy_;            // float64 [draws, columns, chains], [draws, chains]
  std::vector<Moments> moments_;              // one per tile, merged in order
};

/// A number for a result: null when there is none.
Value numberOrNull(double value);

}  // namespace langevin
