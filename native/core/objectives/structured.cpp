// Structured prediction (LeCun et al. 2006): a loss on the energies E(x, y) of the right answer and of the others,
//   loss = mean over rows of l(E_C, E_I or all E);  the ten l are in structured_losses.cpp
// Classes: the answers are all classes. Continuous y: the candidates (`answers`) and the right y; candidates farther
// than `epsilon` from the right y are wrong, the most offending one is the lowest of them.
#include "inference/answers.hpp"
#include "objectives/objective.hpp"
#include "objectives/structured_losses.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

const StructuredLoss& lossNamed(const Spec& spec) {
  std::string known;
  for (const StructuredLoss& loss : structuredLosses()) {
    if (spec.text() == loss.name) return loss;
    known += std::string(known.empty() ? "" : ", ") + loss.name;
  }
  spec.invalid("unknown loss '" + spec.text() + "'; known: " + known);
}

class Structured : public Objective {
 public:
  explicit Structured(const Spec& spec)
      : loss_(lossNamed(spec.at("loss"))), epsilon_(spec.nonNegative("epsilon", 0)), value_(spec.value()) {
    options_.margin = spec.nonNegative("margin", options_.margin);
    options_.beta = spec.positive("beta", options_.beta);
    options_.gamma = spec.positive("gamma", options_.gamma);
    options_.delta = spec.positive("delta", options_.delta);
    options_.cap = spec.positive("cap", options_.cap);
  }

  Traits traits() const override { return {.everywhere = false}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) override {
    const Program& program = model.program();
    if (program.condition.kind == Condition::Kind::None)
      fail(Code::Unsupported, "structured trains an energy E(x, y) (twoTower, conditional, classifier); a ",
           program.kind, " energy has no y");
    if (!data.y().defined())
      fail(Code::InvalidOption, "structured needs the right answers: train on { x, y }, or name the column with y");
    const Spec spec(value_, "objective");
    const bool classes = program.condition.kind == Condition::Kind::Class;
    if (classes && spec.has("epsilon"))
      spec.at("epsilon").invalid("is a distance between continuous answers; classes have none");
    // Without candidates the energy loss sees the right answer alone, and the monitors of the others are left out.
    if (classes || spec.has("answers") || loss_.comparesOffending || loss_.comparesAll)
      answers_ = Answers::read(spec, program.condition);
  }

  at::Tensor loss(StepContext& context) override {
    const Batch& data = context.batch;
    if (!answers_) {
      AnswerEnergies e;
      e.correct = context.energy(data);
      context.recordData(e.correct);
      return loss_.value(e, options_).mean();
    }
    const AnswerEnergies e = energiesOfAnswers(context);
    context.recordData(e.correct);
    const at::Tensor offending = offendingEnergy(e);
    {
      at::NoGradGuard guard;
      context.monitor("accuracy", (e.correct < offending).to(at::kDouble).mean().item<double>());
    }
    // gap: mean E_I - mean E_C, the margin that was reached. A row all of whose candidates lie in the ball has no E_I.
    if (e.wrong.any(1).all().item<bool>()) context.recordNegatives(offending);
    return loss_.value(e, options_).mean();
  }

 private:
  AnswerEnergies energiesOfAnswers(StepContext& context) const {
    const Batch& data = context.batch;
    const std::int64_t n = data.size(), m = answers_->count();
    Batch candidates;
    candidates.x = data.x.repeat_interleave(m, 0);
    candidates.y = answers_->forRows(n, context.random(), static_cast<std::uint64_t>(context.step), data.x.options());
    const EnergyPair energy = energiesOf(context, data, candidates);
    AnswerEnergies e;
    e.correct = energy.data;
    e.others = energy.negatives.view({n, m});
    const at::Tensor distance = distances(data.y, candidates.y, n, m);
    e.right = distance == 0;
    e.wrong = distance > epsilon_;
    requireWrongAnswers(e.wrong);
    return e;
  }

  // |y' - y| of every candidate, [n, m]; 0 or 1 for classes.
  static at::Tensor distances(const at::Tensor& y, const at::Tensor& candidates, std::int64_t n, std::int64_t m) {
    if (candidates.dim() == 1) return (candidates.view({n, m}) != y.view({n, 1})).to(at::kDouble);
    return (candidates.view({n, m, -1}) - y.unsqueeze(1)).to(at::kDouble).square().sum(2).sqrt();
  }

  void requireWrongAnswers(const at::Tensor& wrong) const {
    if (!loss_.comparesOffending) return;
    const at::Tensor without = wrong.any(1).logical_not();
    if (!without.any().item<bool>()) return;
    const auto row = without.nonzero()[0].item<std::int64_t>();
    throw Error(Code::InvalidOption,
                "structured: no answer is farther than epsilon = " + std::to_string(epsilon_) +
                    " from the right one of row " + std::to_string(row) +
                    " of the batch; widen the answers or lower epsilon",
                {{"row", row}});
  }

  const StructuredLoss& loss_;
  StructuredOptions options_;
  double epsilon_;
  Value value_;  // the spec, read again once the model is known
  std::optional<Answers> answers_;
};

}  // namespace

std::unique_ptr<Objective> makeStructured(const Spec& spec) { return std::make_unique<Structured>(spec); }

}  // namespace langevin
