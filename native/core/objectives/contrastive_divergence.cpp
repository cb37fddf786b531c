// Contrastive divergence (Hinton 2002, eq. 4): negatives are the sampler's steps from the data rows themselves.
//   loss = mean E(x) - mean E(x_k),  x_0 = x,  x_k not differentiated
// With proper Langevin steps of size h the fixed point is biased: on a Gaussian of variance v the precision P solves
// v P (1 - h P / 4) = 1. Divided by h / 2, one step's gradient tends to the score-matching gradient as h -> 0.
//
// mode 'shortRun' (Nijkamp, Hill, Zhu and Wu 2019) starts the k steps from fresh noise every time: chains that are not
// persistent and do not converge. What is learned is the k-step sampler from that noise, not a density.
//
// longChains carries chains on beyond the k steps and makes their ends negatives too, see long_chains.hpp.
#include "objectives/from_parts.hpp"
#include "objectives/long_chains.hpp"
#include "objectives/monitor_table.hpp"
#include "objectives/sampler_kl.hpp"
#include "objectives/support.hpp"
#include "replay/replay_buffer.hpp"
#include "tensors/columns.hpp"

namespace langevin {
namespace {

// The law of a short run's first rows, as the replay buffer knows it.
ReplayBuffer::Options startOptions(const Spec& spec) {
  ReplayBuffer::Options o;
  o.size = 1;
  const auto start = spec.find("start");
  if (!start) return o;
  const std::string from = start->text("from", "uniform");
  if (from != "uniform" && from != "normal") start->at("from").invalid("must be 'uniform' or 'normal'");
  o.normal = from == "normal" ? 1 : 0;
  o.uniform = 1 - o.normal;
  if (const auto box = start->find("box")) {
    o.low = numberOrList(*box, "low");
    o.high = numberOrList(*box, "high");
  }
  return o;
}

bool isShortRun(const Spec& spec) {
  const std::string mode = spec.text("mode", "data");
  if (mode != "data" && mode != "shortRun") spec.at("mode").invalid("must be 'data' or 'shortRun'");
  return mode == "shortRun";
}

class ContrastiveDivergence : public Objective {
 public:
  explicit ContrastiveDivergence(std::shared_ptr<const Sampler> sampler, const Spec& spec)
      : sampler_(std::move(sampler)),
        steps_(spec.count("k", 1, 0)),
        kl_(spec, *sampler_),
        longChains_(spec, shortSteps()) {
    if (isShortRun(spec)) starts_ = std::make_unique<ReplayBuffer>(startOptions(spec));
  }

  Traits traits() const override { return {.negativesOfModel = starts_ != nullptr}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random& random) override {
    requireStates(model.program().domain, data);
    if (starts_) starts_->fill(data, random, model.program().domain);
  }

  at::Tensor loss(StepContext& context) override {
    Batch negatives = context.batch;
    if (starts_) {
      warnOfShortRuns(context);
      const auto step = static_cast<std::uint64_t>(context.step);
      negatives.x = starts_->fresh(context.batch.size(), step, context.random().fork(Salt::Starts)).x;
    }
    negatives.x = kl_.advance(context, *sampler_, negatives, steps_);
    return kl_.added(context, longChains_.contrast(context, *sampler_, negatives));
  }
  Map statistics() const override { return {{"effectiveTemperature", sampler_->effectiveTemperature()}}; }

 private:
  std::int64_t shortSteps() const { return steps_ > 0 ? steps_ : sampler_->common().steps; }

  void warnOfShortRuns(StepContext& context) const {
    const Monitor& monitor = monitorNamed("shortRun");
    const std::string steps = std::to_string(shortSteps());
    context.warn(monitor.name, static_cast<double>(shortSteps()),
                 "short runs of " + steps + " steps from noise are not the model's law: " + monitor.reading);
  }

  std::shared_ptr<const Sampler> sampler_;
  std::int64_t steps_;  // k; 0: the sampler's own number
  SamplerKl kl_;
  LongChains longChains_;
  std::unique_ptr<ReplayBuffer> starts_;  // only with mode 'shortRun'
};

}  // namespace

std::unique_ptr<Objective> makeContrastiveDivergence(std::shared_ptr<const Sampler> sampler) {
  const Value none{Map{}};
  return std::make_unique<ContrastiveDivergence>(std::move(sampler), Spec(none, "objective"));
}

std::unique_ptr<Objective> makeContrastiveDivergence(const Spec& spec) {
  return std::make_unique<ContrastiveDivergence>(makeSampler(spec.at("sampler")), spec);
}

}  // namespace langevin
