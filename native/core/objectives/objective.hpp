// What training minimises. An objective is ordinary tensor mathematics on energies, scores and network outputs of some
// rows; the tape behind them (tiles, threads, fused kernels) is the context's business.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/job.hpp"
#include "base/spec.hpp"
#include "energies/energy.hpp"
#include "gradients/derivative.hpp"
#include "gradients/quantity.hpp"
#include "objectives/role.hpp"
#include "rows/row_source.hpp"
#include "tensors/random.hpp"

namespace langevin {

class Tape;
class Trainable;
struct JointGradients;

/// Derivatives of the energy in x at some rows.
struct ScoreAndCurvature {
  at::Tensor score;      // s = -dE/dx [n, d]
  at::Tensor curvature;  // v' (d2E/dx2) v of each direction v [n, m]
};

/// Parts of one optimisation step. Everything it returns from energy/score/outputs is differentiable in the parameters:
/// build the loss from it with ATen, return the loss, and the trainer does the rest.
class StepContext {
 public:
  virtual ~StepContext() = default;

  Batch batch;            // x [n, d] and y where the energy is conditional; changed by setCondition() alone
  Batch unlabelled;       // rows of the second data set, where the run has one
  at::Tensor target;      // regression targets [n, k] (float) or class labels [n] (int64); undefined otherwise
  std::int64_t step = 0;  // 0-based optimiser step
  std::int64_t totalSteps = 1;
  int threads = 1;
  double spread = 1;  // root mean square distance of the training rows from their mean

  /// The condition y of the batch's rows for the rest of this step, penalties included: for objectives that give it
  /// themselves (Objective::givesCondition).
  void setCondition(at::Tensor y);

  virtual Energy& model() = 0;
  virtual const Random& random() const = 0;
  virtual Job& job() = 0;

  /// E [n] of each of several sets of rows, in one pass.
  virtual std::vector<at::Tensor> energies(const std::vector<Batch>& parts) = 0;
  at::Tensor energy(const Batch& rows) { return energies({rows})[0]; }
  virtual at::Tensor outputs(const Batch& rows) = 0;  // logits or network outputs [n, k]
  virtual at::Tensor score(const Batch& rows) = 0;    // -dE/dx [n, d]
  /// The score and the energy's curvature along `directions` [n, m, d], which are held fixed.
  virtual ScoreAndCurvature curvature(const Batch& rows, const at::Tensor& directions) = 0;
  /// Any quantity of several sets of rows, one of the objective's own included: a leaf for each, or one for each of the
  /// quantity's columns in turn. Gradients flow on to what the rows are made of; detach() holds them fixed.
  virtual std::vector<at::Tensor> record(const Quantity& quantity, const std::vector<Batch>& parts,
                                         Differentiable wanted = {});
  /// A learnable number of the objective itself (declared in Objective::learnableScalars), e.g. logZ; requires grad.
  virtual at::Tensor learnableScalar(const std::string& name) = 0;

  /// A loss whose derivatives are known in closed form: no graph over small tensors, which costs a step of a small
  /// network more than it may. What is returned enters the objective's loss with factor 1. (Here: as a graph.)
  virtual at::Tensor lossWithGradients(double loss, const std::vector<Derivative>& derivatives);

  /// A network the objective trains beside the energy (Objective::roles), with its tape of this step. (Here: there is
  /// none, ERR_LANGEVIN_UNSUPPORTED.)
  virtual Trainable& trainable(const std::string& role);
  /// The tape of a role in this step; "energy": the one that energy(), score() and record() write to.
  virtual Tape& tape(const std::string& role);
  /// d loss / d parameters of these roles, in their order, by way of all their tapes. The loss that the objective returns
  /// goes backward into the energy alone: what trains a role, through the energy too, comes from here.
  /// ERR_LANGEVIN_INTERNAL where the loss reaches a role that is not listed: its gradient would be dropped.
  JointGradients backward(const at::Tensor& loss, const std::vector<std::string>& roles,
                          const std::vector<Derivative>& known = {});
  /// One optimiser step of a role along the gradient [P] of its parameters. Monitors <role>GradientNorm;
  /// ERR_LANGEVIN_DIVERGED when it is not finite.
  void update(const std::string& role, const at::Tensor& gradient);

  /// A number for history and progress (mean over the reporting interval). Its name has a row in monitor_table.cpp.
  virtual void monitor(const std::string& name, double value) = 0;
  /// Warns, once per monitor and run, of what is wrong: an event, and an entry of the result's warnings. Code, limit
  /// and remedy are those of the monitor's row; `message` says what was seen, by default that `value` passed the limit.
  /// (Here: the event alone.)
  virtual void warn(const std::string& monitor, double value, const std::string& message = {});
  /// Tells which energies belong to data and which to negatives: gap monitor, energy penalty, divergence watch.
  virtual void recordData(const at::Tensor& energy) = 0;
  virtual void recordNegatives(const at::Tensor& energy) = 0;

 protected:
  /// The tapes of this step, of the energy and of the roles, without those of `roles`.
  virtual std::vector<Tape*> tapesWithout(const std::vector<std::string>& roles);
};

class Objective {
 public:
  virtual ~Objective() = default;

  /// What is true of what it trains; the checks at the end of a run ask.
  struct Traits {
    bool everywhere = true;         // exp(-E(x)) is meant as a density over all of space, not in a box or of answers
    bool marginal = false;          // that density is of E(x), though the rows have classes
    bool negativesOfModel = false;  // its negatives are chains that did not start at the data of the step
  };
  virtual Traits traits() const { return {}; }

  /// True when the objective sets the condition y of every row itself (noise levels): the data then has none.
  virtual bool givesCondition() const { return false; }
  /// Refuses models and data it cannot train (with the reason); looks at training data once (data-fitted noise, grid
  /// borders). The rows may lie on disk: ask for what is needed of them (rows/row_source.hpp), for all at once only where
  /// the method looks at all of them.
  virtual void prepare(Energy& model, const RowSource& data, const at::Tensor& target, const Random& random) {
    (void)model, (void)data, (void)target, (void)random;
  }
  /// The scalar loss of this step.
  virtual at::Tensor loss(StepContext& context) = 0;

  /// Learnable numbers of the objective, name -> initial value.
  virtual std::map<std::string, double> learnableScalars() const { return {}; }
  /// State that must survive a checkpoint (replay buffer, counters), name -> tensor; restored by setState.
  virtual std::map<std::string, at::Tensor> state() const { return {}; }
  virtual void setState(const std::map<std::string, at::Tensor>& state) { (void)state; }
  /// Chains of the model's law that it keeps start anew, with other numbers: a run goes back to earlier weights.
  virtual void restartChains(const Random& random) { (void)random; }
  /// Before prepare(): rows without y that the run has beside the others. (Here: ERR_LANGEVIN_INVALID_OPTION.)
  virtual void takeUnlabelled(const RowSource& rows);
  /// The networks it trains beside the energy.
  virtual std::vector<Role> roles() const { return {}; }
  /// They, by role: those that were given, and after prepare() all.
  const std::map<std::string, NetworkRef>& networks() const { return networks_; }
  /// Gives it the network of a role, before prepare(). ERR_LANGEVIN_INVALID_OPTION for a role it does not have.
  void give(const std::string& role, NetworkRef network);
  /// Numbers for the end result (buffer age and re-use, ...).
  virtual Map statistics() const { return {}; }

 protected:
  using MakeNetwork = std::function<NetworkRef(std::uint64_t seed)>;
  /// In prepare(): the network of a role in the energy's dtype and on its device, made by `make` where none was given
  /// (null: an error that asks for it). Its seed comes from the run's and is not the energy's.
  NetworkRef networkOf(const std::string& role, const Energy& model, const Random& random, const MakeNetwork& make);

 private:
  std::map<std::string, NetworkRef> networks_;
};

std::unique_ptr<Objective> makeObjective(const Spec& spec);

}  // namespace langevin
