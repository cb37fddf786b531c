// Detectors that ask an energy: the energy itself, its logits, its score.
#include <cmath>

#include "energies/energy.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kModelBlock = 1 << 14;

enum class Quantity { Energy, Likelihood, ScoreNorm, LogitEnergy, MaxSoftmax, MaxLogit };

class ModelDetector : public Detector {
 public:
  ModelDetector(EnergyRef energy, Quantity quantity, double constant)
      : energy_(std::move(energy)), quantity_(quantity), constant_(constant) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const Batch rows = energy_->rows(x, {});
    if (rows.size() > 0 && rows.size() <= kModelBlock) {
      job.check();
      return block(rows, threads);
    }
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < rows.size(); first += kModelBlock) {
      job.check();
      parts.push_back(block(rows.slice(first, std::min(rows.size(), first + kModelBlock)), threads));
    }
    return parts.empty() ? at::empty({0}, at::kDouble) : at::cat(parts);
  }

 private:
  at::Tensor block(const Batch& rows, int threads) const {
    switch (quantity_) {
      case Quantity::Energy:
        return toDouble(energy_->energyOf(rows, threads));
      case Quantity::Likelihood:  // -log p = E + log Z
        return toDouble(energy_->energyOf(rows, threads)).add(constant_);
      case Quantity::ScoreNorm:
        return toDouble(energy_->energyAndGradient(rows, threads).gradient).norm(2, 1);
      default:
        return ofLogits(toDouble(energy_->outputsOf(rows, threads)));
    }
  }

  at::Tensor ofLogits(const at::Tensor& logits) const {
    if (quantity_ == Quantity::LogitEnergy) return logits.div(constant_).logsumexp(1).mul(-constant_);
    const auto [largest, index] = logits.max(1);
    if (quantity_ == Quantity::MaxLogit) return largest.neg();
    // 1 - max softmax as the sum of the other classes: confident rows keep their order below 1e-16.
    const at::Tensor others = logits.sub(largest.unsqueeze(1)).exp().scatter(1, index.unsqueeze(1), 0.0).sum(1);
    return others.div(others.add(1));
  }

  static at::Tensor toDouble(const at::Tensor& t) { return t.detach().to(at::kCPU, at::kDouble); }

  EnergyRef energy_;
  Quantity quantity_;
  double constant_;
};

std::unique_ptr<Detector> makeModelDetector(const Spec& spec, const Spec&) {
  const std::string& kind = spec.kind();
  const EnergyRef energy = energyIn(spec.at("model"));
  const auto made = [&](Quantity q, double constant = 0) {
    return std::make_unique<ModelDetector>(energy, q, constant);
  };
  if (kind == "energy") return made(Quantity::Energy);
  if (kind == "likelihood") return made(Quantity::Likelihood, spec.number("logZ"));
  if (kind == "scoreNorm") {
    energy->program().domain.require(Kinds::real(), "a scoreNorm detector takes the score of real columns",
                                     "an energy detector");
    return made(Quantity::ScoreNorm);
  }
  if (energy->program().outputs < 0)
    spec.invalid("a " + kind + " detector needs an energy with logits (classifier), this one is a " +
                 energy->program().kind);
  if (kind == "logitEnergy") return made(Quantity::LogitEnergy, spec.positive("temperature", 1));
  return made(kind == "maxLogit" ? Quantity::MaxLogit : Quantity::MaxSoftmax);
}

// The norm of the score of the one energy in `models`.
std::unique_ptr<Detector> makeDenoisingScore(const Spec& spec, const Spec& state) {
  const std::vector<Spec> models = spec.at("models").items();
  if (models.size() != 1) spec.at("models").invalid("must hold one energy");
  const Value described(Map{{"kind", "scoreNorm"}, {"model", models[0].value()}});
  return makeModelDetector(Spec(described, spec.path()), state);
}

}  // namespace

const DetectorKind& modelDetector() {
  static const DetectorKind kind = {nullptr, makeModelDetector};
  return kind;
}

const DetectorKind& denoisingScore() {
  static const DetectorKind kind = {nullptr, makeDenoisingScore};
  return kind;
}

}  // namespace langevin
