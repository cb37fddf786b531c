// What the energy says of uniform noise and of data, measured now and then on rows that never change.
#pragma once

#include "energies/energy.hpp"
#include "training/monitors.hpp"

namespace langevin {

class Probe {
 public:
  /// 128 uniform rows in the box of the data (10 % wider to each side) and the first 128 rows of the data.
  Probe(const Batch& data, std::uint64_t seed, std::int64_t steps);

  /// At most 100 times per run: monitors energyUniform (mean E of the noise) and uniformGap (that minus mean E of the
  /// data rows; positive where the model has learned the difference).
  void measure(const Energy& model, std::int64_t step, int threads, Monitors& monitors) const;

 private:
  Batch rows_;  // noise first, data second
  std::int64_t noise_, stride_;
};

}  // namespace langevin
