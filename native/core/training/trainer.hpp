// The training loop: batches, the objective's loss, one optimiser step, averages, monitors, checkpoints.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "objectives/objective.hpp"
#include "optimizers/optimizer.hpp"
#include "training/batches.hpp"
#include "training/monitor_limits.hpp"
#include "training/monitors.hpp"
#include "training/options.hpp"
#include "training/probe.hpp"
#include "training/step.hpp"
#include "training/validation.hpp"

namespace langevin {

/// Rows and targets as the energy and the objective want them.
struct TrainingData {
  RowSource rows;                       // y only where the energy is conditional
  at::Tensor target;                    // y of the data: labels int64 [n] or numbers [n, k]; undefined without y
  std::optional<RowSource> unlabelled;  // a second data set, without y
  struct Step {
    Batch rows;
    at::Tensor target;
  };
  /// Rows `index`, int64 [k], augmented as those of step `step`.
  Step select(const at::Tensor& index, std::int64_t step, const Random& random) const;
  /// From { x, y?, unlabelled? }: checks shapes, dtypes and finiteness against the model. No y where the objective gives it.
  static TrainingData read(const Spec& arguments, const Energy& model, const Objective& objective);
};

/// Gives the objective the `networks` of the arguments, by role.
void giveNetworks(const Spec& arguments, Objective& objective);

class Trainer {
 public:
  Trainer(const Spec& arguments, Job& job);
  /// { history, steps, seconds, rawParameters?, extras, statistics, warnings, checks, validation? }. The model holds the
  /// trained weights afterwards (the averaged ones with ema; with validation those that did best).
  Value run();

 private:
  void step(std::int64_t s);
  void update(const TrainingStep::Result& result, std::int64_t s);
  void requireWithinLimits(const TrainingStep::Result& result, double gradientNorm, std::int64_t s) const;
  void report(std::int64_t s, double loss);
  void endEpochs(std::int64_t s);

  Batch unlabelledBatch(std::int64_t s);
  /// Goes back to earlier weights after a divergence.
  void recover(const Error& error);
  void useRecovered();
  /// All but what the objective keeps.
  SavedTensors savedState() const;
  void takeUp(const SavedTensors& saved);
  SavedTensors onDevice(SavedTensors tensors) const;
  void emitCheckpoint();
  Map checkpointTensors() const;
  void restore(const Spec& resume);
  const std::string& fingerprint();
  Value result();
  Map finalChecks() const;

  EnergyRef model_;
  Job& job_;
  std::unique_ptr<Objective> objective_;
  TrainingData data_;
  TrainOptions options_;
  Random random_;
  Trainable energy_;
  std::unique_ptr<Optimizer> scalarOptimizer_;
  Batches batches_;
  std::optional<Batches> unlabelledBatches_;
  Recovery recovery_;
  Monitors monitors_;
  Probe probe_;
  MonitorLimits limits_;
  std::unique_ptr<TrainingStep> context_;
  std::unique_ptr<Validation> validation_;  // null without held-out rows
  bool boxed_;                              // the chains of the objective live in a box
  at::Tensor negatives_;                    // of the last step, where they are rows of the model
  std::int64_t done_ = 0;                   // steps completed
  std::int64_t resumedAt_ = 0;              // of them, before this run
  std::int64_t lastCheckpoint_ = -1;
  std::string fingerprint_;  // of the data; empty until it is asked for
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_, lastProgress_, lastEpoch_;
};

}  // namespace langevin
