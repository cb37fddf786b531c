// Persistent contrastive divergence (Tieleman 2008): negatives are chains that live on in a replay buffer from step to
// step; a share of them restarts (Du and Mordatch 2019).
//   loss = mean E(x) - mean E(x-),  x- <- sampler steps from the buffer's chains
// Restarts that are always taken pull the negatives away from the model's law, and short chains that cannot cross from
// one mode to another leave the modes' relative depth to the restarts. Metropolis-tested restarts
// (buffer.reinitAccept) do neither: they keep the law and move chains between modes.
#include "objectives/registry.hpp"
#include "objectives/support.hpp"
#include "training/replay_buffer.hpp"

namespace langevin {
namespace {

ReplayBuffer::Options bufferOptions(const Spec& spec) {
  const auto buffer = spec.find("buffer");
  return buffer ? ReplayBuffer::Options::read(*buffer) : ReplayBuffer::Options{};
}

class PersistentContrastiveDivergence : public Objective {
 public:
  explicit PersistentContrastiveDivergence(const Spec& spec)
      : sampler_(makeSampler(spec.at("sampler"))), buffer_(bufferOptions(spec)), chains_(spec.count("chains", 1, 0)) {}

  void prepare(Energy& model, const Rows& data, const at::Tensor&, const Random& random) override {
    model.program().states.require(data.x, "x");
    buffer_.fill(data, random, model.program().states);
  }

  at::Tensor loss(StepContext& context) override {
    const std::int64_t count = chains_ > 0 ? chains_ : context.batch.size();
    const CommonOptions& common = sampler_->common();
    const double temperature = common.temperature.at(common.steps - 1, common.steps);
    const ReplayBuffer::Draw draw =
        buffer_.draw(count, static_cast<std::uint64_t>(context.step),
                     [&](const Rows& rows) { return context.model().energyOf(rows, context.threads) / temperature; });
    Rows negatives = draw.rows;
    negatives.x = advanceRows(context, *sampler_, draw.rows);
    // The last call that can be aborted is behind us: from here on the step runs to its end.
    buffer_.store(draw, negatives.x, sampler_->common().steps);
    context.monitor("restartShare", draw.restarted.to(at::kDouble).mean().item<double>());
    context.monitor("bufferAge", buffer_.meanAge());
    context.monitor("bufferSaturation", buffer_.saturation());
    return contrast(context, context.batch, negatives);
  }

  std::map<std::string, at::Tensor> state() const override { return buffer_.state(); }
  void setState(const std::map<std::string, at::Tensor>& state) override { buffer_.setState(state); }
  Map statistics() const override {
    return {{"buffer", buffer_.statistics()}, {"effectiveTemperature", sampler_->effectiveTemperature()}};
  }

 private:
  std::shared_ptr<const Sampler> sampler_;
  ReplayBuffer buffer_;
  std::int64_t chains_;
};

}  // namespace

std::unique_ptr<Objective> makePersistentContrastiveDivergence(const Spec& spec) {
  return std::make_unique<PersistentContrastiveDivergence>(spec);
}

}  // namespace langevin
