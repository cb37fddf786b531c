#include "samplers/sampler.hpp"

#include "samplers/moves.hpp"

namespace langevin {

void Tally::merge(const Tally& other) {
  acceptance += other.acceptance;
  accepted += other.accepted;
  proposals += other.proposals;
  divergences += other.divergences;
  clipped += other.clipped;
  clamped += other.clamped;
  steps += other.steps;
  if (own.size() < other.own.size()) own.resize(other.own.size(), 0);
  for (std::size_t i = 0; i < other.own.size(); ++i) own[i] += other.own[i];
}

namespace {

void plus(Tally& tally, Tally::Field field, double number) {
  const auto whole = static_cast<std::int64_t>(number);
  switch (field) {
    case Tally::Field::Acceptance:
      tally.acceptance += number;
      break;
    case Tally::Field::Accepted:
      tally.accepted += number;
      break;
    case Tally::Field::Proposals:
      tally.proposals += whole;
      break;
    case Tally::Field::Divergences:
      tally.divergences += whole;
      break;
    case Tally::Field::Clipped:
      tally.clipped += whole;
      break;
    case Tally::Field::Clamped:
      tally.clamped += whole;
      break;
  }
}

}  // namespace

void Tally::add(Field field, const at::Tensor& number) {
  if (recorded.defined())
    recorded.narrow(0, static_cast<std::int64_t>(field), 1).add_(number.to(at::kDouble));
  else
    plus(*this, field, number.item().toDouble());
}

void Tally::addRecorded(const at::Tensor& sums) {
  const at::Tensor host = sums.to(at::kCPU);
  for (int i = 0; i < static_cast<int>(kFields); ++i) plus(*this, static_cast<Field>(i), host.data_ptr<double>()[i]);
}

Tally Tally::notCounted() const {
  Tally tally;
  if (recorded.defined()) tally.recorded = at::zeros_like(recorded);
  return tally;
}

Chains Chains::slice(std::int64_t first, std::int64_t last) const {
  Chains result;
  result.firstChain = firstChain + static_cast<std::uint64_t>(first);
  result.started = started;
  for (at::Tensor Chains::*member : {&Chains::x, &Chains::y, &Chains::energy, &Chains::gradient, &Chains::velocity,
                                     &Chains::adaptation, &Chains::ends})
    if ((this->*member).defined()) result.*member = (this->*member).slice(0, first, last);
  for (const Chains& replica : replicas) result.replicas.push_back(replica.slice(first, last));
  return result;
}

Chains Chains::joined(std::vector<Chains>& tiles) {
  if (tiles.size() == 1) return std::move(tiles[0]);
  Chains all;
  all.firstChain = tiles[0].firstChain;
  all.started = tiles[0].started;
  for (at::Tensor Chains::*part : {&Chains::x, &Chains::y, &Chains::energy, &Chains::gradient, &Chains::velocity,
                                   &Chains::adaptation, &Chains::ends}) {
    if (!(tiles[0].*part).defined()) continue;
    std::vector<at::Tensor> pieces;
    for (Chains& tile : tiles) pieces.push_back(std::move(tile.*part));
    all.*part = at::cat(pieces);
  }
  for (std::size_t k = 0; k < tiles[0].replicas.size(); ++k) {
    std::vector<Chains> pieces;
    for (Chains& tile : tiles) pieces.push_back(std::move(tile.replicas[k]));
    all.replicas.push_back(joined(pieces));
  }
  return all;
}

void Chains::restart() {
  started = false;
  energy.reset();
  gradient.reset();
  for (Chains& replica : replicas) replica.restart();
}

CommonOptions CommonOptions::readDiscrete(const Spec& spec) {
  CommonOptions options;
  options.kind = spec.kind();
  options.steps = spec.count("steps", 1);
  options.temperature = spec.has("temperature") ? Schedule::read(spec.at("temperature")) : Schedule(1.0);
  return options;
}

CommonOptions CommonOptions::read(const Spec& spec) {
  CommonOptions options = read(spec, spec.count("steps", 1));
  if (spec.has("temperature")) options.temperature = Schedule::read(spec.at("temperature"));
  return options;
}

CommonOptions CommonOptions::read(const Spec& spec, std::int64_t steps) {
  CommonOptions options;
  options.kind = spec.kind();
  options.steps = steps;
  options.stepSize = Schedule::read(spec.at("stepSize"));
  options.temperature = Schedule(1.0);
  options.clip = spec.has("clip") ? spec.positive("clip") : 0.0;
  const std::string precision = spec.text("precision", "float32");
  if (precision != "float32" && precision != "bfloat16")
    spec.at("precision").invalid("'" + precision + "' is not one of float32, bfloat16");
  options.precision = precision == "bfloat16" ? Precision::BFloat16 : Precision::Float32;
  if (const auto box = spec.find("box")) {
    Box b;
    b.low = box->number("low");
    b.high = box->number("high");
    if (!(b.low < b.high)) box->invalid("low must be less than high");
    const std::string mode = box->text("mode", "reflect");
    if (mode != "reflect" && mode != "clamp") box->at("mode").invalid("'" + mode + "' is not one of reflect, clamp");
    b.reflect = mode == "reflect";
    options.box = b;
  }
  return options;
}

CommonOptions CommonOptions::atTemperature(double factor) const {
  CommonOptions result = *this;
  result.temperature = temperature.times(factor);
  return result;
}

void Sampler::requireDomain(const Domain& domain) const {
  const Kinds moves = traits().moves;
  const bool real = moves.has(Domain::Kind::Real);
  const std::string what =
      "the sampler " + common_.kind + (real ? " moves real columns" : " moves between discrete states");
  const char* instead = domain.mixed()      ? "blockwise with a sampler for each of them"
                        : real              ? "gibbs, gibbsWithGradients or discreteLangevin"
                        : domain.discrete() ? "gibbs"
                                            : "langevin, mala or hmc";
  domain.require(moves, what, instead);
}

void Sampler::init(Chains& chains, const Target& target, const Random&, std::uint64_t) const {
  if (!traits().gradient) {
    chains.energy = energyAt(target, chains.x, chains.y);
    chains.gradient.reset();
    return;
  }
  EnergyAndGradient value = evaluateAt(target, chains.x, chains.y);
  chains.energy = std::move(value.energy);
  chains.gradient = std::move(value.gradient);
}

std::unique_ptr<TileExecutor> Sampler::fuse(const FuseTarget&) const { return nullptr; }

std::shared_ptr<const Sampler> Sampler::atTemperature(double) const { return nullptr; }

std::shared_ptr<const Sampler> Sampler::tuned(const Target&, const Chains&, const Random&, int, Job&) const {
  return nullptr;
}

double Sampler::effectiveTemperature() const { return common_.temperature.at(common_.steps - 1, common_.steps); }

std::optional<double> Sampler::gradientFactor(const StepClock&) const { return std::nullopt; }

at::Tensor Sampler::stepSizes(const Chains&) const { return {}; }

void Sampler::report(const Tally&, Map&) const {}

}  // namespace langevin
