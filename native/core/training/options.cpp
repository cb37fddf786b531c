#include "training/options.hpp"

#include <algorithm>
#include <cmath>

namespace langevin {
namespace {

void readEma(const Spec& a, TrainOptions& o) {
  const auto ema = a.find("ema");
  if (!ema) return;
  const bool object = ema->value().map() != nullptr;
  const Spec decay = object ? ema->at("decay") : *ema;
  o.ema = decay.number();
  if (!(o.ema >= 0 && o.ema < 1)) decay.invalid("must be at least 0 and below 1, got " + std::to_string(o.ema));
  o.emaWarmup = object && ema->boolean("warmup", false);
}

std::int64_t readSteps(const Spec& a, std::int64_t rows, std::int64_t batchSize) {
  if (a.has("steps") && a.has("epochs")) a.at("epochs").invalid("give steps or epochs, not both");
  if (a.has("steps")) return a.count("steps", 1);
  if (!a.has("epochs")) a.at("steps");  // says that it is required
  const double epochs = a.positive("epochs");
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(epochs * static_cast<double>(rows) / static_cast<double>(batchSize))));
}

}  // namespace

TrainOptions TrainOptions::read(const Spec& a, std::int64_t rows) {
  TrainOptions o;
  o.batchSize = a.count("batchSize", 1, o.batchSize);
  o.steps = readSteps(a, rows, o.batchSize);
  if (a.has("seed")) o.seed = a.at("seed").seed();
  readEma(a, o);
  o.clipNorm = a.nonNegative("clipNorm", 0);
  o.penalties = Penalties::read(a);
  if (const auto d = a.find("divergence")) {
    o.gapLimit = d->positive("gap", o.gapLimit);
    if (const auto recover = d->find("recover")) o.recovery = Recovery::Options::read(*recover);
  }
  o.extraLr = a.nonNegative("extraLr", o.extraLr);
  o.checkpoints = a.boolean("checkpoints", false);
  o.every = a.count("every", 0, 0);
  o.threads = a.threads();
  o.historyPoints = a.count("historyPoints", 1, o.historyPoints);
  return o;
}

}  // namespace langevin
