// Held-out rows in training: their loss now and then, the weights that did best on them, and when to stop.
#pragma once

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "objectives/trainable.hpp"
#include "tensors/saved.hpp"
#include "training/monitors.hpp"
#include "training/step.hpp"

namespace langevin {

struct TrainingData;

class Validation {
 public:
  /// `given`: { x, y?, every, patience? }; `objective` as it has been prepared on the training rows. ERR_LANGEVIN_UNSUPPORTED
  /// for an objective that samples its model or trains other networks: its loss does not measure the fit.
  Validation(const Spec& given, const Spec& objective, Objective& prepared, Energy& model, const Random& random,
             Job& job, int threads, std::int64_t steps);
  ~Validation();

  /// Measures where it is due after `done` steps: the averaged weights where there are some, always with the same random
  /// numbers. Monitor validationLoss.
  void measure(std::int64_t done, const Trainable& energy, TrainingStep& running, Monitors& monitors);
  /// `patience` measurements in a row were not below the best.
  bool stopped() const { return patience_ > 0 && since_ >= patience_; }
  /// Gives the energy and the objective's numbers the values that did best.
  void useBest(TrainingStep& running);

  SavedTensors state() const;
  void setState(const SavedTensors& state);
  /// { loss, step, stopped, history: [{ step, loss }] } of the best measurement.
  Value result() const;

 private:
  double loss(TrainingStep& running);

  Objective& objective_;
  Energy& model_;
  std::unique_ptr<TrainingData> data_;
  Random random_;
  TrainingStep context_;
  std::int64_t steps_, every_, patience_;  // patience 0: never stops
  std::vector<std::pair<std::string, at::Tensor>> best_;
  at::Tensor bestScalars_;
  double bestLoss_ = std::numeric_limits<double>::infinity();
  std::int64_t bestStep_ = 0, since_ = 0;
  std::vector<std::pair<std::int64_t, double>> history_;
};

}  // namespace langevin
