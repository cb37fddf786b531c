// A classifier that is trained as a density too (JEM, Grathwohl et al. 2020): with E(x) = -logsumexp f(x) and E(x, y) =
// -f(x)[y],
//   loss = density [mean E(x) - mean E(x-)] + classification mean -log p(y | x)
//        + conditional [mean E(x, y) - mean E(x-, y-)]
// x- <- sampler steps from persistent chains of p(x), (x-, y-) of p(x | y) with the classes as frequent as in the data. The
// gradient of the first bracket is that of -log p(x), of the last that of -log p(x | y). With a second data set without
// labels the first bracket is taken over its rows.
#include <optional>

#include "objectives/classification.hpp"
#include "objectives/persistent_chains.hpp"
#include "objectives/support.hpp"
#include "tensors/saved.hpp"

namespace langevin {
namespace {

constexpr const char* kDensity = "density/";
constexpr const char* kConditional = "conditional/";

ReplayBuffer::Options bufferOf(const Spec& spec) {
  const auto buffer = spec.find("buffer");
  return buffer ? ReplayBuffer::Options::read(*buffer) : ReplayBuffer::Options{};
}

class JointEnergy : public Objective {
 public:
  explicit JointEnergy(const Spec& spec)
      : density_(spec.nonNegative("density", 1)),
        classification_(spec.nonNegative("classification", 1)),
        conditional_(spec.nonNegative("conditional", 0)) {
    if (!(density_ + classification_ + conditional_ > 0))
      spec.invalid("one of density, classification and conditional must be above 0");
    std::shared_ptr<const Sampler> sampler = makeSampler(spec.at("sampler"));
    const std::int64_t chains = spec.count("chains", 1, 0);
    ReplayBuffer::Options options = bufferOf(spec);
    if (density_ > 0) chains_.emplace(sampler, options, chains);
    options.strategy = "classBlocks";
    if (conditional_ > 0) byClass_.emplace(sampler, options, chains);
  }

  Traits traits() const override {
    return {.everywhere = samples(), .marginal = density_ > 0, .negativesOfModel = samples()};
  }
  void takeUnlabelled(const RowSource& rows) override {
    if (!chains_)
      throw Error(Code::InvalidOption, "rows without labels enter the density term, whose weight is 0",
                  {{"path", "unlabelled"}});
    unlabelled_ = rows;
  }
  void prepare(Energy& model, const RowSource& data, const at::Tensor& target, const Random& random) override {
    requireLabels(model, target, "jointEnergy");
    if (chains_) chains_->prepare(model, unlabelled_ ? *unlabelled_ : data.with({}), random);
    if (byClass_) byClass_->prepare(model, data, random.fork(Salt::ConditionalChains));
  }

  at::Tensor loss(StepContext& context) override {
    std::optional<PersistentChains::Moved> ofClasses, ofAll;
    if (byClass_) ofClasses = byClass_->move(context);
    if (chains_) ofAll = chains_->move(context);
    at::Tensor sum = at::zeros({}, at::kDouble);
    if (ofAll) {
      const Batch data{context.unlabelled.x.defined() ? context.unlabelled.x : context.batch.x, {}};
      sum = sum + contrastOf(context, data, chains_->store(context, *ofAll), density_);
    }
    if (ofClasses) {
      const Batch negatives = byClass_->store(context, *ofClasses);
      sum = sum + contrastOf(context, context.batch, negatives, conditional_);
    }
    if (classification_ > 0) {
      const at::Tensor ofLabels = crossEntropyOf(context, classification_);
      context.monitor("crossEntropy", ofLabels.item<double>() / classification_);
      sum = sum + ofLabels;
    }
    return sum;
  }

  void restartChains(const Random& random) override {
    if (chains_) chains_->restart(random);
    if (byClass_) byClass_->restart(random.fork(Salt::ConditionalChains));
  }
  std::map<std::string, at::Tensor> state() const override {
    std::map<std::string, at::Tensor> all;
    const auto add = [&](const char* prefix, const std::optional<PersistentChains>& chains) {
      if (!chains) return;
      for (const auto& [name, tensor] : chains->state()) all.emplace(prefix + name, tensor);
    };
    add(kDensity, chains_);
    add(kConditional, byClass_);
    return all;
  }
  void setState(const std::map<std::string, at::Tensor>& state) override {
    if (chains_) chains_->setState(savedBelow(state, kDensity));
    if (byClass_) byClass_->setState(savedBelow(state, kConditional));
  }
  Map statistics() const override {
    if (!chains_) return byClass_ ? byClass_->statistics() : Map{};
    Map all = chains_->statistics();
    if (byClass_) all.emplace("conditional", byClass_->statistics());
    return all;
  }

 private:
  bool samples() const { return density_ > 0 || conditional_ > 0; }

  // Energies of the data and the gap are those of the density, where it is trained.
  at::Tensor contrastOf(StepContext& context, const Batch& data, const Batch& negatives, double weight) const {
    const EnergyPair energy = energiesOf(context, data, negatives);
    if (!negatives.y.defined() || !chains_) {
      context.recordData(energy.data);
      context.recordNegatives(energy.negatives);
    }
    return weightedMeans(context, {{energy.data, weight}, {energy.negatives, -weight}});
  }

  double density_, classification_, conditional_;
  std::optional<PersistentChains> chains_, byClass_;  // of p(x), of p(x | y)
  std::optional<RowSource> unlabelled_;
};

}  // namespace

std::unique_ptr<Objective> makeJointEnergy(const Spec& spec) { return std::make_unique<JointEnergy>(spec); }

}  // namespace langevin
