// Persistent contrastive divergence (Tieleman 2008): negatives are chains that live on in a replay buffer from step to
// step; a share of them restarts (Du and Mordatch 2019).
//   loss = mean E(x) - mean E(x-),  x- <- sampler steps from the buffer's chains
// Restarts that are always taken pull the negatives away from the model's law, and short chains that cannot cross from
// one mode to another leave the modes' relative depth to the restarts. Metropolis-tested restarts
// (buffer.reinitAccept) do neither: they keep the law and move chains between modes.
#include "objectives/objective.hpp"
#include "objectives/persistent_chains.hpp"
#include "objectives/support.hpp"

namespace langevin {
namespace {

class PersistentContrastiveDivergence : public Objective {
 public:
  explicit PersistentContrastiveDivergence(const Spec& spec) : chains_(spec), kl_(spec, chains_.sampler()) {}

  Traits traits() const override { return {.negativesOfModel = true}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random& random) override {
    chains_.prepare(model, data, random);
  }
  at::Tensor loss(StepContext& context) override {
    return kl_.added(context, contrast(context, context.batch, chains_.advance(context, &kl_)));
  }

  void restartChains(const Random& random) override { chains_.restart(random); }
  std::map<std::string, at::Tensor> state() const override { return chains_.state(); }
  void setState(const std::map<std::string, at::Tensor>& state) override { chains_.setState(state); }
  Map statistics() const override { return chains_.statistics(); }

 private:
  PersistentChains chains_;
  SamplerKl kl_;
};

}  // namespace

std::unique_ptr<Objective> makePersistentContrastiveDivergence(const Spec& spec) {
  return std::make_unique<PersistentContrastiveDivergence>(spec);
}

}  // namespace langevin
