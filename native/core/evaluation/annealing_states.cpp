// Annealed importance sampling over discrete states (annealing.hpp, annealedStates).
#include <cmath>

#include "evaluation/annealing_run.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

struct StatesTile {
  Chains chains;
  std::vector<double> logWeight;
  double acceptance = 0;  // sweeps draw from the conditional law itself: nothing is tested
  std::int64_t proposals = 0;
};

class StatesPath {
 public:
  StatesPath(const Energy& energy, const std::vector<double>& betas) : energy_(energy), betas_(betas) {}
  virtual ~StatesPath() = default;

  virtual StatesTile drawn(std::int64_t first, std::int64_t rows, const at::Tensor& y, const Random& random) const {
    // The tile's first row stands for the step: no two tiles share numbers.
    return made(
        energy_.program().domain.uniform(rows, static_cast<std::uint64_t>(first), Stream::Init, random, at::kDouble),
        first, y);
  }
  StatesTile started(const at::Tensor& x, std::int64_t first, const at::Tensor& y) const { return made(x, first, y); }
  void weigh(StatesTile& tile, std::size_t from, std::size_t to) const {
    const at::Tensor change = energyAt(tile.chains, betas_[from]) - energyAt(tile.chains, betas_[to]);
    const at::Tensor dense = change.to(at::kCPU, at::kDouble).contiguous();
    for (std::size_t i = 0; i < tile.logWeight.size(); ++i) tile.logWeight[i] += dense.const_data_ptr<double>()[i];
  }
  virtual void move(StatesTile& tile, std::size_t k, const Random& random, std::uint64_t counter) const = 0;

 protected:
  virtual at::Tensor energyAt(const Chains& chains, double b) const = 0;  // [n]
  /// What energyAt() reads, for chains that just got their x.
  virtual void settle(Chains& chains) const = 0;

  const Energy& energy_;
  const std::vector<double>& betas_;

  StatesTile made(const at::Tensor& x, std::int64_t first, const at::Tensor& y) const {
    StatesTile tile;
    tile.chains.x = x.to(energy_.device(), at::kDouble);
    tile.chains.firstChain = static_cast<std::uint64_t>(first);
    if (y.defined()) {
      std::vector<std::int64_t> shape(y.sizes().begin(), y.sizes().end());
      shape[0] = x.size(0);
      tile.chains.y = y.expand(shape);
    }
    tile.logWeight.assign(static_cast<std::size_t>(x.size(0)), 0.0);
    settle(tile.chains);
    return tile;
  }
};

std::shared_ptr<const Sampler> moverAt(double temperature, bool gradientMoves) {
  const Value spec = Map{{"kind", gradientMoves ? "gibbsWithGradients" : "gibbs"},
                         {"steps", std::int64_t{1}},
                         {"temperature", temperature}};
  return makeSampler(Spec(spec, "transition"));
}

// E_b = b E / T: Gibbs sweeps, or moves by gradients, at the temperature T / b.
class HeatedPath final : public StatesPath {
 public:
  HeatedPath(const Energy& energy, const std::vector<double>& betas, double temperature, bool gradientMoves, Job& job)
      : StatesPath(energy, betas), temperature_(temperature), job_(job) {
    for (const double b : betas) samplers_.push_back(moverAt(temperature / (b > 0 ? b : 1), gradientMoves));
  }
  void move(StatesTile& tile, std::size_t k, const Random& random, std::uint64_t counter) const override {
    Tally tally;
    Pulse pulse(job_, tile.chains.size(), 1, false);
    planTile(*samplers_[k], energy_)->run(tile.chains, StepClock{0, 1, counter}, 1, random, tally, pulse);
    tile.acceptance += tally.acceptance;
    tile.proposals += tally.proposals;
  }

 private:
  at::Tensor energyAt(const Chains& chains, double b) const override { return chains.energy * (b / temperature_); }
  void settle(Chains& chains) const override {
    samplers_[0]->init(chains, energy_, Random(0), 0);
    chains.started = true;
  }

  double temperature_;
  Job& job_;
  std::vector<std::shared_ptr<const Sampler>> samplers_;
};

// (1 - b) E_0 + b E / T over bits, E_0 = -l' x with the logits l of independent bits; in float64, whatever E is in.
class Blend final : public Target {
 public:
  Blend(const Energy& energy, const at::Tensor& logits, double b, double temperature)
      : energy_(energy), logits_(logits), share_(b / temperature), rest_(1 - b) {}
  const std::string& kind() const override { return energy_.kind(); }
  const Shape& input() const override { return energy_.input(); }
  double workPerRow() const override { return energy_.workPerRow(); }
  const Domain& domain() const override { return energy_.domain(); }
  const Condition& condition() const override { return energy_.condition(); }
  at::TensorOptions options() const override { return energy_.options(); }
  Batch rows(const at::Tensor& x, const at::Tensor& y) const override { return energy_.rows(x, y); }
  at::Tensor energyOf(const Batch& rows) const override { return of(rows.x, energy_.energyOf(rows)); }
  EnergyAndGradient energyAndGradient(const Batch& rows) const override {
    const EnergyAndGradient own = energy_.energyAndGradient(rows);
    return {of(rows.x, own.energy), own.gradient.to(at::kDouble) * share_ - logits_ * rest_};
  }

  /// Of an energy of E at rows x, and back: no evaluation.
  at::Tensor of(const at::Tensor& x, const at::Tensor& energy) const {
    return energy.to(at::kDouble) * share_ - at::mv(x.to(at::kDouble), logits_) * rest_;
  }
  void enter(Chains& chains) const {
    chains.energy = of(chains.x, chains.energy);
    if (chains.gradient.defined()) chains.gradient = chains.gradient * share_ - logits_ * rest_;
  }
  void leave(Chains& chains) const {
    chains.energy = (chains.energy + at::mv(chains.x, logits_) * rest_) / share_;
    if (chains.gradient.defined()) chains.gradient = (chains.gradient + logits_ * rest_) / share_;
  }

 private:
  const Energy& energy_;
  at::Tensor logits_;
  double share_, rest_;
};

// From independent bits. Between two moves energy and gradient of the chains are those of E alone: a change of b costs
// nothing then.
class BlendedPath final : public StatesPath {
 public:
  BlendedPath(const Energy& energy, const std::vector<double>& betas, const std::vector<double>& bits,
              double temperature, bool gradientMoves)
      : StatesPath(energy, betas),
        probability_(at::tensor(bits, energy.options().dtype(at::kDouble))),
        logits_(probability_.logit()),
        temperature_(temperature),
        mover_(moverAt(1, gradientMoves)) {}

  StatesTile drawn(std::int64_t first, std::int64_t rows, const at::Tensor& y, const Random& random) const override {
    const at::Tensor u = random.uniform(rows, probability_.size(0), 0, Stream::Init, at::TensorOptions(at::kDouble),
                                        static_cast<std::uint64_t>(first));
    return made(u.lt(probability_.to(at::kCPU)).to(at::kDouble), first, y);
  }
  void move(StatesTile& tile, std::size_t k, const Random& random, std::uint64_t counter) const override {
    const Blend target(energy_, logits_, betas_[k], temperature_);
    Tally tally;
    target.enter(tile.chains);
    mover_->step(tile.chains, target, StepClock{0, 1, counter}, random, tally);
    target.leave(tile.chains);
    tile.acceptance += tally.acceptance;
    tile.proposals += tally.proposals;
  }

 private:
  at::Tensor energyAt(const Chains& chains, double b) const override {
    const at::Tensor base = at::softplus(logits_).sum() - at::mv(chains.x, logits_);
    return chains.energy * (b / temperature_) + base * (1 - b);
  }
  void settle(Chains& chains) const override { mover_->init(chains, energy_, Random(0), 0); }

  at::Tensor probability_, logits_;
  double temperature_;
  std::shared_ptr<const Sampler> mover_;
};

// E_b(x) = -log sum_h exp(-b E(x, h)) = -b bias'x - sum_j softplus(b a_j), a = c + W x the inputs of the hidden units.
class LayeredPath final : public StatesPath {
 public:
  LayeredPath(const Energy& energy, const std::vector<double>& betas) : StatesPath(energy, betas) {
    const auto parameter = [&](int i) {
      return energy.parameters().tensors()[static_cast<std::size_t>(i)].detach().to(at::kDouble);
    };
    weight_ = parameter(energy.program().bipartite.weight);
    bias_ = parameter(energy.program().bipartite.bias);
  }
  std::int64_t hidden() const { return weight_.size(0); }
  void move(StatesTile& tile, std::size_t k, const Random& random, std::uint64_t counter) const override {
    Chains& chains = tile.chains;
    const auto draw = [&](const at::Tensor& logits, Stream stream) {
      const at::Tensor u =
          random.uniform(logits.size(0), logits.size(1), counter, stream, logits.options(), chains.firstChain);
      return u.lt((betas_[k] * logits).sigmoid()).to(at::kDouble);
    };
    // `gradient` holds a, which belongs to the present x as a gradient would.
    const at::Tensor h = draw(chains.gradient, Stream::Auxiliary);
    chains.x = draw(at::addmm(bias_, h, weight_), Stream::Noise);
    settle(chains);
  }

 private:
  at::Tensor energyAt(const Chains& chains, double b) const override {
    return -(b * at::mv(chains.x, bias_) + at::softplus(b * chains.gradient).sum(1));
  }
  void settle(Chains& chains) const override {
    chains.gradient = energy_.valuesOf({chains.x.to(energy_.dtype()), chains.y}).outputs.to(at::kDouble);
  }

  at::Tensor weight_, bias_;
};

}  // namespace

AnnealedPartition annealedStates(const Energy& energy, const AnnealedOptions& options, double temperature,
                                 const at::Tensor& y, const at::Tensor& samples, int threads, Job& job) {
  const at::NoGradGuard guard;
  const Program& program = energy.program();
  const Domain& domain = program.domain;
  const at::Tensor anyState = domain.encode(at::zeros({1, domain.sites()}, at::kLong), at::TensorOptions(at::kDouble));
  const at::Tensor condition = energy.rows(anyState, y).y;
  const std::vector<double> betas =
      options.ladder == Ladder::Given ? options.betas : annealingLadder(options.ladder, options.temperatures);
  const auto run = [&](const auto& path, double logBase) {
    return annealed(path, betas, logBase, options, condition, samples, threads, job);
  };
  if (!options.bits.empty())
    return run(BlendedPath(energy, betas, options.bits, temperature, options.gradientMoves), 0);
  double logStates = 0;
  for (const ColumnBlock& block : domain.runs())
    logStates += static_cast<double>(block.sites()) * std::log(static_cast<double>(block.levels));
  if (program.bipartite.weight < 0 || temperature != 1 || options.gradientMoves)
    return run(HeatedPath(energy, betas, temperature, options.gradientMoves, job), logStates);
  const LayeredPath path(energy, betas);
  return run(path, logStates + static_cast<double>(path.hidden()) * std::log(2.0));
}

}  // namespace langevin
