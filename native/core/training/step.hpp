// One optimisation step as the objective sees it: the tape, the objective's own learnable numbers, the monitors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gradients/tape.hpp"
#include "objectives/diverged.hpp"
#include "objectives/objective.hpp"
#include "objectives/trainable.hpp"
#include "training/warnings.hpp"

namespace langevin {

struct Penalties {
  double energy = 0;    // weight of mean E^2 over data plus mean E^2 over negatives
  double gradient = 0;  // weight of mean |dE/dx|^2 over data rows
  double l1 = 0;        // weight of sum |w| over the learnable weights of the energy
  /// From the `penalties` of arguments that may have none.
  static Penalties read(const Spec& arguments);
};

class TrainingStep : public StepContext {
 public:
  TrainingStep(Energy& model, const Random& random, Job& job, int threads,
               const std::map<std::string, double>& scalars);

  /// Takes the networks the objective trains beside the energy (after its prepare()). `optimizers`: of roles that have
  /// another than the objective's own, by name.
  void take(const Objective& objective, const std::map<std::string, Value>& optimizers = {});
  std::vector<Trainable>& trainables() { return trainables_; }

  /// Starts step `step` on these rows.
  void begin(std::int64_t step, std::int64_t totalSteps, Batch rows, at::Tensor target);

  struct Result {
    double loss = 0;            // without penalties
    at::Tensor gradient;        // [P]
    at::Tensor scalarGradient;  // [scalars]
    std::map<std::string, double> monitors;
    std::vector<Batch> rows;  // what the objective evaluated, in order
  };
  /// Runs the objective once and differentiates its loss. ERR_LANGEVIN_DIVERGED names the step and the monitor.
  Result run(Objective& objective, const Penalties& penalties);
  /// The loss alone, without penalties.
  double lossOf(Objective& objective);

  /// Values of the objective's learnable numbers, [scalars], in the order of their names.
  at::Tensor& learnableScalars() { return scalarValues_; }
  const std::vector<std::string>& scalarNames() const { return scalarNames_; }
  /// Of all steps until now.
  Warnings& warnings() { return warnings_; }

  Trainable& trainable(const std::string& role) override;
  Tape& tape(const std::string& role) override { return role == "energy" ? tape_ : StepContext::tape(role); }
  Energy& model() override { return model_; }
  const Random& random() const override { return random_; }
  Job& job() override { return job_; }
  std::vector<at::Tensor> energies(const std::vector<Batch>& parts) override { return tape_.record(kEnergy, parts); }
  at::Tensor outputs(const Batch& rows) override { return tape_.record(kOutputs, rows); }
  at::Tensor score(const Batch& rows) override { return tape_.record(kScore, rows); }
  ScoreAndCurvature curvature(const Batch& rows, const at::Tensor& directions) override;
  std::vector<at::Tensor> record(const Quantity& quantity, const std::vector<Batch>& parts,
                                 Differentiable wanted) override {
    return tape_.record(quantity, parts, wanted);
  }
  at::Tensor learnableScalar(const std::string& name) override;
  at::Tensor lossWithGradients(double loss, const std::vector<Derivative>& derivatives) override;
  void monitor(const std::string& name, double value) override { monitors_[name] = value; }
  void warn(const std::string& name, double value, const std::string& message) override;
  void recordData(const at::Tensor& energy) override { data_ = energy; }
  void recordNegatives(const at::Tensor& energy) override { negatives_ = energy; }

 private:
  std::vector<Tape*> tapesWithout(const std::vector<std::string>& roles) override;
  at::Tensor recordedLoss(Objective& objective);
  at::Tensor penalised(const at::Tensor& loss, const Penalties& penalties);
  void monitorEnergies();

  Energy& model_;
  const Random& random_;
  Job& job_;
  Tape tape_;
  std::vector<std::string> scalarNames_;
  at::Tensor scalarValues_;
  std::vector<at::Tensor> scalarLeaves_;
  std::vector<Derivative> known_;  // what lossWithGradients() was told
  std::map<std::string, double> monitors_;
  Warnings warnings_;
  std::vector<Trainable> trainables_;  // of the objective's roles, in their order
  at::Tensor data_, negatives_;
};

}  // namespace langevin
