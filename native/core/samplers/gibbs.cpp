// gibbs: every step is a sweep that redraws each site from its conditional law (Geman and Geman 1984),
//   p(x_s = k | the others) = softmax_k(-E(x with s at k) / T),
// in an order drawn for each chain and sweep, or in the fixed order of the columns. Exact.
// order 'blocks', the usual one where there are such blocks, has two forms:
//   energies with binary hidden units (rbm): h ~ p(h | x), then x ~ p(x | h), each layer at once. It draws from
//   exp(-E(x, h)), whose law of x is exp(-E(x)); at another temperature that would not hold;
//   pairwise energies where not all sites interact (ising and potts on a lattice): colour after colour, see gibbs.hpp.
#include "samplers/gibbs.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <mutex>
#include <vector>

#include "samplers/discrete.hpp"
#include "samplers/moves.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

at::Tensor siteOrder(bool randomOrder, const Random& random, std::int64_t n, std::int64_t sites, std::uint64_t counter,
                     std::uint64_t firstChain) {
  if (!randomOrder) return at::arange(sites, at::kLong).unsqueeze(0).expand({n, sites}).contiguous();
  const at::Tensor u = random.uniform(n, sites, counter, Stream::Auxiliary, at::kFloat, firstChain).contiguous();
  at::Tensor order = at::empty({n, sites}, at::kLong);
  // A number and its site in one key: positive floats lie in the order of their bits, equal ones in that of the sites.
  // (argsort of rows this short takes five times as long.)
  std::vector<std::uint64_t> keys(static_cast<std::size_t>(sites));
  for (std::int64_t row = 0; row < n; ++row) {
    const float* from = u.const_data_ptr<float>() + row * sites;
    std::int64_t* to = order.data_ptr<std::int64_t>() + row * sites;
    for (std::size_t s = 0; s < keys.size(); ++s)
      keys[s] = static_cast<std::uint64_t>(std::bit_cast<std::uint32_t>(from[s])) << 32 | s;
    std::sort(keys.begin(), keys.end());
    for (std::size_t s = 0; s < keys.size(); ++s) to[s] = static_cast<std::int64_t>(keys[s] & 0xFFFFFFFFu);
  }
  return order;
}

namespace {

enum class Order { Usual, Random, Fixed, Blocks };
/// What an order is for an energy at hand.
enum class Visits { Random, Fixed, Layers, Colours };

/// Energies of the levels a site may go to, as one sweep needs them.
class Neighbours {
 public:
  Neighbours(const Target& target, const Sites& sites, const Chains& chains, at::TensorOptions integers)
      : target_(target),
        sites_(sites),
        equal_(sites.equalLevels()),
        shift_(at::arange(1, sites.levels(), integers)),
        counts_(sites.levelsOfSites(integers)) {
    // The levels are evaluated together, one after another.
    const std::int64_t others = sites.levels() - 1;
    y_ = equal_ && chains.y.defined() && others > 1
             ? at::cat(std::vector<at::Tensor>(static_cast<std::size_t>(others), chains.y))
             : chains.y;
  }

  /// K of the site of each chain, [n, 1].
  at::Tensor levelsOf(const at::Tensor& site) const { return counts_.index_select(0, site).unsqueeze(1); }

  /// [n, largest K]: the present level of `site` [n] first, whose energy is known already, and the others after it in
  /// their order; +inf for levels that a site does not have.
  at::Tensor energies(const Chains& chains, const at::Tensor& site, const at::Tensor& now,
                      const at::Tensor& count) const {
    const std::int64_t n = chains.size(), k = sites_.levels();
    const at::Tensor others = (now + shift_).remainder(count);  // [n, K - 1]
    if (!equal_) return unequal(chains, site, others, count);
    std::vector<at::Tensor> moved;
    for (std::int64_t j = 0; j < k - 1; ++j) moved.push_back(sites_.with(chains.x, site, others.select(1, j)));
    const at::Tensor rows = moved.size() == 1 ? moved[0] : at::cat(moved);
    return at::cat({chains.energy.unsqueeze(1), energyAt(target_, rows, y_).view({k - 1, n}).t()}, 1);
  }

 private:
  // Only levels that are there are evaluated.
  at::Tensor unequal(const Chains& chains, const at::Tensor& site, const at::Tensor& others,
                     const at::Tensor& count) const {
    const std::vector<at::Tensor> wanted = shift_.lt(count).nonzero().unbind(1);  // chain, column of `others`
    const at::Tensor &chain = wanted[0], &which = wanted[1];
    const at::Tensor rows =
        sites_.with(chains.x.index_select(0, chain), site.index_select(0, chain), others.index({chain, which}));
    const at::Tensor y = chains.y.defined() ? chains.y.index_select(0, chain) : chains.y;
    at::Tensor energies =
        at::full({chains.size(), sites_.levels()}, std::numeric_limits<double>::infinity(), chains.energy.options());
    energies.select(1, 0).copy_(chains.energy);
    return energies.index_put_({chain, which + 1}, energyAt(target_, rows, y));
  }

  const Target& target_;
  const Sites& sites_;
  bool equal_;
  at::Tensor shift_, counts_, y_;
};

class Gibbs final : public Sampler {
 public:
  Gibbs(CommonOptions common, Order order) : Sampler(std::move(common)), order_(order) {}

  Traits traits() const override {
    return {.adjusted = true, .moves = Kinds::discrete(), .gradient = false, .stepSize = false};
  }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    visitsOf(target);
    Sampler::init(chains, target, random, counter);
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random, Tally&) const override {
    const Visits visits = visitsOf(target);
    if (visits == Visits::Layers)
      layers(chains, *target.asEnergy(), clock, random);
    else
      sweep(chains, target, visits, clock, random);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override {
    // Of some columns nothing is known but the energy.
    if (target.part) return fuseSweeps(*this, target, order_ != Order::Fixed);
    const Energy& energy = target.energy;
    const Visits visits = visitsOf(energy);
    if (visits == Visits::Layers) return fuseLayers(*this, energy);
    if (const auto graph = graphOf(energy); graph && visits != Visits::Random)
      return fuseLatticeGibbs(*this, energy, graph, visits == Visits::Colours);
    if (auto pairs = fusePairwiseGibbs(*this, energy, visits == Visits::Random)) return pairs;
    return fuseSweeps(*this, target, visits == Visits::Random);
  }

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    return std::make_shared<Gibbs>(common_.atTemperature(factor), order_);
  }

 private:
  Visits visitsOf(const Target& target) const {
    if (order_ == Order::Random) return Visits::Random;
    if (order_ == Order::Fixed) return Visits::Fixed;
    const Energy* energy = target.asEnergy();
    const bool layered = energy && energy->program().bipartite.weight >= 0;
    const bool heated = !common_.temperature.constant() || common_.temperature.first() != 1;
    if (layered && !heated) return Visits::Layers;
    if (energy && graphOf(*energy)) return Visits::Colours;
    if (order_ == Order::Usual) return Visits::Random;
    if (layered)
      fail(Code::Unsupported, "order 'blocks' draws the columns of an ", target.kind(),
           " together with its hidden units, which are summed out at temperature 1 only: leave temperature out, or use "
           "order 'random'");
    fail(Code::Unsupported,
         "order 'blocks' needs binary hidden units (rbm) or sites that do not all interact (ising and potts on a "
         "lattice); a ",
         target.kind(), " energy ", energy && energy->program().pairwise.coupling >= 0 ? "of all pairs " : "",
         "has no such blocks: use order 'random'");
  }

  // The graph of the energy this sampler was last used on: training asks again at every step.
  std::shared_ptr<const SiteGraph> graphOf(const Energy& energy) const {
    const Program& program = energy.program();
    if (program.pairwise.mask < 0) return nullptr;
    const at::Tensor& mask = program.constants[static_cast<std::size_t>(program.pairwise.mask)];
    const std::lock_guard lock(mutex_);
    if (!mask.is_same(mask_)) {
      graph_ = siteGraphOf(energy);
      mask_ = mask;
    }
    return graph_;
  }

  void sweep(Chains& chains, const Target& target, Visits visits, const StepClock& clock, const Random& random) const {
    const Sites sites(target);
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const std::int64_t n = chains.size();
    const auto device = chains.x.device();
    at::Tensor order = siteOrder(visits == Visits::Random, random, n, sites.count(), clock.counter, chains.firstChain);
    if (visits == Visits::Colours)
      order = at::tensor(graphOf(*target.asEnergy())->order, at::kLong).unsqueeze(0).expand({n, sites.count()});
    order = order.to(device);
    const at::Tensor u = random.uniform(n, sites.count(), clock.counter, Stream::Noise,
                                        at::TensorOptions(at::kDouble).device(device), chains.firstChain);
    const Neighbours neighbours(target, sites, chains, order.options());
    at::Tensor levels = sites.decode(chains.x);
    for (std::int64_t visit = 0; visit < sites.count(); ++visit) {
      const at::Tensor site = order.select(1, visit).contiguous(), column = site.unsqueeze(1);
      const at::Tensor now = levels.gather(1, column), count = neighbours.levelsOf(site);
      const at::Tensor energies = neighbours.energies(chains, site, now, count);
      requireNumbers(energies, chains, clock.counter);
      const at::Tensor choice =
          choose(energies.to(at::kDouble) / -temperature, u.gather(1, column).squeeze(1)).unsqueeze(1);
      const at::Tensor level = (now + choice).remainder(count);
      chains.x = sites.with(chains.x, site, level.squeeze(1));
      chains.energy = energies.gather(1, choice).squeeze(1);
      levels = levels.scatter(1, column, level);
    }
  }

  // An infinite energy is a state of probability 0; one that is not a number would be passed over in silence.
  static void requireNumbers(const at::Tensor& energies, const Chains& chains, std::uint64_t counter) {
    const at::Tensor lost = energies.isnan();
    if (!lost.any().item<bool>()) return;
    const auto row = lost.nonzero()[0][0].item<std::int64_t>();
    chainNotFinite(chains.firstChain + static_cast<std::uint64_t>(row), "the energy of a neighbouring state", false,
                   counter);
  }

  void layers(Chains& chains, const Energy& energy, const StepClock& clock, const Random& random) const {
    const Bipartite& form = energy.program().bipartite;
    const auto& parameters = energy.parameters().tensors();
    const at::Tensor& weight = parameters[static_cast<std::size_t>(form.weight)];
    const at::Tensor& bias = parameters[static_cast<std::size_t>(form.bias)];
    const auto draw = [&](const at::Tensor& logits, Stream stream) {
      const at::Tensor u =
          random.uniform(logits.size(0), logits.size(1), clock.counter, stream, logits.options(), chains.firstChain);
      return u.lt(logits.sigmoid());
    };
    const ProgramValues values = energy.valuesOf({chains.x.to(energy.dtype()), chains.y});
    const at::Tensor hidden = draw(values.outputs, Stream::Auxiliary);
    const at::Tensor logits = at::addmm(bias, hidden.to(weight.scalar_type()), weight);
    // A parameter that is not a number would make every comparison false, and so look like a row of zeros.
    if (const std::int64_t row = firstNonFiniteRow(logits); row >= 0)
      chainNotFinite(chains.firstChain + static_cast<std::uint64_t>(row), "the input of a unit", false, clock.counter);
    chains.x = draw(logits, Stream::Noise).to(chains.x.scalar_type());
    chains.energy = energyAt(energy, chains.x, chains.y);
  }

  Order order_;
  mutable std::mutex mutex_;
  mutable at::Tensor mask_;
  mutable std::shared_ptr<const SiteGraph> graph_;
};

}  // namespace

std::shared_ptr<const Sampler> makeGibbs(const Spec& spec) {
  const std::string name = spec.text("order", "");
  if (spec.has("order") && name != "random" && name != "fixed" && name != "blocks")
    spec.at("order").invalid("'" + name + "' is not one of random, fixed, blocks");
  const Order order = name == "random"   ? Order::Random
                      : name == "fixed"  ? Order::Fixed
                      : name == "blocks" ? Order::Blocks
                                         : Order::Usual;
  return std::make_shared<Gibbs>(CommonOptions::readDiscrete(spec), order);
}

}  // namespace langevin
