// What `train` takes beside energy, data, objective and optimizer.
#pragma once

#include <cstdint>
#include <optional>

#include "base/spec.hpp"
#include "training/recovery.hpp"
#include "training/step.hpp"

namespace langevin {

struct TrainOptions {
  std::int64_t steps = 0;
  std::int64_t batchSize = 256;
  std::uint64_t seed = 0;
  double ema = 0;          // 0: off
  bool emaWarmup = false;  // decay min(ema, (1 + t) / (10 + t))
  double clipNorm = 0;     // 0: off
  Penalties penalties;
  double gapLimit = 1e5;  // |mean E(negatives) - mean E(data)| above it stops the run
  Recovery::Options recovery;
  double extraLr = 1;        // learning rate of the objective's own numbers, as a multiple of the optimizer's
  bool checkpoints = false;  // emit checkpoints at all: at the end and on abort
  std::int64_t every = 0;    // and every so many steps
  int threads = 1;
  std::int64_t historyPoints = 1000;

  static TrainOptions read(const Spec& arguments, std::int64_t rows);
};

}  // namespace langevin
