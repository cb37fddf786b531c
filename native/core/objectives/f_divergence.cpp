// f-EBM (Yu, Song, Song and Ermon 2020, algorithm 1): the energy that minimises any f-divergence between the data p and
// the model q = exp(-E) / Z, by its variational form with a helper network H on the same rows and u = H + E:
//   max over H, min over E of  J = E_p f'(e^u) - E_q F(u),  F(u) = f*(f'(e^u)).
// For every E the best H is log p + log Z, so that u = log(p / q) and J = D_f(p, q). Each step updates the helper once
// on -J and then gives the model the loss
//   mean f'(u+) - mean F(u-) + mean(E- sg F(u-)) - mean(E-) sg mean F(u-),  sg: not differentiated
// whose two last terms are the part of the gradient of E_q F that comes from q itself. The value of that loss means
// nothing; the monitor `divergence` is J, a lower bound of D_f. Beyond |u| = clip the divergence goes on as another
// one, see f_divergences.cpp.
#include "objectives/f_divergences.hpp"
#include "objectives/from_parts.hpp"
#include "objectives/persistent_chains.hpp"
#include "objectives/support.hpp"
#include "objectives/trainable.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class FDivergenceObjective : public Objective {
 public:
  FDivergenceObjective(const Spec& spec, PersistentChains chains)
      : divergence_(readFDivergence(spec.at("divergence"), spec.positive("clip", 3))),
        helperSpec_(spec.has("helper") ? spec.at("helper").value() : Value()),
        helperOptimizer_(spec.at("helperOptimizer").value()),
        helperPenalty_(spec.nonNegative("helperPenalty", 0)),
        warmup_(spec.count("warmup", 0, 0)),
        chains_(std::move(chains)) {}

  Traits traits() const override { return {.negativesOfModel = true}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random& random) override {
    const auto make = [&](std::uint64_t seed) {
      return makeEnergy(Spec(helperSpec_, "objective.helper"), model.dtype(), model.device(), seed);
    };
    const NetworkRef network = networkOf("helper", model, random, helperSpec_.isNull() ? MakeNetwork() : make);
    helper_ = std::dynamic_pointer_cast<Energy>(network);
    if (!helper_) fail(Code::InvalidOption, "the helper of fDivergence must be an Energy, not ", network->describe());
    // Says what does not fit before the first step.
    helper_->rows(data.head(1).x, isConditional() ? firstRow(data.y()) : at::Tensor());
    chains_.prepare(model, data, random);
  }

  at::Tensor loss(StepContext& context) override {
    const Batch negatives = chains_.advance(context);
    const std::int64_t n = context.batch.size();
    const Batch joint = Batch::joined({context.batch, negatives});
    const at::Tensor energy = context.energy(joint);
    const std::vector<double> energies = numbersOf(energy);
    trainHelper(context, joint, energies, n);

    context.recordData(energy.slice(0, 0, n));
    context.recordNegatives(energy.slice(0, n));
    if (context.step < warmup_)
      return context.lossWithGradients(0, {{energy, at::zeros_like(energy)}});  // penalties only
    Estimate value = estimate(energies, numbersOf(helper_->energyOf(helperRows(joint), context.threads)), n);
    // The part of d E_q F that comes from q itself: the covariance of -E and F under q.
    const auto rows = static_cast<std::size_t>(n);
    const double m = static_cast<double>(energies.size() - rows);
    double mean = 0, covariance = 0;
    for (double f : value.conjugates) mean += f / m;
    for (std::size_t j = 0; j < value.conjugates.size(); ++j) {
      value.slopes[rows + j] += (value.conjugates[j] - mean) / m;
      covariance += energies[rows + j] * (value.conjugates[j] - mean) / m;
    }
    return context.lossWithGradients(value.divergence + covariance, {{energy, tensorOf(value.slopes, energy)}});
  }

  std::vector<Role> roles() const override { return {{"helper", helperOptimizer_}}; }
  void restartChains(const Random& random) override { chains_.restart(random); }
  std::map<std::string, at::Tensor> state() const override { return chains_.state(); }
  void setState(const std::map<std::string, at::Tensor>& state) override { chains_.setState(state); }
  Map statistics() const override { return chains_.statistics(); }

 private:
  static at::Tensor firstRow(const at::Tensor& y) { return y.defined() ? y.slice(0, 0, 1) : y; }
  bool isConditional() const { return helper_->program().condition.kind != Condition::Kind::None; }
  Batch helperRows(const Batch& rows) const { return {rows.x, isConditional() ? rows.y : at::Tensor()}; }

  // J at u = E + H, n rows of data before the negatives, with dJ / du of every row and F(u) of the negatives.
  struct Estimate {
    double divergence = 0;
    std::vector<double> slopes, conjugates;
  };
  Estimate estimate(const std::vector<double>& energy, const std::vector<double>& helper, std::int64_t n) const {
    Estimate value;
    const auto rows = static_cast<std::size_t>(n);
    const double onData = 1.0 / static_cast<double>(n), onNegatives = 1.0 / static_cast<double>(energy.size() - rows);
    for (std::size_t i = 0; i < energy.size(); ++i) {
      const double u = energy[i] + helper[i];
      if (i < rows) {
        value.divergence += divergence_.slope(u) * onData;
        value.slopes.push_back(divergence_.weight(u) * onData);
      } else {
        value.conjugates.push_back(divergence_.conjugate(u));
        value.divergence -= value.conjugates.back() * onNegatives;
        value.slopes.push_back(-divergence_.force(u) * onNegatives);
      }
    }
    return value;
  }

  // One step of the helper towards log p + log Z, at the model's present energy.
  void trainHelper(StepContext& context, const Batch& joint, const std::vector<double>& energy, std::int64_t n) {
    const at::Tensor h = context.tape("helper").record(kEnergy, helperRows(joint));
    const std::vector<double> helper = numbersOf(h);
    const Estimate value = estimate(energy, helper, n);
    context.monitor("divergence", value.divergence);
    const auto rows = static_cast<std::size_t>(n);
    std::vector<double> slopes(helper.size());
    for (std::size_t i = 0; i < helper.size(); ++i) {
      const auto side = static_cast<double>(i < rows ? rows : helper.size() - rows);
      slopes[i] = 2 * helperPenalty_ * helper[i] / side - (context.step < warmup_ ? 0 : value.slopes[i]);
    }
    const at::Tensor noGraph = at::zeros({}, at::kDouble);
    const JointGradients gradients = context.backward(noGraph, {"helper"}, {{h, tensorOf(slopes, h)}});
    context.update("helper", gradients.parameters[0]);
  }

  FDivergence divergence_;
  Value helperSpec_, helperOptimizer_;  // no spec: train() is given the network
  EnergyRef helper_;
  double helperPenalty_;
  std::int64_t warmup_;
  PersistentChains chains_;
};

}  // namespace

std::unique_ptr<Objective> makeFDivergence(const Spec& spec, PersistentChains chains) {
  return std::make_unique<FDivergenceObjective>(spec, std::move(chains));
}

std::unique_ptr<Objective> makeFDivergence(const Spec& spec) { return makeFDivergence(spec, PersistentChains(spec)); }

}  // namespace langevin
