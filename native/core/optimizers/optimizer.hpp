// First-order optimisers on one flat vector of parameters; the update rules of torch.optim, operation by operation.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/schedule.hpp"
#include "base/spec.hpp"
#include "base/torch.hpp"
#include "tensors/saved.hpp"

namespace langevin {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update of `parameters` in place, with the learning rate of this step.
  virtual void step(const at::Tensor& parameters, const at::Tensor& gradient, double lr) = 0;
  /// What a checkpoint must hold, name -> tensor.
  virtual std::map<std::string, at::Tensor> state() const = 0;
  virtual void setState(const std::map<std::string, at::Tensor>& state) = 0;
};

/// `decay` false leaves weightDecay out: numbers of the objective (log Z) must not be pulled to zero.
std::unique_ptr<Optimizer> makeOptimizer(const Spec& spec, bool decay = true);
/// The learning rate at key `lr`: a number or a schedule over the run.
Schedule learningRate(const Spec& spec);

}  // namespace langevin
