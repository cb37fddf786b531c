// exhaustive: the energies of all answers, and the lowest. Columns of y may be a latent variable z, removed before the
// answers are compared (LeCun et al. 2006, section 1.4):
//   min: E(x, y) = min_z E(x, y, z);  freeEnergy: E(x, y) = -(1 / beta) log sum_z exp(-beta E(x, y, z))
#include "inference/walkers.hpp"

namespace langevin {
namespace {

class Exhaustive : public InferenceMethod {
 public:
  Exhaustive(const Spec& spec, const Condition& condition) : table_(spec.boolean("table", false)) {
    std::optional<std::int64_t> columns;
    if (const auto latent = spec.find("latent")) {
      requireContinuous(spec, condition);
      const std::int64_t count = latent->count("columns");
      if (count >= condition.width)
        latent->at("columns").invalid("y has " + std::to_string(condition.width) + " columns and needs one of its own");
      columns = condition.width - count;
      latents_ = latentValues(*latent, count);
      const std::string reduce = latent->text("reduce", "min");
      if (reduce != "min" && reduce != "freeEnergy")
        latent->at("reduce").invalid("'" + reduce + "' is not one of min, freeEnergy");
      free_ = reduce == "freeEnergy";
      beta_ = latent->positive("beta", 1);
    }
    answers_ = Answers::read(spec, condition, columns);
    if (answers_.drawn())
      spec.at("answers").invalid("exhaustive tries a fixed set of answers; give points or values, not samples");
  }

  Inferred run(const InferenceCall& call) const override {
    const std::int64_t states = latents_.defined() ? latents_.size(0) : 1;
    return inBlocks(call, answers_.count() * states,
                    [&](std::int64_t first, std::int64_t rows) { return block(call, first, rows, states); });
  }

 private:
  static at::Tensor latentValues(const Spec& latent, std::int64_t columns) {
    static const Condition any;
    Condition condition = any;
    condition.kind = Condition::Kind::Continuous;
    condition.width = columns;
    const Answers values = Answers::read(latent, condition);
    if (values.drawn()) latent.at("answers").invalid("a latent variable takes fixed values; give points or values");
    return values.all();
  }

  Inferred block(const InferenceCall& call, std::int64_t first, std::int64_t rows, std::int64_t states) const {
    const std::int64_t m = answers_.count();
    Walkers w;
    w.rows = rows;
    w.each = m * states;
    w.firstWalker = static_cast<std::uint64_t>(first * w.each);
    w.x = call.x.slice(0, first, first + rows).repeat_interleave(w.each, 0);
    at::Tensor answers = answers_.all();
    if (latents_.defined()) answers = at::cat({answers.repeat_interleave(states, 0), latents_.repeat({m, 1})}, 1);
    const at::Tensor typed = answers_.classes() ? answers.to(call.x.device()) : answers.to(call.energy.options());
    w.y = typed.dim() == 1 ? typed.repeat({rows}) : typed.repeat({rows, 1});
    const at::Tensor energy = energiesOf(call, w).view({rows, m, states});
    const at::Tensor reduced = free_ ? -(-beta_ * energy).logsumexp(2) / beta_ : energy.amin(2);
    const at::Tensor best = reduced.argmin(1);
    Inferred result;
    result.y = answers_.all().to(typed).index_select(0, best);
    result.energy = reduced.gather(1, best.unsqueeze(1)).squeeze(1);
    if (latents_.defined() && !free_) {
      const at::Tensor z = energy.gather(1, best.view({rows, 1, 1}).expand({rows, 1, states})).squeeze(1).argmin(1);
      result.latent = latents_.to(typed).index_select(0, z);
    }
    if (table_) result.table = reduced;
    result.evaluations = w.size();
    return result;
  }

  Answers answers_;
  at::Tensor latents_;  // float64 [states, l]
  bool free_ = false, table_;
  double beta_ = 1;
};

}  // namespace

std::unique_ptr<InferenceMethod> makeExhaustive(const Spec& spec, const Condition& condition) {
  return std::make_unique<Exhaustive>(spec, condition);
}

}  // namespace langevin
