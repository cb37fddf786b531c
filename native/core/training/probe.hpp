// What the energy says of uniform noise and of data, measured now and then on rows that never change.
#pragma once

#include "energies/energy.hpp"
#include "rows/row_source.hpp"
#include "training/monitors.hpp"

namespace langevin {

class Probe {
 public:
  static constexpr std::int64_t kRows = 128;           // of noise, and of data
  static constexpr std::int64_t kTimes = 100;          // at most so many measurements per run
  static constexpr std::int64_t kSmallestStride = 20;  // steps between two of them

  /// kRows uniform rows in the box of the data (10 % wider to each side) and the first kRows rows of the data. Discrete
  /// columns of rows that are not all of one kind get uniform states.
  Probe(const Domain& domain, const RowSource& data, std::uint64_t seed, std::int64_t steps);

  /// At most kTimes per run: monitors energyUniform (mean E of the noise) and uniformGap (that minus mean E of the
  /// data rows; positive where the model has learned the difference).
  void measure(const Energy& model, std::int64_t step, int threads, Monitors& monitors) const;

 private:
  Batch rows_;  // noise first, data second
  std::int64_t noise_, stride_;
};

}  // namespace langevin
