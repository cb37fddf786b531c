// gibbsWithGradients: Metropolis moves of one site, proposed where the gradient says that the energy falls (Grathwohl
// et al. 2021, algorithm 1). With d(x)[s, k] = dE/dx . (x' - x), x' being x with site s at another level k,
//   q(s, k | x) = softmax(-d(x) / (2 T)),  accepted with min(1, exp(-(E(x') - E(x)) / T) q(x | x') / q(x' | x)).
// The 2 makes the proposal locally balanced (Zanella 2020). The test makes it exact, however rough the estimate is.
#include <limits>

#include "samplers/discrete.hpp"
#include "samplers/fused_discrete.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

class GibbsWithGradients final : public Sampler {
 public:
  using Sampler::Sampler;

  Traits traits() const override { return {.adjusted = true, .moves = kindsWithGradients(), .stepSize = false}; }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    const Sites sites(target);
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const std::int64_t n = chains.size(), k = sites.levels();
    // Of two levels there is one other: a move is a site. Else it is a site and a level.
    const bool flip = sites.domain().flips();
    const at::Tensor forward = logits(sites, chains.x, chains.gradient, temperature);
    const at::Tensor u =
        fineUniform(random, n, 1, clock.counter, Stream::Noise, chains.firstChain).squeeze(1).to(forward.device());
    const at::Tensor move = choose(forward, u);
    const at::Tensor site = flip ? move : move.div(k, "floor");
    const at::Tensor before = sites.decode(chains.x).gather(1, site.unsqueeze(1)).squeeze(1);
    const at::Tensor x = sites.with(chains.x, site, flip ? 1 - before : move.remainder(k));
    const EnergyAndGradient next = evaluateAt(target, x, chains.y);
    const at::Tensor backward = logits(sites, x, next.gradient, temperature);
    const at::Tensor logRatio = (chains.energy.to(at::kDouble) - next.energy) / temperature +
                                probability(backward, flip ? site : site * k + before) - probability(forward, move);
    acceptMoves(chains, x, next, logRatio, clock, random, tally);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    return fuseGibbsWithGradients(*this, target);
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    return std::make_shared<GibbsWithGradients>(common_.atTemperature(factor));
  }

 private:
  /// [n, sites] of flips; [n, sites * K] of one-hot blocks, where staying is no move.
  static at::Tensor logits(const Sites& sites, const at::Tensor& x, const at::Tensor& gradient, double temperature) {
    if (sites.domain().flips()) {
      const std::vector<double> values = sites.domain().runs()[0].values();
      return (values[0] + values[1] - 2 * x.to(at::kDouble)).mul_(gradient).mul_(-0.5 / temperature);
    }
    return sites.differences(x, gradient)
        .mul_(-0.5 / temperature)
        .masked_fill_(sites.squaredDistances(x).eq(0), -std::numeric_limits<double>::infinity())
        .reshape({x.size(0), -1});
  }
  /// log softmax(logits) at `index` [n].
  static at::Tensor probability(const at::Tensor& logits, const at::Tensor& index) {
    return logits.gather(1, index.unsqueeze(1)).squeeze(1) - logits.logsumexp(1);
  }
};

}  // namespace

std::shared_ptr<const Sampler> makeGibbsWithGradients(const Spec& spec) {
  return std::make_shared<GibbsWithGradients>(CommonOptions::readDiscrete(spec));
}

}  // namespace langevin
