// A network in training: its parameters' optimiser, learning rate, clip and average, a tape for its gradients, and what a
// checkpoint must hold of them. A run has one for each role: the energy, and what the objective trains beside it.
#pragma once

#include <memory>
#include <string>

#include "gradients/tape.hpp"
#include "networks/network.hpp"
#include "optimizers/optimizer.hpp"

namespace langevin {

struct TrainableOptions {
  double clipNorm = 0;     // largest gradient norm, as torch.nn.utils.clip_grad_norm_; 0: no limit
  double ema = 0;          // decay of the weights' average; 0: none
  bool emaWarmup = false;  // min(ema, (1 + t) / (10 + t)) at step t
};

/// Whatever changes weights or average does so under the lock of Network::inTraining().
/// ERR_LANGEVIN_UNSUPPORTED for a network without learnable parameters, as an analytic energy is.
void requireLearnable(const std::string& role, const Network& network);

class Trainable {
 public:
  /// `optimizer` is read here. ERR_LANGEVIN_UNSUPPORTED for a network without learnable parameters, _DTYPE for bfloat16.
  /// `seed` keys dropout masks.
  Trainable(std::string role, NetworkRef network, const Spec& optimizer, std::uint64_t seed,
            TrainableOptions options = {});
  ~Trainable();
  Trainable(Trainable&&) = default;
  Trainable& operator=(Trainable&&) = delete;

  const std::string& role() const { return role_; }
  Network& network() const { return *network_; }
  const NetworkRef& shared() const { return network_; }

  /// The tape of this step, begun at its first use in the step.
  Tape& tape(std::int64_t step, int threads);
  /// The tape as it is; null before its first use.
  Tape* lastTape() const { return tape_.get(); }

  double learningRate(std::int64_t step, std::int64_t totalSteps) const { return lrFactor_ * lr_.at(step, totalSteps); }
  /// From now on the learning rate is so many times that of the optimiser's spec.
  void scaleLearningRate(double factor) { lrFactor_ = factor; }
  /// One optimiser step along the gradient [P], whose norm the caller has looked at.
  void update(const at::Tensor& gradient, double norm, std::int64_t step, std::int64_t totalSteps);
  /// Takes the weights into their average, after the update of step `step`.
  void average(std::int64_t step);
  /// The average of the weights [P]; undefined without one, or before the first step.
  const at::Tensor& averaged() const { return ema_; }
  /// The average becomes the weights.
  void useAverage();

  /// parameters, ema, buffers/<name>, optimizer/<name>: clones.
  SavedTensors state() const;
  /// ERR_LANGEVIN_FORMAT, _DTYPE where the state is of another network.
  void setState(const SavedTensors& state);
  /// Says that so many steps have been done before.
  void resumeAt(std::int64_t step);

 private:
  std::string role_;
  NetworkRef network_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule lr_;
  double lrFactor_ = 1;
  std::uint64_t seed_;
  TrainableOptions options_;
  std::unique_ptr<Tape> tape_;
  std::int64_t tapeStep_ = -1;
  at::Tensor ema_;
};

}  // namespace langevin
