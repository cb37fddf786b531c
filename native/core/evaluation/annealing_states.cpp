// Annealed importance sampling over discrete states (annealing.hpp, annealedStates).
#include <cmath>

#include "evaluation/annealing_run.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

struct StatesTile {
  Chains chains;
  std::vector<double> logWeight;
  double acceptance = 0;  // every draw is from the conditional law itself: nothing is tested
  std::int64_t proposals = 0;
};

class StatesPath {
 public:
  StatesPath(const Energy& energy, const std::vector<double>& betas) : energy_(energy), betas_(betas) {}
  virtual ~StatesPath() = default;

  StatesTile drawn(std::int64_t first, std::int64_t rows, const at::Tensor& y, const Random& random) const {
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

 private:
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

// E_b = b E / T: Gibbs sweeps at the temperature T / b.
class SweptPath final : public StatesPath {
 public:
  SweptPath(const Energy& energy, const std::vector<double>& betas, double temperature, Job& job)
      : StatesPath(energy, betas), temperature_(temperature), job_(job) {
    for (const double b : betas)
      samplers_.push_back(makeSampler(
          Spec(Map{{"kind", "gibbs"}, {"steps", std::int64_t{1}}, {"temperature", temperature / (b > 0 ? b : 1)}},
               "gibbs")));
  }
  void move(StatesTile& tile, std::size_t k, const Random& random, std::uint64_t counter) const override {
    Tally tally;
    Pulse pulse(job_, tile.chains.size(), 1, false);
    planTile(*samplers_[k], energy_)->run(tile.chains, StepClock{0, 1, counter}, 1, random, tally, pulse);
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
  double logStates = 0;
  for (const ColumnBlock& block : domain.runs())
    logStates += static_cast<double>(block.sites()) * std::log(static_cast<double>(block.levels));
  if (program.bipartite.weight < 0 || temperature != 1)
    return annealed(SweptPath(energy, betas, temperature, job), betas, logStates, options, condition, samples, threads,
                    job);
  const LayeredPath path(energy, betas);
  return annealed(path, betas, logStates + static_cast<double>(path.hidden()) * std::log(2.0), options, condition,
                  samples, threads, job);
}

}  // namespace langevin
