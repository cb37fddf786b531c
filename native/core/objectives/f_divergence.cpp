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
#include "objectives/helper_network.hpp"
#include "objectives/persistent_chains.hpp"
#include "objectives/registry.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

class FDivergenceObjective : public Objective {
 public:
  FDivergenceObjective(const Spec& spec, PersistentChains chains)
      : divergence_(readFDivergence(spec.at("divergence"), spec.positive("clip", 3))),
        helper_(spec.at("helper").value(), spec.at("helperOptimizer")),
        helperPenalty_(spec.nonNegative("helperPenalty", 0)),
        warmup_(spec.count("warmup", 0, 0)),
        chains_(std::move(chains)) {}

  void prepare(Energy& model, const Rows& data, const at::Tensor&, const Random& random) override {
    helper_.create(model, random);
    // Says what does not fit before the first step.
    const Energy& network = helper_.network();
    network.rows(data.x.slice(0, 0, 1), isConditional() ? firstRow(data.y) : at::Tensor());
    chains_.prepare(model, data, random);
  }

  at::Tensor loss(StepContext& context) override {
    const Rows negatives = chains_.advance(context);
    const std::int64_t n = context.batch.size();
    Rows joint;
    joint.x = at::cat({context.batch.x, negatives.x});
    if (negatives.y.defined()) joint.y = at::cat({context.batch.y, negatives.y});
    const at::Tensor energy = context.energy(joint);
    trainHelper(context, joint, energy.detach(), n);

    const at::Tensor onData = energy.slice(0, 0, n), onNegatives = energy.slice(0, n);
    context.recordData(onData);
    context.recordNegatives(onNegatives);
    if (context.step < warmup_) return 0.0 * energy.sum();  // penalties only
    const at::Tensor u = energy + helper_.network().energyOf(helperRows(joint), context.threads);
    const at::Tensor conjugate = divergence_.conjugate(u.slice(0, n)), fixed = conjugate.detach();
    return divergence_.slope(u.slice(0, 0, n)).mean() - conjugate.mean() + (onNegatives * fixed).mean() -
           onNegatives.mean() * fixed.mean();
  }

  std::map<std::string, EnergyRef> networks() const override { return {{"helper", helper_.shared()}}; }
  std::map<std::string, at::Tensor> state() const override {
    std::map<std::string, at::Tensor> state = chains_.state();
    state.merge(helper_.state());
    return state;
  }
  void setState(const std::map<std::string, at::Tensor>& state) override {
    chains_.setState(state);
    helper_.setState(state);
  }
  Map statistics() const override { return chains_.statistics(); }

 private:
  static at::Tensor firstRow(const at::Tensor& y) { return y.defined() ? y.slice(0, 0, 1) : y; }
  bool isConditional() const { return helper_.network().program().condition.kind != Condition::Kind::None; }
  Rows helperRows(const Rows& rows) const { return {rows.x, isConditional() ? rows.y : at::Tensor()}; }

  // One step of the helper towards log p + log Z, at the model's present energy.
  void trainHelper(StepContext& context, const Rows& joint, const at::Tensor& energy, std::int64_t n) {
    Tape& tape = helper_.tape(context);
    const at::Tensor h = tape.record(Tape::Kind::Energy, helperRows(joint));
    const at::Tensor u = h + energy;
    const at::Tensor value = divergence_.slope(u.slice(0, 0, n)).mean() - divergence_.conjugate(u.slice(0, n)).mean();
    context.monitor("divergence", value.item<double>());
    at::Tensor loss = context.step < warmup_ ? 0.0 * h.sum() : -value;
    if (helperPenalty_ > 0)
      loss = loss + helperPenalty_ * (h.slice(0, 0, n).square().mean() + h.slice(0, n).square().mean());
    helper_.update(context, tape.backward(loss, {}).parameters);
  }

  FDivergence divergence_;
  HelperNetwork helper_;
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
