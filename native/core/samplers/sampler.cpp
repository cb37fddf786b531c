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

Tally Tally::unread() const {
  Tally tally;
  if (recorded.defined()) tally.recorded = at::zeros_like(recorded);
  return tally;
}

Chains Chains::slice(std::int64_t first, std::int64_t last) const {
  const auto part = [&](const at::Tensor& t) { return t.defined() ? t.slice(0, first, last) : t; };
  return {part(x),        part(y),         firstChain + static_cast<std::uint64_t>(first), part(energy), part(gradient),
          part(velocity), part(adaptation)};
}

CommonOptions CommonOptions::read(const Spec& spec) {
  CommonOptions options;
  options.steps = spec.count("steps", 1);
  options.stepSize = Schedule::read(spec.at("stepSize"));
  options.temperature = spec.has("temperature") ? Schedule::read(spec.at("temperature")) : Schedule(1.0);
  options.clip = spec.has("clip") ? spec.positive("clip") : 0.0;
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

void Sampler::init(Chains& chains, const Energy& energy, const Random&, std::uint64_t) const {
  EnergyAndGradient value = evaluateAt(energy, chains.x, chains.y);
  chains.energy = std::move(value.energy);
  chains.gradient = std::move(value.gradient);
}

double Sampler::effectiveTemperature() const { return common_.temperature.at(common_.steps - 1, common_.steps); }

std::unique_ptr<TileExecutor> Sampler::fuse(const Energy&) const { return nullptr; }

at::Tensor Sampler::stepSizes(const Chains&) const { return {}; }

}  // namespace langevin
