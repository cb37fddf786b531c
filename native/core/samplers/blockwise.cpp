// blockwise: kernels that take turns, each moving its own blocks of columns while the others are held (Metropolis
// within Gibbs; Tierney 1994, section 2.4). A kernel that leaves p(x_b | the rest) ~ exp(-E(x) / T) as it is leaves the
// law of all columns as it is, so a round of exact kernels is exact. A step is one round, in the order of the kernels,
// each with its own `steps` steps and random numbers of its own.
//
// E and its gradient are made anew before each kernel, since the columns it holds have moved. What a kernel carries
// from step to step (velocity, adaptation) lies in Chains::replicas, one per kernel, as wide as x.
//
// Clamped blocks are moved by no kernel: the others are then drawn from p(the others | the clamped columns as they began),
// which every kernel leaves as it is, since that holds for any columns it does not move.
#include <algorithm>
#include <cmath>
#include <optional>

#include "energies/restricted_target.hpp"
#include "program/block_words.hpp"
#include "samplers/moves.hpp"
#include "samplers/plan.hpp"
#include "samplers/sampler.hpp"

namespace langevin {
namespace {

Kinds everyKind() {
  return {Domain::Kind::Real,    Domain::Kind::Binary, Domain::Kind::Spin,  Domain::Kind::Categorical,
          Domain::Kind::Ordinal, Domain::Kind::Cyclic, Domain::Kind::Tokens};
}

/// A kernel and the blocks it moves.
struct BlockKernel {
  std::shared_ptr<const Sampler> sampler;
  BlockWords on;
  std::optional<BlockWords> clamp;
  std::string path;

  // None where all of them are clamped.
  std::vector<std::size_t> blocksIn(const Domain& domain) const {
    std::vector<std::size_t> blocks = on.in(domain);
    if (!clamp) return blocks;
    for (const std::size_t held : clamp->in(domain)) std::erase(blocks, held);
    return blocks;
  }
};

/// What a run tells of each kernel.
struct KernelSums {
  double acceptance = 0, proposals = 0;
};

class Blockwise final : public Sampler {
 public:
  Blockwise(CommonOptions common, std::vector<BlockKernel> kernels)
      : Sampler(std::move(common)), kernels_(std::move(kernels)) {
    exact_ = std::all_of(kernels_.begin(), kernels_.end(),
                         [](const BlockKernel& k) { return k.sampler->traits().adjusted; });
  }

  Traits traits() const override {
    std::int64_t rounds = 0;
    for (const BlockKernel& k : kernels_) {
      const std::int64_t steps = k.sampler->common().steps;
      rounds = std::max(rounds, (k.sampler->traits().warmup + steps - 1) / steps);
    }
    // Each kernel makes its own gradient.
    return {.adjusted = exact_,
            .moves = everyKind(),
            .gradient = false,
            .stepSize = false,
            .companions = true,
            .warmup = rounds};
  }

  void requireDomain(const Domain& domain) const override {
    std::vector<bool> moved(domain.blocks().size(), false);
    bool any = false;
    if (const auto& clamp = kernels_[0].clamp)
      for (const std::size_t b : clamp->in(domain)) moved[b] = true;
    for (const BlockKernel& k : kernels_) {
      const Kinds kinds = k.sampler->traits().moves;
      const std::string what = k.path + ": " + k.sampler->common().kind + " moves " +
                               (kinds.has(Domain::Kind::Real) ? "real columns" : "between discrete states");
      for (const std::size_t b : k.blocksIn(domain)) {
        domain.require(domain.blocks()[b], kinds, what, "another sampler for them, or other columns for it (on)");
        moved[b] = any = true;
      }
    }
    if (!any)
      throw Error(Code::InvalidOption,
                  "sampler.clamp: every column that a kernel moves is clamped; nothing is left to draw",
                  {{"path", "sampler.clamp"}});
    for (std::size_t b = 0; b < moved.size(); ++b)
      if (!moved[b])
        throw Error(Code::InvalidOption,
                    "sampler.kernels: " + domain.blocks()[b].place() +
                        " would never move; every block needs a kernel, or is named in clamp",
                    {{"path", "sampler.kernels"}});
  }

  void init(Chains& chains, const Target& target, const Random& random, std::uint64_t counter) const override {
    if (chains.replicas.empty()) {
      for (std::size_t k = 0; k < kernels_.size(); ++k) {
        Chains& own = chains.replicas.emplace_back();
        own.x = chains.x;
        own.firstChain = chains.firstChain;
        if (const auto& box = kernels_[k].sampler->common().box) enter(*box, kernels_[k], target, chains);
      }
    }
    if (chains.replicas.size() != kernels_.size())
      fail(Code::Shape, "the chains have states of ", chains.replicas.size(), " kernels, this sampler has ",
           kernels_.size(), "; resume with the sampler that made the state");
    Sampler::init(chains, target, random, counter);
  }

  void step(Chains& chains, const Target& target, const StepClock& clock, const Random& random,
            Tally& tally) const override {
    round(turnsOf(target.domain()), chains, target, clock, random, tally, nullptr);
  }

  std::unique_ptr<TileExecutor> fuse(const FuseTarget& target) const override;

  std::shared_ptr<const Sampler> atTemperature(double factor) const override {
    std::vector<BlockKernel> heated = kernels_;
    for (BlockKernel& k : heated) {
      if (!k.sampler->common().temperature.constant()) return nullptr;
      k.sampler = k.sampler->atTemperature(factor);
      if (!k.sampler) return nullptr;
    }
    return std::make_shared<Blockwise>(common_.atTemperature(factor), std::move(heated));
  }

  double effectiveTemperature() const override { return kernels_[0].sampler->effectiveTemperature(); }

  void report(const Tally& tally, Map& diagnostics) const override {
    List told;
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      const auto sums = tally.ownSums<KernelSums>(k);
      const Value rate = sums.proposals > 0 ? Value(sums.acceptance / sums.proposals) : Value();
      const bool adjusted = kernels_[k].sampler->traits().adjusted;
      told.emplace_back(Map{{"sampler", kernels_[k].sampler->common().kind},
                            {"acceptance", adjusted ? rate : Value()},
                            {"wouldBeAcceptance", adjusted ? Value() : rate}});
    }
    diagnostics["kernels"] = std::move(told);
  }

  /// What a kernel moves, null where all of it is clamped, and its fused loop where it has one.
  struct Turn {
    std::shared_ptr<const ColumnPart> part;
    std::unique_ptr<TileExecutor> loop;
  };
  std::vector<Turn> turnsOf(const Domain& domain) const {
    std::vector<Turn> turns;
    for (const BlockKernel& k : kernels_) {
      const std::vector<std::size_t> blocks = k.blocksIn(domain);
      turns.push_back({blocks.empty() ? nullptr : std::make_shared<const ColumnPart>(domain, blocks), nullptr});
    }
    return turns;
  }
  /// One round; `pulse` is that of the loops, and may be null where there are none.
  void round(const std::vector<Turn>& turns, Chains& chains, const Target& target, const StepClock& clock,
             const Random& random, Tally& tally, Pulse* pulse) const {
    const std::int64_t before = tally.steps;
    for (std::size_t k = 0; k < kernels_.size(); ++k)
      if (turns[k].part) turn(k, turns[k], chains, target, clock, random, tally, pulse);
    // Shares are of the kernels' steps; the driver adds one for the round itself.
    if (tally.steps > before) tally.steps -= chains.size();
  }

 private:
  static void enter(const Box& box, const BlockKernel& kernel, const Target& target, Chains& chains) {
    const std::vector<std::size_t> blocks = kernel.blocksIn(target.domain());
    if (blocks.empty()) return;
    const ColumnPart part(target.domain(), blocks);
    at::Tensor columns = part.columnsOf(chains.x);
    Tally notCounted;
    applyBox(columns, box, notCounted);
    chains.x = part.put(chains.x, columns);
  }

  // The steps of one kernel.
  void turn(std::size_t k, const Turn& mine, Chains& chains, const Target& target, const StepClock& clock,
            const Random& random, Tally& tally, Pulse* pulse) const {
    const Sampler& sampler = *kernels_[k].sampler;
    const std::int64_t steps = sampler.common().steps;
    const Random own = random.fork(Salt::BlockKernel, k);
    Chains& carried = chains.replicas[k];
    const ColumnPart& part = *mine.part;
    RestrictedTarget restricted(target, mine.part);
    restricted.hold({chains.x, chains.y});
    Chains moving;
    moving.x = part.columnsOf(chains.x);
    moving.y = restricted.ownRows();
    moving.firstChain = chains.firstChain;
    if (carried.velocity.defined()) moving.velocity = part.columnsOf(carried.velocity);
    moving.adaptation = carried.adaptation;

    StepClock now{clock.t * steps, clock.total * steps, clock.counter * static_cast<std::uint64_t>(steps),
                  clock.monitorEvery * steps};
    Tally sums;
    startTile(sampler, restricted, moving, own, now.counter);
    if (mine.loop) {
      moving.held = &restricted.held();
      mine.loop->run(moving, now, steps, own, sums, *pulse);
    } else {
      for (std::int64_t i = 0; i < steps; ++i, ++now.t, ++now.counter) {
        sampler.step(moving, restricted, now, own, sums);
        requireFiniteState(moving, false, now.counter);
      }
      sums.steps += steps * chains.size();
    }

    chains.x = part.put(chains.x, moving.x);
    chains.energy = moving.energy;
    carried.x = chains.x;
    if (moving.velocity.defined()) carried.velocity = part.put(at::zeros_like(chains.x), moving.velocity);
    carried.adaptation = moving.adaptation;
    tally.addOwn(KernelSums{sums.acceptance, static_cast<double>(sums.proposals)}, k);
    // One rate for all: of the tests that were made, or, where a kernel has none, of those it would have had.
    if (!exact_ && sampler.traits().adjusted) sums.acceptance = sums.accepted = static_cast<double>(sums.proposals = 0);
    sums.own.clear();
    tally.merge(sums);
  }

  std::vector<BlockKernel> kernels_;
  bool exact_ = true;
};

// Round after round, each kernel by its own fused loop where it has one.
class BlockwiseExecutor final : public TileExecutor {
 public:
  BlockwiseExecutor(const Blockwise& sampler, const Energy& energy, std::vector<Blockwise::Turn> turns)
      : sampler_(sampler), energy_(energy), turns_(std::move(turns)) {}
  const char* name() const override { return "fused"; }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    startTile(sampler_, energy_, tile, random, clock.counter);
    Pulse silent = pulse.silent();
    for (std::int64_t i = 0; i < count; ++i, ++clock.t, ++clock.counter) {
      pulse.beat(tile.size());
      sampler_.round(turns_, tile, energy_, clock, random, tally, &silent);
      tally.steps += tile.size();
      requireFiniteState(tile, false, clock.counter);
    }
  }

 private:
  const Blockwise& sampler_;
  const Energy& energy_;
  std::vector<Blockwise::Turn> turns_;
};

std::unique_ptr<TileExecutor> Blockwise::fuse(const FuseTarget& target) const {
  if (target.part || !hasFusedTiles(target.energy)) return nullptr;
  std::vector<Turn> turns = turnsOf(target.domain());
  for (std::size_t k = 0; k < kernels_.size(); ++k)
    if (turns[k].part) turns[k].loop = kernels_[k].sampler->fuse({target.energy, turns[k].part.get()});
  if (std::none_of(turns.begin(), turns.end(), [](const Turn& t) { return t.loop != nullptr; })) return nullptr;
  return std::make_unique<BlockwiseExecutor>(*this, target.energy, std::move(turns));
}

BlockKernel readBlockKernel(const Spec& spec, const std::optional<BlockWords>& clamp) {
  BlockKernel kernel{makeSampler(spec.at("sampler")), BlockWords::read(spec.at("on")), clamp, spec.path()};
  const std::string& kind = spec.at("sampler").kind();
  if (kernel.sampler->traits().setsCondition || kind == "annealedLangevin" || kind == "parallelTempering" ||
      kind == "blockwise")
    spec.at("sampler").invalid("kind '" + kind +
                               "' cannot take turns; use langevin, mala, hmc, nuts, underdampedLangevin, gibbs, "
                               "gibbsWithGradients or discreteLangevin");
  return kernel;
}

}  // namespace

std::shared_ptr<const Sampler> makeBlockwise(const Spec& spec) {
  std::vector<BlockKernel> kernels;
  std::optional<BlockWords> clamp;
  if (spec.has("clamp")) clamp = BlockWords::read(spec.at("clamp"));
  for (const Spec& item : spec.at("kernels").items()) kernels.push_back(readBlockKernel(item, clamp));
  if (kernels.empty()) spec.at("kernels").invalid("give at least one kernel");
  CommonOptions common;
  common.kind = spec.kind();
  common.steps = spec.count("steps", 1);
  const double temperature = kernels[0].sampler->effectiveTemperature();
  common.temperature = Schedule(temperature);
  for (const BlockKernel& k : kernels)
    if (const double t = k.sampler->effectiveTemperature(); std::abs(t - temperature) > 0.01 * temperature)
      spec.at("kernels").invalid("the kernels' temperatures are " + std::to_string(temperature) + " and " +
                                 std::to_string(t) + ", which have no law in common: give all of them the same");
  return std::make_shared<Blockwise>(std::move(common), std::move(kernels));
}

}  // namespace langevin
