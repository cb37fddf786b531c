// What a sampling run keeps: trajectories, streamed moments, and a small trace for the diagnostics. Each tile writes to
// rows of its own, so nothing here is locked.
#pragma once

#include <vector>

#include "base/threads.hpp"
#include "samplers/sample.hpp"
#include "statistics/diagnostics.hpp"

namespace langevin {

/// Mean and squares of many rows in constant memory, float64 (Chan, Golub and LeVeque 1983). Rows are gathered until a
/// product of them is worth its call; products of float32 rows are float32 ones of the gathered rows about a place near
/// their mean, whose rounding is that of the rows. The result depends on the order of add and merge only, which is fixed.
class Moments {
 public:
  Moments() = default;
  Moments(std::int64_t columns, bool full);
  template <class Number>
  void add(const Number* rows, std::int64_t count);
  /// Takes in what is gathered; before anything is asked of it.
  void finish();
  void merge(const Moments& other);
  double count() const { return count_; }
  const at::Tensor& mean() const { return mean_; }
  /// [d] (or [d, d] with `full`), divided by count - 1.
  at::Tensor covariance() const;

 private:
  void merge(double count, const at::Tensor& mean, const at::Tensor& squares);
  void finishFloat32();
  at::Tensor squaresOf(std::int64_t n) const;
  bool full_ = false;
  double count_ = 0;
  at::Tensor mean_, squares_;
  at::Tensor gathered_;       // [capacity, d] of the rows' dtype, made at the first row
  std::vector<float> about_;  // float32: [d], taken off the gathered rows
  std::int64_t filled_ = 0;
};

/// What can be said of traced draws [draws, columns, chains] and their energies [draws, chains]: rhat, ess, mcse, columns,
/// chainReport, energy.
Map chainStatistics(const at::Tensor& trace, const at::Tensor& energy);

class Record {
 public:
  /// Allocates everything; throws Code::OutOfMemory first when it would not fit into the memory that is free.
  Record(const SampleOptions& options, std::int64_t columns, at::TensorOptions tensors, std::int64_t tiles);

  /// What a tile shows its states to.
  class Sink final : public StepSink {
   public:
    Sink(Record& record, std::int64_t tile, const TileRange& range) : record_(record), tile_(tile), range_(range) {}
    std::int64_t next(std::int64_t t) const override;
    void take(std::int64_t t, const StateView& state) override;

   private:
    Record& record_;
    std::int64_t tile_;
    TileRange range_;
  };
  Sink sink(std::int64_t tile, const TileRange& range) { return Sink(*this, tile, range); }
  /// Of all tiles; before what follows.
  void finish();

  /// trajectory, trajectoryEnergy, moments: as the options ask; trace: { x [columns, chains, draws], energy [chains,
  /// draws] }, thinned to at most 8 columns, 16 chains and 512 draws. Rows come in the shape of the energy's input.
  void into(Map& result, const Shape& input) const;
  /// rhat, ess, mcse, energy, columns, chainReport. Without traced draws they say little, of `lastEnergy`.
  void diagnose(Map& diagnostics, const at::Tensor& lastEnergy) const;
  /// Seconds that diagnose() takes, roughly.
  double diagnosisCost() const;
  /// Whether the energies of the traced chains, or their first column, disagree or stand still (plain split R-hat above
  /// 1.05): a cheap question, asked of every run. False where nothing was traced.
  bool unsettled() const;
  /// What chainStatistics() takes: { x, energy }.
  Map traces() const;
  std::int64_t tracedChains() const { return traced_; }
  /// How much was traced: { chains, draws, columns }.
  Map traced() const;

 private:
  std::int64_t next(const TileRange& range, std::int64_t draw) const;
  template <class Number>
  void add(std::int64_t tile, std::int64_t firstChain, const StateView& state, const Number* x, const Number* energy,
           std::int64_t draw);

  SampleOptions options_;
  std::int64_t width_, draws_;
  std::int64_t traced_ = 0, stride_ = 1, tracedDraws_ = 0, tracedColumns_ = 0;
  at::Device device_;
  at::Tensor trajectory_, trajectoryEnergy_;  // [chains, draws, d], [chains, draws], on the CPU
  at::Tensor trace_, traceEnergy_;            // float64 [draws, columns, chains], [draws, chains]
  std::vector<Moments> moments_;              // one per tile, merged in order
};

/// A number for a result: null when there is none.
Value numberOrNull(double value);

}  // namespace langevin
