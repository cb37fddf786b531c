// A second network that an objective trains beside the model: parameters, optimiser and learning rate of its own, and
// what a checkpoint must hold of them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "gradients/tape.hpp"
#include "objectives/objective.hpp"
#include "optimizers/optimizer.hpp"

namespace langevin {

class HelperNetwork {
 public:
  /// `energy` describes the network (as a value: it may be written by the objective), `optimizer` how it is trained.
  HelperNetwork(Value energy, const Spec& optimizer);

  /// Fresh weights in the model's dtype and on its device; the seed comes from the run's.
  void create(const Energy& model, const Random& random);

  Energy& network() const { return *network_; }
  EnergyRef shared() const { return network_; }
  /// A tape on the network for this step; dropout masks are keyed by (seed, step).
  Tape& tape(StepContext& context);
  /// One optimiser step along the gradient [P]; Code::Diverged when it is not finite.
  void update(StepContext& context, const at::Tensor& gradient);

  std::map<std::string, at::Tensor> state() const;
  void setState(const std::map<std::string, at::Tensor>& state);

 private:
  Value energy_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule lr_;
  EnergyRef network_;
  std::unique_ptr<Tape> tape_;
  std::uint64_t seed_ = 0;
};

}  // namespace langevin
