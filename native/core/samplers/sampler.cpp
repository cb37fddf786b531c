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

std::optional<double> Sampler::drift(const StepClock&) const { return std::nullopt; }

std::unique_ptr<TileExecutor> Sampler::fuse(const Energy&) const { return nullptr; }

at::Tensor Sampler::stepSizes(const Chains&) const { return {}; }

}  // namespace langevin
